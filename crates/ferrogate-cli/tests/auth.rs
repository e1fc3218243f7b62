//! Who may call what, how often, and how much.

use ferrogate_testkit::{Gateway, Launch, Request};
use serde_json::{Value, json};

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");

fn gateway(keys: &str) -> Gateway {
    let block = format!(
        "ai_gateway {{
            admin on
            provider echo
            provider second {{
                kind echo
            }}
            model echo -> echo
            model other -> second {{
                max_output_tokens 10
            }}
            {keys}
        }}"
    );
    Launch::site(BIN, &block).start()
}

fn chat(model: &str) -> Request {
    Request::post(
        "/v1/chat/completions",
        &json!({ "model": model, "messages": [{ "role": "user", "content": "hi" }] }),
    )
}

const KEYS: &str = "
    api_key full {
        key full-secret
        scopes *
    }
    api_key narrow {
        key narrow-secret
        scopes models.read chat.completions
        allowed_models other
    }
    api_key elsewhere {
        key elsewhere-secret
        scopes *
        denied_providers echo
        allowed_ips 127.0.0.1 10.0.0.0/8
    }
    api_key far {
        key far-secret
        scopes *
        allowed_ips 10.0.0.0/8
    }
    api_key off {
        key off-secret
        scopes *
        disabled
    }
    api_key old {
        key old-secret
        scopes *
        expires 2020-01-01T00:00:00Z
    }
    api_key powerless {
        key powerless-secret
    }";

#[test]
fn refusals_say_why_in_the_envelope() {
    let gateway = gateway(KEYS);
    let embed = || Request::post("/v1/embeddings", &json!({ "model": "other", "input": "a" }));
    for (request, status, code) in [
        (chat("echo"), 401, "missing_api_key"),
        (chat("echo").bearer("wrong"), 401, "invalid_api_key"),
        (
            chat("echo").header("Authorization", "Basic full-secret"),
            401,
            "missing_api_key",
        ),
        (chat("echo").bearer("off-secret"), 401, "disabled_api_key"),
        (chat("echo").bearer("old-secret"), 401, "expired_api_key"),
        (chat("echo").bearer("powerless-secret"), 403, "scope_denied"),
        (embed().bearer("narrow-secret"), 403, "scope_denied"),
        (
            chat("echo").bearer("narrow-secret"),
            403,
            "model_not_allowed",
        ),
        (
            chat("echo").bearer("elsewhere-secret"),
            403,
            "provider_not_allowed",
        ),
        (chat("echo").bearer("far-secret"), 403, "ip_not_allowed"),
        (chat("nope").bearer("full-secret"), 404, "model_not_found"),
        (
            chat("echo")
                .bearer("full-secret")
                .header("x-api-key", "narrow-secret"),
            400,
            "ambiguous_credentials",
        ),
        (Request::get("/metrics"), 401, "missing_api_key"),
        (
            Request::get("/metrics").bearer("narrow-secret"),
            403,
            "scope_denied",
        ),
        (
            Request::get("/admin/v1/status").bearer("wrong"),
            401,
            "invalid_api_key",
        ),
    ] {
        let response = request.send(gateway.address());
        assert_eq!(
            (response.status, response.error_code().as_str()),
            (status, code),
            "{request:?}"
        );
        assert_eq!(
            response.header("www-authenticate").is_empty(),
            status != 401,
            "{:?}",
            response.head
        );
        assert!(
            !response.text().contains("-secret"),
            "a secret is told: {}",
            response.text()
        );
    }
}

#[test]
fn every_form_of_credential_is_taken() {
    let gateway = gateway(KEYS);
    for request in [
        chat("echo").bearer("full-secret"),
        chat("echo").header("x-api-key", "full-secret"),
        chat("echo").header("api-key", "full-secret"),
        chat("echo").header("x-goog-api-key", "full-secret"),
        chat("echo")
            .bearer("full-secret")
            .header("x-api-key", "full-secret"),
        chat("other").bearer("narrow-secret"),
        chat("other").bearer("elsewhere-secret"),
        Request::get("/metrics").bearer("full-secret"),
        Request::get("/admin/v1/status").bearer("full-secret"),
    ] {
        request.send(gateway.address()).expect(200);
    }
}

#[test]
fn a_key_sees_the_models_it_may_call() {
    let gateway = gateway(KEYS);
    for (key, expected) in [
        ("full-secret", &["echo", "other"][..]),
        ("narrow-secret", &["other"]),
        ("elsewhere-secret", &["other"]),
    ] {
        let list = Request::get("/v1/models")
            .bearer(key)
            .send(gateway.address())
            .expect(200)
            .json();
        let ids: Vec<&str> = list["data"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|model| model["id"].as_str())
            .collect();
        assert_eq!(ids, expected, "{key}");
    }
    let hidden = Request::get("/v1/models/echo")
        .bearer("narrow-secret")
        .send(gateway.address());
    assert_eq!(
        (hidden.status, hidden.error_code().as_str()),
        (404, "model_not_found")
    );
}

#[test]
fn without_keys_only_local_callers_are_answered() {
    let gateway = gateway("");
    chat("echo").send(gateway.address()).expect(200);
    Request::get("/metrics").send(gateway.address()).expect(200);
    for field in ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"] {
        let forwarded = chat("echo")
            .header(field, "127.0.0.1")
            .send(gateway.address());
        assert_eq!(
            (forwarded.status, forwarded.error_code().as_str()),
            (401, "missing_api_key"),
            "{field}"
        );
    }
    // A page in a local browser is where it comes from.
    for (origin, status) in [
        ("http://localhost:3000", 200),
        ("https://evil.example", 401),
        ("null", 401),
    ] {
        let sent = chat("echo")
            .header("Origin", origin)
            .send(gateway.address());
        assert_eq!(sent.status, status, "{origin}");
    }
}

#[test]
fn switched_off_it_answers_everybody() {
    let gateway = gateway("auth off");
    chat("echo")
        .header("X-Forwarded-For", "203.0.113.1")
        .send(gateway.address())
        .expect(200);
    chat("echo")
        .bearer("anything")
        .send(gateway.address())
        .expect(200);
}

#[test]
fn hashed_keys_fit_their_secret() {
    let hash = Launch::new(BIN)
        .stdin("hashed-secret\n")
        .command(&["hash-key"])
        .expect(0)
        .stdout;
    let gateway = gateway(&format!(
        "api_key hashed {{\nkey_hash {}\nscopes *\n}}",
        hash.trim()
    ));
    for _ in 0..2 {
        chat("echo")
            .bearer("hashed-secret")
            .send(gateway.address())
            .expect(200);
        chat("echo")
            .bearer("hashed-secreT")
            .send(gateway.address())
            .expect(401);
    }
}

#[test]
fn keys_come_from_the_environment() {
    let block = "ai_gateway {
        provider echo
        model echo -> echo
        api_key one {
            key {env.ONE}
            scopes *
        }
        api_key two {
            key_env TWO
            scopes *
        }
        api_key unset {
            key {env.UNSET}
            scopes *
        }
    }";
    let gateway = Launch::site(BIN, block)
        .env("ONE", "first-secret")
        .env("TWO", "second-secret")
        .start();
    for (key, status) in [
        ("first-secret", 200),
        ("second-secret", 200),
        ("", 401),
        ("{env.UNSET}", 401),
    ] {
        assert_eq!(
            chat("echo").bearer(key).send(gateway.address()).status,
            status,
            "{key:?}"
        );
    }
}

#[test]
fn requests_a_minute_are_limited_and_told() {
    let gateway = gateway(
        "api_key k {\nkey s\nscopes *\ndenied_providers second\nrequest_limit_per_minute 2\n}",
    );
    for remaining in ["1", "0"] {
        let response = chat("echo").bearer("s").send(gateway.address()).expect(200);
        assert_eq!(response.header("x-ratelimit-limit-requests"), "2");
        assert_eq!(response.header("x-ratelimit-remaining-requests"), remaining);
        assert!(!response.header("x-ratelimit-reset-requests").is_empty());
        // What is refused uses up nothing.
        chat("nope").bearer("s").send(gateway.address()).expect(404);
        chat("other")
            .bearer("s")
            .send(gateway.address())
            .expect(403);
    }
    let refused = chat("echo").bearer("s").send(gateway.address()).expect(429);
    assert_eq!(refused.error_code(), "rate_limit_exceeded");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(refused.header("x-ratelimit-remaining-requests"), "0");
}

#[test]
fn tokens_a_month_are_reserved_and_spent() {
    // A call of `other` reserves its input and ten tokens of output.
    let gateway = gateway("api_key k {\nkey s\nscopes *\nmonthly_token_budget 100\n}");
    let mut served = 0;
    let refused = loop {
        let response = chat("other").bearer("s").send(gateway.address());
        if response.status != 200 {
            break response.expect(402);
        }
        served += 1;
        assert!(served < 100, "the budget does not end");
    };
    assert!(served > 0, "nothing was served: {}", refused.text());
    assert_eq!(refused.error_code(), "budget_exceeded");
    assert!(
        refused.json()["error"]["message"]
            .to_string()
            .contains("100")
    );
    let unbounded = chat("echo").bearer("s").send(gateway.address());
    assert_eq!(
        unbounded.status, 402,
        "a call without a maximum reserves more than is left"
    );
}

#[test]
fn a_key_without_a_secret_is_nobodys() {
    let gateway = gateway("api_key empty {\nkey {env.NOT_SET}\nscopes *\n}");
    for request in [
        chat("echo"),
        chat("echo").bearer(""),
        chat("echo").header("x-api-key", ""),
    ] {
        let response = request.send(gateway.address()).expect(401);
        assert_ne!(response.json()["error"], Value::Null);
    }
}
