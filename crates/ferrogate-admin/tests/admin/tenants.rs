//! Tenants, and what their principals see.

use serde_json::json;

use crate::support::{By, Gateway};

/// A gateway with `acme/team` and `other`, and a key in each.
async fn peopled() -> Gateway {
    let gateway = Gateway::new();
    for body in [
        json!({"id": "team", "parent": "acme", "kind": "team"}),
        json!({"id": "other", "parent": "org"}),
    ] {
        gateway.post("tenants", body).await.expect(201);
    }
    gateway
        .key(json!({"id": "team-key", "tenant": "team"}))
        .await;
    gateway
        .key(json!({"id": "other-key", "tenant": "other"}))
        .await;
    gateway
}

fn acme() -> By {
    By::Secret("secret-of-acme-admin".to_owned())
}

#[tokio::test]
async fn what_is_said_of_a_tenant_is_kept_and_in_force() {
    let gateway = Gateway::new();
    let said = json!({
        "id": "t", "parent": "org", "name": "T", "kind": "team", "disabled": true,
        "expires": "2040-01-02T03:04:05.000Z", "scopes": ["models.read"], "metadata": {"a": "b"},
        "allowed_models": ["m"], "denied_models": [], "allowed_providers": [], "denied_providers": ["p"],
        "allowed_ips": ["10.0.0.0/8"], "max_concurrency": 2,
        "budgets": [{"amount": "1", "unit": "usd", "per": "day", "timezone": "UTC", "on_exceed": "block",
            "on_store_failure": "closed"}],
    });
    let made = gateway.post("tenants", said.clone()).await.expect(201);
    let tenant = gateway.get("tenants/t").await.expect(200);
    for (name, value) in said.as_object().unwrap() {
        assert_eq!(tenant.json[name], *value, "{name}");
    }
    assert_eq!(
        (tenant.etag(), &tenant.json["source"]),
        (made.etag(), &json!("api"))
    );
    assert_eq!(gateway.node.told.lock().as_slice(), ["Tenants changed"]);
    let budget = gateway.get("budgets/tenant:t:usd:day").await.expect(200);
    assert_eq!(
        (&budget.json["limit"], &budget.json["source"]),
        (&json!("1"), &json!("api"))
    );
    let patch = gateway
        .ask("PATCH", "tenants/t")
        .json(&json!({"disabled": null, "name": "U"}));
    let patched = patch.send().await.expect(200);
    assert_eq!(
        (&patched.json["disabled"], &patched.json["name"]),
        (&json!(false), &json!("U"))
    );
    let put = gateway
        .ask("PUT", "tenants/t")
        .header("if-match", made.etag())
        .json(&json!({}));
    put.send().await.refused(412, "version_mismatch");
    let put = gateway
        .ask("PUT", "tenants/t")
        .header("if-match", patched.etag())
        .json(&json!({}));
    assert_eq!(put.send().await.expect(200).json["scopes"], json!(null));
}

#[tokio::test]
async fn a_tree_stays_a_tree() {
    let gateway = peopled().await;
    for (method, path, body, status, code) in [
        ("POST", "tenants", json!({}), 422, "missing_field"),
        (
            "POST",
            "tenants",
            json!({"id": "a b"}),
            422,
            "invalid_value",
        ),
        (
            "POST",
            "tenants",
            json!({"id": "team"}),
            409,
            "already_exists",
        ),
        (
            "POST",
            "tenants",
            json!({"id": "acme"}),
            409,
            "already_exists",
        ),
        (
            "POST",
            "tenants",
            json!({"id": "x", "parent": "nobody"}),
            422,
            "invalid_tenant",
        ),
        (
            "POST",
            "tenants",
            json!({"id": "x", "x": 1}),
            422,
            "unknown_field",
        ),
        (
            "PATCH",
            "tenants/team",
            json!({"parent": "team"}),
            422,
            "invalid_tenant",
        ),
        (
            "PATCH",
            "tenants/team",
            json!({"id": "other"}),
            422,
            "invalid_value",
        ),
        ("PATCH", "tenants/acme", json!({}), 409, "managed_by_file"),
        ("DELETE", "tenants/acme", json!({}), 409, "managed_by_file"),
        ("DELETE", "tenants/team", json!({}), 409, "in_use"),
        (
            "DELETE",
            "tenants/nobody",
            json!({}),
            404,
            "resource_not_found",
        ),
    ] {
        let answer = gateway.ask(method, path).json(&body).send().await;
        let answer = answer.expect(status);
        assert_eq!(answer.json["error"]["code"], code, "{method} {path} {body}");
    }
    gateway
        .ask("DELETE", "api-keys/team-key")
        .send()
        .await
        .expect(200);
    gateway
        .ask("DELETE", "tenants/team")
        .send()
        .await
        .expect(200);
    let list = gateway.get("tenants?parent=org").await.expect(200);
    assert_eq!(list.ids(), ["acme", "other"]);
}

#[tokio::test]
async fn tenants_do_not_see_each_other() {
    let gateway = peopled().await;
    gateway
        .post(
            "budgets",
            json!({"id": "b", "scope": "tenant:other", "amount": "1", "per": "day"}),
        )
        .await
        .expect(201);
    for (path, ids) in [
        ("api-keys", vec!["acme-admin", "team-key"]),
        ("api-keys/usage", vec!["acme-admin", "team-key"]),
        ("tenants", vec!["acme", "team"]),
        ("budgets", vec![]),
    ] {
        let mut list = gateway
            .ask("GET", path)
            .by(&acme())
            .send()
            .await
            .expect(200);
        let rows = list.json["data"].as_array_mut().unwrap();
        rows.sort_by_key(|row| row["id"].as_str().unwrap().to_owned());
        assert_eq!(list.ids(), ids, "{path}");
    }
    for (method, path, body) in [
        ("GET", "api-keys/other-key", json!({})),
        ("GET", "api-keys/file-key", json!({})),
        ("GET", "api-keys/other-key/usage", json!({})),
        ("PATCH", "api-keys/other-key", json!({"name": "mine"})),
        ("DELETE", "api-keys/other-key", json!({})),
        ("POST", "api-keys/other-key/revoke", json!({})),
        ("POST", "api-keys/other-key/rotate", json!({})),
        ("GET", "tenants/other", json!({})),
        ("GET", "tenants/org", json!({})),
        ("PATCH", "tenants/other", json!({})),
        ("GET", "budgets/b", json!({})),
        ("GET", "budgets/b/reservations", json!({})),
        ("GET", "budgets/key:file-key:usd:day", json!({})),
        ("DELETE", "budgets/b", json!({})),
    ] {
        let ask = gateway.ask(method, path).by(&acme()).json(&body);
        ask.send().await.refused(404, "resource_not_found");
    }
    for (path, body) in [
        ("api-keys", json!({"tenant": "other"})),
        ("tenants", json!({"id": "x", "parent": "other"})),
        (
            "budgets",
            json!({"id": "x", "scope": "tenant:other", "amount": "1", "per": "day"}),
        ),
        (
            "budgets",
            json!({"id": "x", "scope": "key:other-key", "amount": "1", "per": "day"}),
        ),
    ] {
        let ask = gateway.ask("POST", path).by(&acme()).json(&body);
        ask.send().await.refused(422, "invalid_value");
    }
}

#[tokio::test]
async fn a_tenant_reaches_what_is_below_it() {
    let gateway = peopled().await;
    let ask = |method, path, body: serde_json::Value| {
        let ask = gateway.ask(method, path).by(&acme());
        async move { ask.json(&body).send().await }
    };
    let made = ask("POST", "api-keys", json!({})).await.expect(201);
    assert_eq!(made.json["tenant"], "acme");
    let made = ask("POST", "tenants", json!({"id": "sub"}))
        .await
        .expect(201);
    assert_eq!(made.json["parent"], "acme");
    ask("PATCH", "tenants/team", json!({"max_concurrency": 1}))
        .await
        .expect(200);
    ask("PATCH", "api-keys/team-key", json!({"name": "x"}))
        .await
        .expect(200);
    let below = json!({"id": "x", "scope": "tenant:team", "amount": "1", "per": "day"});
    ask("POST", "budgets", below).await.expect(201);
    let own = json!({"id": "y", "scope": "tenant:acme", "amount": "1", "per": "day"});
    ask("POST", "budgets", own)
        .await
        .refused(403, "tenant_denied");
    let all = json!({"id": "y", "scope": "global", "amount": "1", "per": "day"});
    ask("POST", "budgets", all)
        .await
        .refused(403, "tenant_denied");
}

#[tokio::test]
async fn what_belongs_to_the_gateway_is_for_operators() {
    let gateway = Gateway::new();
    for (method, path) in [
        ("GET", "policies"),
        ("POST", "policies"),
        ("GET", "config"),
        ("PUT", "config"),
        ("POST", "config/explain"),
        ("GET", "audit-events"),
        ("GET", "sessions"),
        ("DELETE", "sessions"),
        ("POST", "drain"),
        ("GET", "status"),
        ("GET", "providers"),
        ("POST", "providers/openai/test"),
        ("DELETE", "request-logs?before=2026-01-01T00:00:00Z"),
        (
            "POST",
            "billing-events/00000000000000000000000000000000/settle",
        ),
    ] {
        let body = json!({"reason": "x"});
        let ask = gateway.ask(method, path).by(&acme()).json(&body);
        ask.send().await.refused(403, "tenant_denied");
    }
    for path in ["version", "openapi.json", "session"] {
        gateway
            .ask("GET", path)
            .by(&acme())
            .send()
            .await
            .expect(200);
    }
    for path in ["request-logs", "billing-events", "usage-aggregates"] {
        let other = gateway
            .ask("GET", &format!("{path}?tenant=org"))
            .by(&acme());
        other.send().await.refused(403, "tenant_denied");
        gateway
            .ask("GET", path)
            .by(&acme())
            .send()
            .await
            .expect(200);
    }
}
