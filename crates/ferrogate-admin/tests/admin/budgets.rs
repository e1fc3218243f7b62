//! Budgets.

use std::sync::Arc;

use ferrogate_billing::{Attempt, CallFacts, JournalSettings, Ledger, Spend};
use ferrogate_storage::Dsn;
use ferrogate_types::{RequestId, Usage, clock};
use serde_json::json;

use crate::support::Gateway;

#[tokio::test]
async fn a_budget_is_in_force_when_it_is_answered() {
    let gateway = Gateway::new();
    gateway.key(json!({"id": "k"})).await;
    let body = json!({"id": "b", "scope": "key:k", "amount": "25.50", "per": "month", "on_exceed": "downgrade small"});
    let made = gateway.post("budgets", body).await.expect(201);
    let row = gateway.get("budgets/b").await.expect(200);
    assert_eq!(row.json, made.json);
    for (name, value) in [
        ("object", json!("budget")),
        ("scope", json!("key:k")),
        ("unit", json!("usd")),
        ("period", json!("month")),
        ("timezone", json!("UTC")),
        ("limit", json!("25.5")),
        ("spent", json!("0")),
        ("reserved", json!("0")),
        ("left", json!("25.5")),
        ("on_exceed", json!("downgrade small")),
        ("on_store_failure", json!("closed")),
        ("source", json!("api")),
    ] {
        assert_eq!(row.json[name], value, "{name}");
    }
    assert!(row.json["resets_at"].is_string());
    assert!(
        gateway
            .ledger
            .book()
            .state(&"b".parse().unwrap(), clock::since_epoch())
            .is_some()
    );
    let patch = gateway
        .ask("PATCH", "budgets/b")
        .header("if-match", made.etag());
    let patched = patch
        .json(&json!({"amount": 7, "unit": "tokens", "on_exceed": null}))
        .send()
        .await
        .expect(200);
    assert_eq!(
        (&patched.json["limit"], &patched.json["on_exceed"]),
        (&json!(7), &json!("block"))
    );
    let put = gateway
        .ask("PUT", "budgets/b")
        .header("if-match", made.etag());
    let body = json!({"scope": "global", "amount": "0", "per": "total"});
    put.json(&body)
        .send()
        .await
        .refused(412, "version_mismatch");
    let put = gateway
        .ask("PUT", "budgets/b")
        .json(&body)
        .send()
        .await
        .expect(200);
    assert_eq!(
        (&put.json["scope"], &put.json["resets_at"]),
        (&json!("global"), &json!(null))
    );
    gateway.ask("DELETE", "budgets/b").send().await.expect(200);
    gateway
        .get("budgets/b")
        .await
        .refused(404, "resource_not_found");
}

#[tokio::test]
async fn budgets_of_holders_are_changed_with_their_holders() {
    let gateway = Gateway::new();
    gateway
        .key(json!({"id": "k", "monthly_token_budget": 9}))
        .await;
    let list = gateway.get("budgets").await.expect(200);
    assert_eq!(list.ids(), ["key:file-key:usd:day", "key:k:tokens:month"]);
    let list = gateway
        .get("budgets?source=file&scope=key:file-key")
        .await
        .expect(200);
    assert_eq!(list.ids(), ["key:file-key:usd:day"]);
    for (id, code) in [
        ("key:file-key:usd:day", "managed_by_file"),
        ("key:k:tokens:month", "managed_by_holder"),
    ] {
        let delete = gateway.ask("DELETE", &format!("budgets/{id}"));
        delete.send().await.refused(409, code);
    }
}

#[tokio::test]
async fn wrong_budgets_are_refused() {
    let gateway = Gateway::new();
    let good = json!({"id": "b", "scope": "global", "amount": "1", "per": "day"});
    gateway.post("budgets", good.clone()).await.expect(201);
    for (member, value, status, code) in [
        ("id", json!(null), 422, "missing_field"),
        ("id", json!("a:b"), 422, "invalid_value"),
        ("id", json!("b"), 409, "already_exists"),
        ("scope", json!("user:x"), 422, "invalid_value"),
        ("scope", json!("key:nobody"), 422, "invalid_value"),
        ("scope", json!("tenant:nobody"), 422, "invalid_value"),
        ("amount", json!("-1"), 422, "invalid_value"),
        ("amount", json!("99999999999"), 422, "invalid_value"),
        ("amount", json!(1.5), 422, "invalid_value"),
        ("per", json!("year"), 422, "invalid_value"),
        ("timezone", json!("Mars"), 422, "invalid_value"),
        ("on_exceed", json!("cry"), 422, "invalid_value"),
        ("on_store_failure", json!("maybe"), 422, "invalid_value"),
        ("limit", json!("1"), 422, "unknown_field"),
    ] {
        let mut body = good.clone();
        body["id"] = json!("c");
        body[member] = value;
        let refused = gateway.post("budgets", body.clone()).await.expect(status);
        assert_eq!(refused.json["error"]["code"], code, "{body}");
    }
}

#[tokio::test]
async fn reservations_are_those_of_calls_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path(), &JournalSettings::default()).unwrap();
    let gateway = Gateway::with(ledger, &Dsn::Memory, true);
    let body = json!({"id": "b", "scope": "global", "amount": 100, "unit": "tokens", "per": "day"});
    gateway.post("budgets", body).await.expect(201);
    let facts = CallFacts {
        request_id: RequestId::from_random(7),
        key: Some("file-key".parse().unwrap()),
        tenant: None,
        user: None,
        model: "fast".parse().unwrap(),
        provider: None,
        upstream_model: None,
        price: None,
    };
    let worst = Spend {
        usage: Usage {
            input: 40,
            ..Usage::default()
        },
        cost: None,
    };
    let chain = gateway.ledger.book().chain([&"b".parse().unwrap()]);
    let now = clock::since_epoch();
    let reserved = gateway
        .ledger
        .reserve(&chain, Arc::new(facts), worst, Attempt::Asked, now);
    let mut call = reserved.unwrap();
    call.recorded().await.unwrap();
    let open = gateway.get("budgets/b/reservations").await.expect(200);
    let row = &open.json["data"][0];
    assert_eq!(
        (&row["amount"], &row["key"], &row["model"]),
        (&json!(40), &json!("file-key"), &json!("fast"))
    );
    let budget = gateway.get("budgets/b").await.expect(200);
    assert_eq!(
        (&budget.json["reserved"], &budget.json["left"]),
        (&json!(40), &json!(60))
    );
    call.release();
    let open = gateway.get("budgets/b/reservations").await.expect(200);
    assert_eq!(open.json["total"], 0);
}
