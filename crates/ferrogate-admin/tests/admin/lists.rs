//! What holds of every route.

use ferrogate_admin::Admin;
use ferrogate_billing::Ledger;
use ferrogate_storage::{
    Document, DocumentKind, DocumentStore as _, Dsn, Expected, TenantRecord, TenantStore as _,
};
use ferrogate_types::Timestamp;
use serde_json::json;

use crate::support::{By, Gateway};

/// Every list with what its pages hold by default and at most.
const LISTS: &[(&str, u32, u32)] = &[
    ("api-keys", 100, 1_000),
    ("api-keys/usage", 20, 100),
    ("tenants", 100, 1_000),
    ("policies", 100, 1_000),
    ("budgets", 100, 1_000),
    ("request-logs", 50, 200),
    ("billing-events", 50, 200),
    ("audit-events", 50, 200),
    ("usage-aggregates", 1_000, 10_000),
    ("config/history", 100, 100),
    ("sessions", 100, 1_000),
    ("providers", 100, 1_000),
    ("models", 100, 1_000),
];

#[tokio::test]
async fn every_list_has_one_form() {
    let gateway = Gateway::new();
    for &(path, default, most) in LISTS {
        let list = gateway.get(path).await.expect(200).json;
        assert_eq!(list["object"], "list", "{path}");
        assert!(list["data"].is_array() && list["total"].is_u64(), "{path}");
        assert!(list.get("next_cursor").is_some(), "{path}");
        assert_eq!(
            (&list["limit"], &list["offset"]),
            (&json!(default), &json!(0)),
            "{path}"
        );
        let held = gateway
            .get(&format!("{path}?limit=4294967295&offset=4294967295"))
            .await;
        let held = held.expect(200).json;
        assert_eq!(
            (&held["limit"], &held["data"]),
            (&json!(most), &json!([])),
            "{path}"
        );
        let unknown = gateway.get(&format!("{path}?nonsense=1")).await;
        let unknown = unknown.refused(400, "unknown_parameter");
        assert_eq!(unknown.json["error"]["param"], "nonsense", "{path}");
    }
}

#[tokio::test]
async fn both_prefixes_and_both_names_lead_there() {
    let gateway = Gateway::new();
    for (path, other) in [
        ("/admin/v1/api-keys", "/admin/keys"),
        ("/admin/v1/keys", "/admin/api-keys"),
        ("/admin/v1/logs", "/admin/request-logs"),
        ("/admin/v1/audit", "/admin/audit-events"),
        ("/admin/v1/tenants", "/admin/tenants"),
    ] {
        assert!(Admin::serves(path) && Admin::serves(other));
        let [one, two] = [
            gateway.get(path).await.expect(200),
            gateway.get(other).await.expect(200),
        ];
        assert_eq!(one.json, two.json, "{path}");
    }
    assert!(!Admin::serves("/admin") && !Admin::serves("/v1/models"));
}

#[tokio::test]
async fn nobody_comes_in_without_a_credential_or_a_scope() {
    let gateway = Gateway::new();
    let caller = By::Secret(gateway.key(json!({"scopes": ["chat.completions"]})).await);
    let reader = By::Secret(gateway.key(json!({"scopes": ["admin.read"]})).await);
    for (method, path) in [
        ("GET", "api-keys"),
        ("GET", "openapi.json"),
        ("GET", "nothing"),
        ("POST", "api-keys"),
        ("DELETE", "config"),
    ] {
        let nobody = gateway.ask(method, path).by(&By::Nobody).send().await;
        let nobody = nobody.refused(401, "missing_api_key");
        assert_eq!(nobody.headers["www-authenticate"], "Bearer");
        gateway
            .ask(method, path)
            .by(&caller)
            .send()
            .await
            .refused(403, "scope_denied");
        if method != "GET" {
            gateway
                .ask(method, path)
                .by(&reader)
                .send()
                .await
                .refused(403, "scope_denied");
        }
    }
    let forged = gateway
        .ask("GET", "api-keys")
        .by(&By::Nobody)
        .header("cookie", "ferrogate_session=fgs_x");
    forged.send().await.refused(401, "invalid_session");
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there() {
    let gateway = Gateway::new();
    gateway.get("nothing").await.refused(404, "path_not_found");
    gateway
        .get("api-keys/")
        .await
        .refused(404, "path_not_found");
    gateway
        .get("api-keys/%ff")
        .await
        .refused(400, "invalid_path");
    gateway
        .get("api-keys/a%00b")
        .await
        .refused(400, "invalid_path");
    gateway
        .get(&format!("api-keys/{}", "x".repeat(5_000)))
        .await
        .refused(404, "resource_not_found");
    for method in ["PATCH", "OPTIONS", "TRACE", "BREW"] {
        let refused = gateway
            .ask(method, "drain")
            .send()
            .await
            .refused(405, "method_not_allowed");
        let allow = refused.headers["allow"].to_str().unwrap();
        assert!(
            allow.contains("POST") && allow.contains("DELETE"),
            "{allow}"
        );
    }
    let head = gateway.ask("HEAD", "api-keys").send().await.expect(200);
    assert!(head.text.is_empty());
}

#[tokio::test]
async fn what_nobody_here_wrote_is_not_the_callers_fault() {
    let gateway = Gateway::new();
    let now = Timestamp::default();
    let tenant = TenantRecord {
        id: "odd".parse().unwrap(),
        parent: None,
        name: String::new(),
        settings: r#"{"scopes":7}"#.to_owned(),
        created_at: now,
        updated_at: now,
        version: 0,
    };
    gateway
        .store
        .put_tenant(&tenant, Expected::Absent)
        .await
        .unwrap();
    for kind in [DocumentKind::Policy, DocumentKind::Budget] {
        let document = Document {
            kind,
            id: "odd".to_owned(),
            body: "{}".to_owned(),
            created_at: now,
            updated_at: now,
            version: 0,
        };
        gateway
            .store
            .put_document(&document, Expected::Absent)
            .await
            .unwrap();
    }
    for (method, path) in [
        ("GET", "tenants"),
        ("GET", "tenants/odd"),
        ("PATCH", "tenants/odd"),
        ("GET", "policies"),
        ("GET", "policies/odd"),
        ("DELETE", "budgets/odd"),
    ] {
        let ask = gateway.ask(method, path).json(&json!({}));
        ask.send().await.refused(503, "store_unavailable");
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    // A folder where the database should be.
    let dsn = Dsn::Sqlite(folder.path().to_owned());
    let gateway = Gateway::with(Ledger::in_memory(), &dsn, true);
    for (method, path, body) in [
        ("GET", "tenants", json!({})),
        ("GET", "policies", json!({})),
        ("GET", "request-logs", json!({})),
        ("GET", "billing-events", json!({})),
        ("GET", "usage-aggregates", json!({})),
        ("GET", "audit-events", json!({})),
        ("GET", "config/history", json!({})),
        ("POST", "api-keys", json!({})),
        ("POST", "tenants", json!({"id": "t"})),
        ("PUT", "config", json!({"config_toml": "x"})),
        ("DELETE", "sessions", json!({})),
    ] {
        let down = gateway.ask(method, path).json(&body).send().await;
        let down = down.refused(503, "store_unavailable");
        assert_eq!(down.headers["retry-after"], "1", "{path}");
    }
    // What needs no store goes on: looking at keys in force, signing in, draining.
    for (method, path, status) in [
        ("GET", "api-keys", 200),
        ("GET", "budgets", 200),
        ("GET", "config", 200),
        ("POST", "session", 201),
        ("POST", "drain", 200),
    ] {
        gateway.ask(method, path).send().await.expect(status);
    }
    assert_eq!(gateway.get("config").await.json["source"], "file");
}
