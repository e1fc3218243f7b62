//! The audit trail.

use serde_json::json;

use crate::support::{By, Gateway};

#[tokio::test]
async fn a_row_names_what_changed_and_keeps_no_value() {
    let gateway = Gateway::new();
    gateway.key(json!({"id": "k", "name": "old"})).await;
    gateway
        .post("tenants", json!({"id": "t", "name": "old"}))
        .await
        .expect(201);
    let budget = json!({"id": "b", "scope": "global", "amount": "1", "per": "day"});
    gateway.post("budgets", budget).await.expect(201);
    let policy = json!({"name": "p", "effect": "deny"});
    gateway.post("policies", policy).await.expect(201);
    for (path, patch, changed) in [
        (
            "api-keys/k",
            json!({"name": "private", "max_concurrency": 1}),
            json!(["max_concurrency", "name"]),
        ),
        ("tenants/t", json!({"name": "private"}), json!(["name"])),
        ("budgets/b", json!({"amount": "2"}), json!(["amount"])),
        ("policies/p", json!({"effect": "allow"}), json!(["effect"])),
    ] {
        let ask = gateway.ask("PATCH", path);
        ask.json(&patch).send().await.expect(200);
        let rows = gateway.get("audit-events?limit=1").await.expect(200);
        assert_eq!(rows.json["data"][0]["detail"]["changed"], changed, "{path}");
        assert!(!rows.text.contains("private"), "{path}");
    }
}

#[tokio::test]
async fn every_change_is_noted_and_every_refusal() {
    let gateway = Gateway::new();
    let reader = gateway
        .key(json!({"id": "reader", "scopes": ["admin.read"]}))
        .await;
    let reader = By::Secret(reader);
    gateway
        .ask("DELETE", "api-keys/reader")
        .by(&reader)
        .send()
        .await
        .refused(403, "scope_denied");
    gateway
        .ask("DELETE", "keys/file-key")
        .send()
        .await
        .refused(409, "managed_by_file");
    gateway
        .post("api-keys", json!({"x": 1}))
        .await
        .refused(422, "unknown_field");
    gateway.ask("POST", "drain").send().await.expect(200);
    gateway
        .post("config/explain", json!({"url": "http://x/"}))
        .await
        .expect(200);
    gateway
        .ask("POST", "drain")
        .by(&By::Nobody)
        .send()
        .await
        .refused(401, "missing_api_key");
    gateway
        .post("nothing", json!({}))
        .await
        .refused(404, "path_not_found");
    let rows = gateway.get("audit-events").await.expect(200).json;
    let rows: Vec<_> = rows["data"].as_array().unwrap().iter().rev().collect();
    let shown: Vec<_> = rows
        .iter()
        .map(|row| {
            ["action", "actor_id", "target_id", "outcome"]
                .map(|name| row[name].as_str().unwrap_or("-"))
        })
        .collect();
    assert_eq!(
        shown,
        [
            ["key.create", "master-key", "reader", "ok"],
            ["key.delete", "key:reader", "reader", "denied"],
            ["key.delete", "master-key", "file-key", "denied"],
            ["key.create", "master-key", "-", "error"],
            ["drain.begin", "master-key", "-", "ok"],
        ]
    );
    assert_eq!(rows[0]["source_ip"], "192.0.2.7");
    assert_eq!(rows[1]["prev_hash"], rows[0]["hash"]);
    assert_eq!(rows[0]["detail"]["status"], 201);
    for (query, total) in [
        ("action=key.delete", 2),
        ("actor_id=key:reader", 1),
        ("target_id=reader", 2),
        ("outcome=denied", 2),
        ("since=2040-01-01T00:00:00Z", 0),
        ("until=2040-01-01T00:00:00Z", 5),
    ] {
        let list = gateway
            .get(&format!("/admin/audit?{query}"))
            .await
            .expect(200);
        assert_eq!(list.json["total"], total, "{query}");
    }
    let verified = gateway.get("audit-events/verify").await.expect(200).json;
    assert_eq!(
        (&verified["intact"], &verified["rows"]),
        (&json!(true), &json!(5))
    );
    assert_eq!(verified["head"], rows[4]["hash"]);
    gateway
        .ask("DELETE", "audit-events")
        .send()
        .await
        .refused(405, "method_not_allowed");
}
