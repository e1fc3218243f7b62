//! Keys.

use serde_json::json;

use crate::support::{By, Gateway};

#[tokio::test]
async fn a_secret_is_shown_once_and_works_at_once() {
    let gateway = Gateway::new();
    let made = gateway
        .post(
            "api-keys",
            json!({"id": "ci", "name": "CI", "scopes": ["admin.read"]}),
        )
        .await
        .expect(201);
    let secret = made.json["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("fg_ci_"), "{secret}");
    assert_eq!(made.json["prefix"], "fg_ci");
    let seen = gateway
        .ask("GET", "api-keys/ci")
        .by(&By::Secret(secret))
        .send()
        .await
        .expect(200);
    assert!(!seen.text.contains("secret"), "{}", seen.text);
    assert_eq!(seen.etag(), made.etag());
    assert_eq!(seen.json["usage_count"], 1);
    let told = gateway.node.told.lock().clone();
    assert_eq!(told, ["key ci changed"]);
}

#[tokio::test]
async fn what_is_said_of_a_key_is_kept() {
    let gateway = Gateway::new();
    let said = json!({
        "id": "full", "name": "Full", "scopes": ["chat.completions", "models.read"], "disabled": true,
        "expires": "2040-01-02T03:04:05Z", "tenant": "acme", "user": "eve",
        "metadata": {"team": "x"}, "allowed_models": ["gpt-*"], "denied_models": ["gpt-5"],
        "allowed_providers": ["openai"], "denied_providers": ["azure"], "allowed_ips": ["10.0.0.0/8", "::1"],
        "request_limit_per_minute": 60,
        "token_limit_per_minute": {"limit": 5, "on_store_failure": "closed"},
        "max_concurrency": 2, "monthly_token_budget": 9,
        "budgets": [{"amount": "25.00", "unit": "usd", "per": "month", "timezone": "Europe/Berlin",
            "on_exceed": "warn", "on_store_failure": "open"}],
    });
    gateway.post("api-keys", said.clone()).await.expect(201);
    let key = gateway.get("api-keys/full").await.expect(200).json;
    for (name, value) in said.as_object().unwrap() {
        let kept = match name.as_str() {
            "scopes" => json!(["models.read", "chat.completions"]),
            "allowed_ips" => json!(["10.0.0.0/8", "::1/128"]),
            "expires" => json!("2040-01-02T03:04:05.000Z"),
            _ => value.clone(),
        };
        assert_eq!(key[name], kept, "{name}");
    }
    for (name, value) in [
        ("source", "api"),
        ("status", "disabled"),
        ("object", "api_key"),
    ] {
        assert_eq!(key[name], value);
    }
    let usage = gateway.get("api-keys/full/usage").await.expect(200);
    let limits = &usage.json["limits"];
    assert_eq!(limits[0]["id"], "key:full:tokens:month");
    assert_eq!(
        (&limits[1]["limit"], &limits[1]["left"]),
        (&json!("25"), &json!("25"))
    );
    assert_eq!(limits[1]["timezone"], "Europe/Berlin");
}

#[tokio::test]
async fn a_change_is_whole_or_partial() {
    let gateway = Gateway::new();
    let body = json!({"id": "k", "name": "old", "scopes": ["models.read"], "metadata": {"a": "1", "b": "2"}});
    gateway.key(body).await;
    let patched = gateway
        .ask("PATCH", "api-keys/k")
        .json(&json!({"metadata": {"a": null, "c": "3"}, "max_concurrency": 4}))
        .send()
        .await
        .expect(200);
    assert_eq!(patched.json["metadata"], json!({"b": "2", "c": "3"}));
    assert_eq!(patched.json["name"], "old");
    assert_eq!(patched.json["max_concurrency"], 4);
    let replaced = gateway
        .ask("PUT", "api-keys/k")
        .json(&json!({"name": "new"}))
        .send()
        .await;
    let replaced = replaced.expect(200);
    assert_eq!(replaced.json["scopes"], json!([]));
    assert!(replaced.json.get("max_concurrency").is_none());
    assert_ne!(replaced.etag(), patched.etag());
}

#[tokio::test]
async fn a_stale_change_is_refused() {
    let gateway = Gateway::new();
    gateway.key(json!({"id": "k"})).await;
    let etag = gateway.get("api-keys/k").await.etag().to_owned();
    let change = |tag: String| {
        let ask = gateway.ask("PATCH", "api-keys/k").header("if-match", &tag);
        ask.json(&json!({"name": "x"})).send()
    };
    change(etag.clone()).await.expect(200);
    change(etag.clone()).await.refused(412, "version_mismatch");
    change("*".to_owned()).await.expect(200);
    for (method, path) in [
        ("DELETE", "api-keys/k"),
        ("POST", "api-keys/k/revoke"),
        ("POST", "api-keys/k/rotate"),
    ] {
        let ask = gateway.ask(method, path).header("if-match", &etag);
        ask.send().await.refused(412, "version_mismatch");
    }
}

#[tokio::test]
async fn wrong_bodies_are_refused_by_name() {
    let gateway = Gateway::new();
    gateway.key(json!({"id": "taken"})).await;
    for (body, status, code, param) in [
        (json!({"nme": "x"}), 422, "unknown_field", "nme"),
        (
            json!({"budgets": [{"amount": "1", "per": "day", "x": 1}]}),
            422,
            "unknown_field",
            "budgets[0].x",
        ),
        (
            json!({"budgets": [{"amount": "1"}]}),
            422,
            "missing_field",
            "budgets[0].per",
        ),
        (json!({"name": 5}), 422, "invalid_value", "name"),
        (json!({"name": "a\u{0}b"}), 422, "invalid_value", "name"),
        (json!({"scopes": ["admin"]}), 422, "invalid_scope", "scopes"),
        (json!({"id": "a/b"}), 422, "invalid_value", "id"),
        (json!({"id": ".."}), 422, "invalid_value", "id"),
        (json!({"id": ""}), 422, "invalid_value", "id"),
        (json!({"id": "x".repeat(65)}), 422, "invalid_value", "id"),
        (json!({"id": "taken"}), 409, "already_exists", "id"),
        (json!({"id": "file-key"}), 409, "already_exists", "id"),
        (json!({"tenant": "nobody"}), 422, "invalid_value", "tenant"),
        (json!({"user": "a b"}), 422, "invalid_value", "user"),
        (
            json!({"expires": "tomorrow"}),
            422,
            "invalid_value",
            "expires",
        ),
        (
            json!({"allowed_ips": ["x"]}),
            422,
            "invalid_value",
            "allowed_ips",
        ),
        (
            json!({"allowed_models": [""]}),
            422,
            "invalid_value",
            "allowed_models",
        ),
        (
            json!({"max_concurrency": 0}),
            422,
            "invalid_value",
            "max_concurrency",
        ),
        (
            json!({"max_concurrency": -1}),
            422,
            "invalid_value",
            "max_concurrency",
        ),
        (
            json!({"max_concurrency": 4_294_967_296_u64}),
            422,
            "invalid_value",
            "max_concurrency",
        ),
        (
            json!({"request_limit_per_minute": 0}),
            422,
            "invalid_value",
            "request_limit_per_minute",
        ),
        (
            json!({"monthly_token_budget": u64::MAX}),
            422,
            "invalid_value",
            "monthly_token_budget",
        ),
        (
            json!({"budgets": [{"amount": 2.5, "per": "day"}]}),
            422,
            "invalid_value",
            "budgets[0].amount",
        ),
        (
            json!({"budgets": [{"amount": "x", "per": "day"}]}),
            422,
            "invalid_value",
            "budgets[0].amount",
        ),
        (
            json!({"metadata": {"": "x"}}),
            422,
            "invalid_value",
            "metadata",
        ),
        (json!([]), 422, "invalid_value", "."),
    ] {
        let refused = gateway
            .post("api-keys", body.clone())
            .await
            .refused(status, code);
        assert_eq!(
            refused.json["error"]["param"], param,
            "{body}: {}",
            refused.text
        );
    }
    let post = |media_type: &'static str, body: &'static str| {
        gateway
            .ask("POST", "api-keys")
            .body(media_type, body)
            .send()
    };
    post("application/json", "{")
        .await
        .refused(400, "invalid_json");
    post("application/json", "")
        .await
        .refused(400, "invalid_json");
    post("text/plain", "{}")
        .await
        .refused(415, "unsupported_media_type");
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(300_000));
    let ask = gateway
        .ask("POST", "api-keys")
        .body("application/json", large);
    ask.send().await.refused(413, "request_too_large");
    gateway
        .post("api-keys", json!({"name": "x".repeat(257)}))
        .await
        .refused(422, "invalid_value");
}

#[tokio::test]
async fn a_rotated_secret_has_its_grace() {
    let gateway = Gateway::new();
    let first = gateway.key(json!({"id": "k", "scopes": ["*"]})).await;
    let rotated = gateway
        .post("api-keys/k/rotate", json!({"grace": "1h"}))
        .await
        .expect(200);
    let second = rotated.json["secret"].as_str().unwrap().to_owned();
    assert!(rotated.json["previous_valid_until"].is_string());
    for secret in [&first, &second] {
        let ask = gateway
            .ask("GET", "session")
            .by(&By::Secret(secret.clone()));
        ask.send().await.expect(200);
    }
    gateway
        .ask("POST", "api-keys/k/rotate")
        .send()
        .await
        .expect(200);
    let now = ferrogate_types::clock::since_epoch().as_secs();
    for secret in [&first, &second] {
        assert!(
            gateway
                .node
                .keys
                .authenticate(secret, None, now)
                .await
                .is_err()
        );
    }
    for (body, code) in [
        (json!({"grace": "31d"}), "invalid_value"),
        (json!({"grace": "5"}), "invalid_value"),
        (json!({"grac": "5s"}), "unknown_field"),
    ] {
        gateway
            .post("api-keys/k/rotate", body)
            .await
            .refused(422, code);
    }
}

#[tokio::test]
async fn a_revoked_key_stays_and_does_nothing() {
    let gateway = Gateway::new();
    let secret = gateway.key(json!({"id": "k", "scopes": ["*"]})).await;
    let revoked = gateway
        .ask("POST", "keys/k/revoke")
        .send()
        .await
        .expect(200);
    assert_eq!(revoked.json["status"], "revoked");
    assert!(revoked.json["revoked_at"].is_string());
    let now = ferrogate_types::clock::since_epoch().as_secs();
    assert!(
        gateway
            .node
            .keys
            .authenticate(&secret, None, now)
            .await
            .is_err()
    );
    gateway
        .ask("POST", "api-keys/k/rotate")
        .send()
        .await
        .refused(409, "revoked");
    gateway.ask("DELETE", "api-keys/k").send().await.expect(200);
    gateway
        .get("api-keys/k")
        .await
        .refused(404, "resource_not_found");
    let told = gateway.node.told.lock().clone();
    assert_eq!(told, ["key k changed", "key k changed", "key k removed"]);
}

#[tokio::test]
async fn keys_of_the_file_are_seen_and_not_changed() {
    let gateway = Gateway::new();
    let key = gateway.get("api-keys/file-key").await.expect(200).json;
    assert_eq!(
        (&key["source"], &key["max_concurrency"]),
        (&json!("file"), &json!(3))
    );
    for (method, path) in [
        ("PUT", "api-keys/file-key"),
        ("PATCH", "api-keys/file-key"),
        ("DELETE", "api-keys/file-key"),
        ("POST", "api-keys/file-key/revoke"),
        ("POST", "api-keys/file-key/rotate"),
    ] {
        let ask = gateway.ask(method, path).json(&json!({}));
        ask.send().await.refused(409, "managed_by_file");
    }
}

#[tokio::test]
async fn nobody_locks_themselves_out() {
    let gateway = Gateway::without_master();
    let operator = By::Token;
    let create = |body| {
        gateway
            .ask("POST", "api-keys")
            .by(&operator)
            .json(&body)
            .send()
    };
    let made = create(json!({"id": "me", "scopes": ["admin.read", "admin.write"]}))
        .await
        .expect(201);
    let me = By::Secret(made.json["secret"].as_str().unwrap().to_owned());
    for (method, path, body, status, code) in [
        (
            "POST",
            "api-keys/me/revoke",
            json!({}),
            409,
            "self_mutation_forbidden",
        ),
        (
            "DELETE",
            "api-keys/me",
            json!({}),
            409,
            "self_mutation_forbidden",
        ),
        (
            "PATCH",
            "api-keys/me",
            json!({"disabled": true}),
            409,
            "self_mutation_forbidden",
        ),
        (
            "PATCH",
            "api-keys/me",
            json!({"scopes": ["*"]}),
            409,
            "self_mutation_forbidden",
        ),
        ("PATCH", "api-keys/me", json!({"name": "I"}), 200, ""),
    ] {
        let answer = gateway
            .ask(method, path)
            .by(&me)
            .json(&body)
            .send()
            .await
            .expect(status);
        if status != 200 {
            assert_eq!(answer.json["error"]["code"], code, "{path}");
        }
    }
    // Nobody else takes the last one away, either.
    for (method, path, body) in [
        ("DELETE", "api-keys/me", json!({})),
        ("POST", "api-keys/me/revoke", json!({})),
        ("PATCH", "api-keys/me", json!({"scopes": ["admin.read"]})),
        (
            "PATCH",
            "api-keys/me",
            json!({"expires": "2020-01-01T00:00:00Z"}),
        ),
    ] {
        let ask = gateway.ask(method, path).by(&operator).json(&body);
        ask.send().await.refused(409, "last_admin_key");
    }
    let other = json!({"id": "other", "scopes": ["admin.write"]});
    gateway
        .ask("POST", "api-keys")
        .by(&operator)
        .json(&other)
        .send()
        .await
        .expect(201);
    let delete = gateway.ask("DELETE", "api-keys/me").by(&operator);
    delete.send().await.expect(200);
}

#[tokio::test]
async fn scopes_of_the_admin_api_are_not_given_by_who_lacks_them() {
    let gateway = Gateway::new();
    let writer = gateway
        .key(json!({"id": "writer", "scopes": ["admin.write"]}))
        .await;
    gateway
        .key(json!({"id": "reader", "scopes": ["admin.read"]}))
        .await;
    let by = By::Secret(writer);
    let create = |body| gateway.ask("POST", "api-keys").by(&by).json(&body).send();
    create(json!({"scopes": ["chat.completions"]}))
        .await
        .expect(201);
    create(json!({"scopes": ["admin.read"]}))
        .await
        .refused(403, "scope_denied");
    let rotate = gateway.ask("POST", "api-keys/reader/rotate").by(&by).send();
    rotate.await.refused(403, "scope_denied");
}

#[tokio::test]
async fn keys_are_found_and_counted() {
    let gateway = Gateway::new();
    gateway.key(json!({"id": "one", "tenant": "acme"})).await;
    gateway
        .key(json!({"id": "two", "disabled": true, "name": "Second"}))
        .await;
    for (query, ids) in [
        ("", vec!["acme-admin", "file-key", "one", "two"]),
        ("?source=api", vec!["one", "two"]),
        ("?tenant=acme", vec!["acme-admin", "one"]),
        ("?active=false", vec!["two"]),
        ("?q=SECOND", vec!["two"]),
        ("?limit=2&offset=1", vec!["file-key", "one"]),
        ("?cursor=file-key", vec!["one", "two"]),
    ] {
        let list = gateway.get(&format!("api-keys{query}")).await.expect(200);
        assert_eq!(list.ids(), ids, "{query}");
        assert_eq!(list.json["object"], "list");
    }
    let usage = gateway
        .get("/admin/keys/usage?sort=last_used&active=true")
        .await
        .expect(200);
    assert_eq!(usage.json["limit"], 20);
    let summary = &usage.json["summary"];
    assert_eq!(
        (
            &summary["total_keys"],
            &summary["active_keys"],
            &summary["returned_keys"]
        ),
        (&json!(4), &json!(3), &json!(3))
    );
    gateway
        .get("api-keys/usage?sort=name")
        .await
        .refused(400, "invalid_parameter");
}
