//! Policies.

use serde_json::json;

use crate::support::Gateway;

#[tokio::test]
async fn a_policy_is_made_changed_and_deleted() {
    let gateway = Gateway::new();
    let said = json!({
        "name": "office", "effect": "deny", "tenants": ["acme"], "keys": ["k-*"], "models": ["gpt-*"],
        "providers": ["openai"], "surfaces": ["chat.*"], "scopes": ["chat.completions"], "ips": ["10.0.0.0/8"],
        "hours": ["mon-fri 09:00-17:00 Europe/Berlin"], "code": "closed", "message": "come back", "dry_run": true,
    });
    let made = gateway.post("policies", said.clone()).await.expect(201);
    let policy = gateway.get("policies/office").await.expect(200);
    for (name, value) in said.as_object().unwrap() {
        assert_eq!(policy.json[name], *value, "{name}");
    }
    assert_eq!(policy.etag(), made.etag());
    let patch = gateway
        .ask("PATCH", "policies/office")
        .json(&json!({"dry_run": false, "ips": null}));
    let patched = patch.send().await.expect(200);
    assert_eq!(
        (&patched.json["dry_run"], &patched.json["ips"]),
        (&json!(false), &json!([]))
    );
    let put = gateway
        .ask("PUT", "policies/office")
        .header("if-match", made.etag());
    put.json(&json!({"effect": "allow"}))
        .send()
        .await
        .refused(412, "version_mismatch");
    let put = gateway
        .ask("PUT", "policies/office")
        .json(&json!({"effect": "allow"}));
    assert_eq!(put.send().await.expect(200).json["tenants"], json!([]));
    assert_eq!(gateway.get("policies").await.ids(), ["in-file", "office"]);
    assert_eq!(gateway.get("policies?source=file").await.ids(), ["in-file"]);
    gateway
        .ask("DELETE", "policies/office")
        .send()
        .await
        .expect(200);
    gateway
        .get("policies/office")
        .await
        .refused(404, "resource_not_found");
    let told = gateway.node.told.lock().clone();
    assert_eq!(told, ["Policies changed"; 4]);
}

#[tokio::test]
async fn wrong_policies_are_refused() {
    let gateway = Gateway::new();
    assert_eq!(
        gateway.get("policies/in-file").await.expect(200).json["source"],
        "file"
    );
    for (method, path, body, status, code) in [
        (
            "POST",
            "policies",
            json!({"effect": "deny"}),
            422,
            "missing_field",
        ),
        (
            "POST",
            "policies",
            json!({"name": "p"}),
            422,
            "missing_field",
        ),
        (
            "POST",
            "policies",
            json!({"name": "a/b", "effect": "deny"}),
            422,
            "invalid_value",
        ),
        (
            "POST",
            "policies",
            json!({"name": "p", "effect": "maybe"}),
            422,
            "invalid_value",
        ),
        (
            "POST",
            "policies",
            json!({"name": "p", "effect": "deny", "hours": ["x"]}),
            422,
            "invalid_value",
        ),
        (
            "POST",
            "policies",
            json!({"name": "p", "effect": "deny", "scopes": ["x"]}),
            422,
            "invalid_scope",
        ),
        (
            "POST",
            "policies",
            json!({"name": "p", "effect": "deny", "x": 1}),
            422,
            "unknown_field",
        ),
        (
            "POST",
            "policies",
            json!({"name": "in-file", "effect": "deny"}),
            409,
            "managed_by_file",
        ),
        (
            "PUT",
            "policies/in-file",
            json!({"effect": "deny"}),
            409,
            "managed_by_file",
        ),
        (
            "PATCH",
            "policies/in-file",
            json!({}),
            409,
            "managed_by_file",
        ),
        (
            "DELETE",
            "policies/in-file",
            json!({}),
            409,
            "managed_by_file",
        ),
        (
            "DELETE",
            "policies/nobody",
            json!({}),
            404,
            "resource_not_found",
        ),
    ] {
        let answer = gateway
            .ask(method, path)
            .json(&body)
            .send()
            .await
            .expect(status);
        assert_eq!(answer.json["error"]["code"], code, "{method} {path} {body}");
    }
}
