//! The admin API on the real binary: what it writes is in force when it answers, and survives a restart.

use ferrogate_testkit::{FakeOpenAi, Gateway, Launch, Request, Response, until};
use serde_json::{Value, json};

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");
const MASTER: &str = "the-master-key";

fn caddyfile(upstream: &FakeOpenAi, more: &str) -> String {
    format!(
        "{{
            default_bind 127.0.0.1
            workers 2
            admin 127.0.0.1:0
        }}
        http://:0 {{
            log {{
                output stdout
                format json
            }}
            ai_gateway {{
                provider up {{
                    kind openai-compatible
                    base_url {}
                    api_key sk-upstream
                }}
                model m -> up {{
                    input_price_per_1m 10000
                    output_price_per_1m 10000
                }}
                tenant org
                api_key filed {{
                    key secret-of-filed
                    scopes *
                    tenant org
                    request_limit_per_minute 100
                }}
                {more}
            }}
        }}",
        upstream.base_url()
    )
}

fn start(upstream: &FakeOpenAi) -> Gateway {
    Launch::caddyfile(BIN, &caddyfile(upstream, ""))
        .env("MASTER_KEY", MASTER)
        .start()
}

/// The site, which was configured on every address.
fn site(gateway: &Gateway) -> std::net::SocketAddr {
    gateway.address()
}

/// The admin listener, which comes behind the sites'.
fn admin(gateway: &Gateway, request: Request) -> Response {
    request.bearer(MASTER).send(gateway.last_address())
}

fn get(gateway: &Gateway, path: &str) -> Value {
    let request = Request::get(&format!("/admin/v1/{path}"));
    admin(gateway, request).expect(200).json()
}

fn post(gateway: &Gateway, path: &str, body: &Value) -> Response {
    admin(gateway, Request::post(&format!("/admin/v1/{path}"), body))
}

fn chat(gateway: &Gateway, secret: &str) -> Response {
    let body =
        json!({ "model": "m", "max_tokens": 5, "messages": [{ "role": "user", "content": "hi" }] });
    Request::post("/v1/chat/completions", &body)
        .bearer(secret)
        .send(site(gateway))
}

/// Makes a key; its id and its secret.
fn make_key(gateway: &Gateway, body: &Value) -> (String, String) {
    let made = post(gateway, "api-keys", body).expect(201).json();
    let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
    (text("id"), text("secret"))
}

#[test]
fn a_key_lives_from_its_making_to_its_end() {
    let upstream = FakeOpenAi::start();
    let mut gateway = start(&upstream);
    let limits = json!({
        "name": "ci", "scopes": ["chat.completions"], "tenant": "org",
        "request_limit_per_minute": 50, "budgets": [{ "amount": "1.00", "per": "total" }],
    });
    let (id, secret) = make_key(&gateway, &limits);
    let answer = chat(&gateway, &secret).expect(200);
    assert_eq!(answer.header("x-ratelimit-limit-requests"), "50");
    // Its secret is told once, and what it may do is held to.
    let told = get(&gateway, &format!("api-keys/{id}"));
    assert!(told.get("secret").is_none_or(Value::is_null), "{told}");
    let models = Request::get("/v1/models").bearer(&secret);
    assert_eq!(
        models.send(site(&gateway)).expect(403).error_code(),
        "scope_denied"
    );
    // It survives a kill, with what it has spent.
    gateway = gateway.restart("KILL");
    chat(&gateway, &secret).expect(200);
    let usage = Request::get("/v1/usage").bearer(&secret);
    let usage = usage.send(site(&gateway)).expect(200).json();
    assert_eq!(usage["limits"][0]["spent"], "0.36", "{usage}");
    // Rotated, the old secret is good for its grace and no longer.
    let rotated = post(
        &gateway,
        &format!("api-keys/{id}/rotate"),
        &json!({ "grace": "0s" }),
    );
    let rotated = rotated.expect(200).json();
    let second = rotated["secret"].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        chat(&gateway, &secret).expect(401).error_code(),
        "invalid_api_key"
    );
    chat(&gateway, &second).expect(200);
    let changed = Request::new("PATCH", &format!("/admin/v1/api-keys/{id}"))
        .header("content-type", "application/json")
        .body(json!({ "request_limit_per_minute": 1 }).to_string());
    admin(&gateway, changed).expect(200);
    let limited = chat(&gateway, &second);
    assert!(matches!(limited.status, 200 | 429), "{}", limited.text());
    chat(&gateway, &second).expect(429);
    post(&gateway, &format!("api-keys/{id}/revoke"), &json!({})).expect(200);
    assert_eq!(
        chat(&gateway, &second).expect(401).error_code(),
        "revoked_api_key"
    );
    let gone = Request::new("DELETE", &format!("/admin/v1/api-keys/{id}"));
    admin(&gateway, gone).expect(200);
    assert_eq!(
        chat(&gateway, &second).expect(401).error_code(),
        "invalid_api_key"
    );
}

#[test]
fn tenants_policies_and_budgets_hold_from_the_answer_on() {
    let upstream = FakeOpenAi::start();
    let mut gateway = start(&upstream);
    let tenant = json!({ "id": "team", "parent": "org", "request_limit_per_minute": 3 });
    post(&gateway, "tenants", &tenant).expect(201);
    let (_, secret) = make_key(
        &gateway,
        &json!({ "name": "a", "scopes": ["chat.completions"], "tenant": "team" }),
    );
    chat(&gateway, &secret).expect(200);
    let policy = json!({ "name": "no-m", "effect": "deny", "tenants": ["team"], "models": ["m"], "code": "not_today" });
    post(&gateway, "policies", &policy).expect(201);
    assert_eq!(
        chat(&gateway, &secret).expect(403).error_code(),
        "not_today"
    );
    // Of those above the tenant it says nothing.
    chat(&gateway, "secret-of-filed").expect(200);
    let gone = Request::new("DELETE", "/admin/v1/policies/no-m");
    admin(&gateway, gone).expect(200);
    // What was counted before is counted still, although the configuration was compiled anew.
    chat(&gateway, &secret).expect(200);
    let budget =
        json!({ "id": "all-of-org", "scope": "tenant:org", "amount": "0.20", "per": "day" });
    post(&gateway, "budgets", &budget).expect(201);
    let refused = chat(&gateway, &secret);
    // Nothing was spent of it yet, and a call holds more than it has.
    assert_eq!(refused.expect(402).error_code(), "budget_exceeded");
    gateway = gateway.restart("TERM");
    assert_eq!(
        chat(&gateway, &secret).expect(402).error_code(),
        "budget_exceeded"
    );
    let gone = Request::new("DELETE", "/admin/v1/budgets/all-of-org");
    admin(&gateway, gone).expect(200);
    chat(&gateway, &secret).expect(200);
}

#[test]
fn a_configuration_takes_the_place_of_another() {
    let upstream = FakeOpenAi::start();
    let gateway = start(&upstream);
    for _ in 0..4 {
        chat(&gateway, "secret-of-filed").expect(200);
    }
    let (_, made) = make_key(
        &gateway,
        &json!({ "scopes": ["chat.completions"], "request_limit_per_minute": 40, "budgets": [{ "amount": "9", "per": "day" }] }),
    );
    chat(&gateway, &made).expect(200);
    let put = |text: &str| {
        let request = Request::new("PUT", "/admin/v1/config")
            .header("content-type", "text/caddyfile")
            .body(text);
        admin(&gateway, request)
    };
    let refused = put("{\n\tbroken\n}\n").expect(422).json();
    assert!(refused.to_string().contains("unknown-option"), "{refused}");
    let moved = caddyfile(&upstream, "").replace("http://:0", "http://:1");
    let refused = put(&moved).expect(409);
    assert_eq!(refused.error_code(), "upgrade_required");
    let other = caddyfile(
        &upstream,
        "model other -> up\napi_key second {\nkey secret-of-second\nscopes *\n}",
    );
    let applied = put(&other).expect(200).json();
    assert!(
        applied.to_string().contains("models[other]: added"),
        "{applied}"
    );
    chat(&gateway, "secret-of-second").expect(200);
    // A key of the store keeps its limits and its budgets.
    let answer = chat(&gateway, &made).expect(200);
    assert_eq!(answer.header("x-ratelimit-remaining-requests"), "38");
    let usage = Request::get("/v1/usage").bearer(&made);
    let usage = usage.send(site(&gateway)).expect(200).json();
    assert_eq!(usage["limits"][0]["spent"], "0.36", "{usage}");
    // Limits that did not change keep what was counted.
    let answer = chat(&gateway, "secret-of-filed").expect(200);
    assert_eq!(answer.header("x-ratelimit-remaining-requests"), "95");
    assert_eq!(
        answer.header("x-ferrogate-config-revision"),
        applied["revision"].as_str().unwrap()
    );
    // Back to the file.
    admin(&gateway, Request::new("DELETE", "/admin/v1/config")).expect(200);
    chat(&gateway, "secret-of-second").expect(401);
    let reload = post(&gateway, "config/reload", &json!({ "source": "file" })).expect(200);
    assert_eq!(reload.json()["changed"], json!([]));
}

#[test]
fn calls_are_recorded_with_what_they_cost() {
    let upstream = FakeOpenAi::start();
    let gateway = start(&upstream);
    chat(&gateway, "secret-of-filed").expect(200);
    let log = until("the call is recorded", || {
        let logs = get(&gateway, "request-logs?key=filed");
        logs["data"].get(0).cloned()
    });
    assert_eq!(log["model"], "m");
    assert_eq!(log["tenant"], "org");
    assert_eq!(log["status"], 200);
    assert_eq!(log["cost"], "0.18");
    let event = until("the call is in the books", || {
        let events = get(&gateway, "billing-events");
        events["data"].get(0).cloned()
    });
    assert_eq!(event["request_id"], log["request_id"]);
    assert_eq!(event["price"]["input_price_per_1m"], "10000");
    let sums = get(&gateway, "usage-aggregates?group_by=tenant,model");
    assert_eq!(sums["data"][0]["cost"], "0.18", "{sums}");
}

#[test]
fn nobody_comes_in_without_a_credential() {
    let upstream = FakeOpenAi::start();
    let gateway = start(&upstream);
    for path in ["api-keys", "config", "request-logs", "status"] {
        let request = Request::get(&format!("/admin/v1/{path}"));
        request.send(gateway.last_address()).expect(401);
        let wrong = request.bearer("nobody").send(gateway.last_address());
        assert_eq!(wrong.expect(401).error_code(), "invalid_api_key");
    }
    // A key of the file with every scope may as well; nobody may shut out the last one who can.
    let keys = Request::get("/admin/v1/api-keys").bearer("secret-of-filed");
    keys.send(gateway.last_address()).expect(200);
    let own = Request::new("DELETE", "/admin/v1/api-keys/filed").bearer("secret-of-filed");
    assert_eq!(
        own.send(gateway.last_address()).expect(409).error_code(),
        "managed_by_file"
    );
}

#[test]
fn the_file_is_read_again_when_it_is_told_so_or_changes() {
    let upstream = FakeOpenAi::start();
    let more = "api_key second {\nkey secret-of-second\nscopes *\n}\n";
    for watched in [false, true] {
        let launch = Launch::caddyfile(BIN, &caddyfile(&upstream, "")).env("MASTER_KEY", MASTER);
        let gateway = if watched {
            launch.start_watching()
        } else {
            launch.start()
        };
        let file = gateway.folder().join("Caddyfile");
        chat(&gateway, "secret-of-second").expect(401);
        let write = |text: &str| {
            std::fs::write(&file, text).expect("the file is writable");
            if !watched {
                gateway.signal("HUP");
            }
        };
        // What is wrong changes nothing, and is told.
        write("{\n\tbroken\n}\n");
        gateway.wait_for_log(|entry| {
            let said = entry["msg"].as_str().unwrap_or_default();
            said.starts_with("the configuration was refused")
        });
        chat(&gateway, "secret-of-filed").expect(200);
        write(&caddyfile(&upstream, more));
        gateway.wait_for_log(|entry| entry["msg"] == "another configuration is in force");
        chat(&gateway, "secret-of-second").expect(200);
    }
}
