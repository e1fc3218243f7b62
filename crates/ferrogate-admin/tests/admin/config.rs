//! The configuration.

use serde_json::json;

use crate::support::{Answer, Gateway};

async fn put(gateway: &Gateway, text: &str) -> Answer {
    let ask = gateway.ask("PUT", "config");
    ask.body("text/caddyfile", text.to_owned()).send().await
}

#[tokio::test]
async fn a_document_is_applied_kept_and_brought_back() {
    let gateway = Gateway::new();
    let file = gateway.get("config").await.expect(200);
    assert_eq!(
        (&file.json["source"], &file.json["version"]),
        (&json!("file"), &json!(null))
    );
    assert_eq!(file.etag(), "\"r-file\"");
    let one = put(&gateway, "one").await.expect(200);
    assert_eq!(
        (&one.json["status"], &one.json["version"]),
        (&json!("updated"), &json!(1))
    );
    assert_eq!(one.json["changed"], json!(["site example.com"]));
    let two = gateway
        .ask("POST", "config")
        .body("application/toml", "two")
        .send()
        .await
        .expect(201);
    assert_eq!(
        (&two.json["status"], two.etag()),
        (&json!("created"), "\"r-2\"")
    );
    let config = gateway.get("config").await.json;
    assert_eq!(
        (&config["text"], &config["format"], &config["source"]),
        (&json!("two"), &json!("toml"), &json!("api"))
    );
    let back = gateway
        .ask("POST", "config/rollback/1")
        .send()
        .await
        .expect(200);
    assert_eq!(
        (
            &back.json["status"],
            &back.json["rolled_back_to"],
            &back.json["current_history_size"]
        ),
        (&json!("rolled_back"), &json!(1), &json!(3))
    );
    assert_eq!(gateway.get("config").await.json["text"], "one");
    let history = gateway.get("config/history").await.expect(200).json;
    let rows = history["data"].as_array().unwrap();
    let shown: Vec<_> = rows
        .iter()
        .map(|row| {
            json!([
                row["version"],
                row["format"],
                row["active"],
                row["rolled_back_from"],
                row["actor"]
            ])
        })
        .collect();
    assert_eq!(
        shown,
        [
            json!([3, "caddyfile", true, 1, "master-key"]),
            json!([2, "toml", false, null, "master-key"]),
            json!([1, "caddyfile", false, null, "master-key"]),
        ]
    );
    assert_eq!(history["summary"]["total_versions"], 3);
    let page = gateway
        .get("config/history?limit=1&cursor=3")
        .await
        .expect(200)
        .json;
    assert_eq!(
        (&page["data"][0]["version"], &page["next_cursor"]),
        (&json!(2), &json!("2"))
    );
    let deleted = gateway.ask("DELETE", "config").send().await.expect(200);
    assert_eq!(
        (&deleted.json["status"], deleted.etag()),
        (&json!("deleted"), "\"r-file\"")
    );
    assert_eq!(gateway.get("config").await.json["source"], "file");
    for version in ["0", "9", "x", "-1", "18446744073709551615"] {
        let path = format!("config/rollback/{version}");
        gateway
            .ask("POST", &path)
            .send()
            .await
            .refused(404, "resource_not_found");
    }
}

#[tokio::test]
async fn a_document_comes_in_many_forms() {
    let gateway = Gateway::new();
    for (media_type, body, format) in [
        ("text/caddyfile; charset=utf-8", "x", "caddyfile"),
        ("application/toml", "x", "toml"),
        (
            "application/json",
            r#"{"config_caddyfile":"x","filename":"a"}"#,
            "caddyfile",
        ),
        ("application/json", r#"{"config_toml":"x"}"#, "toml"),
        ("application/json", r#"{"source":"file"}"#, "caddyfile"),
        ("application/json", r#"{"sites":[]}"#, "json"),
        ("application/json", "{}", "caddyfile"),
        ("application/json", "", "caddyfile"),
    ] {
        let ask = gateway
            .ask("POST", "config/validate")
            .body(media_type, body);
        let valid = ask.send().await.expect(200).json;
        assert_eq!(
            (&valid["valid"], &valid["format"]),
            (&json!(true), &json!(format)),
            "{body}"
        );
    }
    for (media_type, body, status, code) in [
        ("application/json", "{", 400, "invalid_json"),
        ("application/json", "[]", 422, "invalid_value"),
        (
            "application/json",
            r#"{"config_toml":"x","nme":"y"}"#,
            422,
            "unknown_field",
        ),
        (
            "application/json",
            r#"{"config_toml":"x","config_caddyfile":"y"}"#,
            422,
            "invalid_value",
        ),
        (
            "application/json",
            r#"{"source":"network"}"#,
            422,
            "invalid_value",
        ),
        ("application/xml", "<x/>", 415, "unsupported_media_type"),
    ] {
        let ask = gateway
            .ask("POST", "config/validate")
            .body(media_type, body);
        ask.send().await.refused(status, code);
    }
    let bytes = gateway
        .ask("PUT", "config")
        .body("text/caddyfile", &b"\xff\xfe"[..]);
    bytes.send().await.refused(400, "malformed_body");
    gateway
        .ask("PUT", "config")
        .send()
        .await
        .refused(422, "missing_document");
    let diff = gateway
        .ask("POST", "config/diff")
        .body("application/toml", "new")
        .send()
        .await;
    assert_eq!(diff.expect(200).json, json!({"changed": ["new"]}));
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let gateway = Gateway::new();
    put(&gateway, "good").await.expect(200);
    let refused = put(&gateway, "broken").await.refused(422, "invalid_config");
    assert_eq!(refused.json["diagnostics"][0]["code"], "unknown-directive");
    let refused = put(&gateway, "workers 4")
        .await
        .refused(409, "upgrade_required");
    assert_eq!(refused.json["settings"], json!(["workers"]));
    for path in ["config/validate", "config/diff", "config/reload"] {
        let ask = gateway.ask("POST", path).body("text/caddyfile", "broken");
        ask.send().await.refused(422, "invalid_config");
        let ask = gateway
            .ask("POST", path)
            .body("text/caddyfile", "workers 4");
        ask.send().await.refused(409, "upgrade_required");
    }
    assert_eq!(gateway.get("config/history").await.json["total"], 1);
    // What passes the check and is refused all the same is taken back in the store, too.
    put(&gateway, "at the last moment")
        .await
        .refused(409, "upgrade_required");
    let history = gateway.get("config/history").await.json;
    let newest = &history["data"][0];
    assert_eq!(
        (&newest["active"], &newest["rolled_back_from"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(gateway.get("config").await.json["text"], "good");
}

#[tokio::test]
async fn a_change_of_something_else_is_refused() {
    let gateway = Gateway::new();
    for (method, path) in [
        ("PUT", "config"),
        ("POST", "config"),
        ("POST", "config/reload"),
        ("DELETE", "config"),
    ] {
        let ask = gateway.ask(method, path).header("if-match", "\"r-7\"");
        ask.body("text/caddyfile", "x")
            .send()
            .await
            .refused(412, "version_mismatch");
    }
    let ask = gateway
        .ask("PUT", "config")
        .header("if-match", "\"r-file\"");
    ask.body("text/caddyfile", "x").send().await.expect(200);
    let reload = gateway
        .ask("POST", "config/reload")
        .send()
        .await
        .expect(200);
    assert_eq!(
        (&reload.json["status"], &reload.json["version"]),
        (&json!("reloaded"), &json!(null))
    );
    let reload = gateway
        .ask("POST", "config/reload")
        .body("application/toml", "y")
        .send()
        .await;
    assert_eq!(reload.expect(200).json["version"], 2);
}

#[tokio::test]
async fn a_request_is_explained() {
    let gateway = Gateway::new();
    let question = json!({"url": "https://x/v1/models", "headers": {"a": "b"}, "body": {"model": "m"}, "key": "k"});
    let answer = gateway.post("config/explain", question).await.expect(200);
    assert_eq!(answer.json, json!({"method": "POST", "body": 13}));
    for (body, code) in [
        (json!({}), "missing_field"),
        (json!({"url": "/x"}), "invalid_value"),
        (json!({"url": "ftp://x/"}), "invalid_value"),
        (
            json!({"url": "http://x/", "method": "a b"}),
            "invalid_value",
        ),
        (
            json!({"url": "http://x/", "headers": {"a b": "c"}}),
            "invalid_value",
        ),
        (
            json!({"url": "http://x/", "headers": {"a": "c\nd"}}),
            "invalid_value",
        ),
        (json!({"url": "http://x/", "key": "a b"}), "invalid_value"),
        (json!({"url": "http://nowhere/"}), "invalid_question"),
    ] {
        gateway
            .post("config/explain", body)
            .await
            .refused(422, code);
    }
}
