//! What the process knows of itself, and does.

use std::sync::atomic::Ordering;

use serde_json::json;

use crate::support::Gateway;

#[tokio::test]
async fn facts_are_shown_as_they_are() {
    let gateway = Gateway::new();
    for (path, expected) in [
        ("status", json!({"service": "ferrogate"})),
        ("version", json!({"version": "0.1.0"})),
        ("providers/openai", json!({"name": "openai"})),
    ] {
        assert_eq!(gateway.get(path).await.expect(200).json, expected, "{path}");
    }
    let test = gateway
        .ask("POST", "providers/openai/test")
        .send()
        .await
        .expect(200);
    assert_eq!(test.json, json!({"ok": true}));
    let list = gateway.get("providers?limit=1").await.expect(200).json;
    assert_eq!(
        (&list["data"], &list["total"]),
        (&json!([{"name": "openai"}]), &json!(2))
    );
    let cursor = list["next_cursor"].as_str().unwrap();
    let next = gateway
        .get(&format!("providers?cursor={cursor}"))
        .await
        .expect(200)
        .json;
    assert_eq!(next["data"], json!([{"name": "anthropic"}]));
    let found = gateway.get("providers?q=ANTH").await.expect(200).json;
    assert_eq!(found["total"], 1);
    assert_eq!(
        gateway.get("models").await.expect(200).json["data"],
        json!([])
    );
}

#[tokio::test]
async fn what_is_not_there_is_refused_by_name() {
    let gateway = Gateway::new();
    for (method, path) in [
        ("GET", "providers/nobody"),
        ("POST", "providers/nobody/test"),
        ("GET", "models/org%2Fmodel"),
    ] {
        gateway
            .ask(method, path)
            .send()
            .await
            .refused(404, "resource_not_found");
    }
    for (method, path) in [
        ("GET", "dashboard"),
        ("GET", "health"),
        ("GET", "catalog"),
        ("GET", "provider-health"),
        ("GET", "providers/catalog"),
        ("GET", "plugins/catalog"),
        ("GET", "certificates"),
        ("GET", "mcp-servers"),
        ("GET", "guardrails"),
        ("GET", "/admin/plugins"),
        ("POST", "certificates/example.com/renew"),
    ] {
        gateway
            .ask(method, path)
            .send()
            .await
            .refused(501, "not_available");
    }
}

#[tokio::test]
async fn a_node_drains_until_it_does_not() {
    let gateway = Gateway::new();
    for (method, draining) in [("POST", true), ("POST", true), ("DELETE", false)] {
        let state = gateway.ask(method, "drain").send().await.expect(200);
        assert_eq!(state.json, json!({"object": "drain", "draining": draining}));
        assert_eq!(gateway.node.draining.load(Ordering::Relaxed), draining);
    }
}
