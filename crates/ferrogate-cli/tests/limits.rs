//! Limits of keys and of tenants on requests, tokens and concurrency.

use ferrogate_testkit::{FakeOpenAi, Fault, Gateway, Launch, Request, Response};
use serde_json::{Value, json};

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");

fn gateway(upstream: &FakeOpenAi, holders: &str) -> Gateway {
    let block = format!(
        "log {{
            output stdout
            format json
        }}
        ai_gateway {{
            provider up {{
                kind openai-compatible
                base_url {}
                api_key sk
                circuit_breaker off
                retry {{
                    attempts 1
                }}
            }}
            model m -> up
            {holders}
        }}",
        upstream.base_url()
    );
    Launch::site(BIN, &block).start()
}

fn key(id: &str, limits: &str) -> String {
    format!("api_key {id} {{\nkey secret-of-{id}\nscopes *\n{limits}\n}}\n")
}

fn post(id: &str, more: Value) -> Request {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    Request::post("/v1/chat/completions", &body).bearer(&format!("secret-of-{id}"))
}

fn ask(gateway: &Gateway, id: &str) -> Response {
    post(id, json!({})).send(gateway.address())
}

#[test]
fn a_tenants_limit_is_shared_by_its_keys_and_by_those_below() {
    let upstream = FakeOpenAi::start();
    let holders = "tenant acme {
            request_limit_per_minute 4
        }
        tenant red in acme {
            request_limit_per_minute 3
        }\n"
    .to_owned()
        + &key("ann", "tenant red")
        + &key("bob", "tenant red")
        + &key("cid", "tenant acme")
        + &key("dan", "");
    let gateway = gateway(&upstream, &holders);
    let first = ask(&gateway, "ann").expect(200);
    // The tightest limit is told.
    assert_eq!(first.header("x-ratelimit-limit-requests"), "3");
    assert_eq!(first.header("x-ratelimit-remaining-requests"), "2");
    ask(&gateway, "bob").expect(200);
    ask(&gateway, "ann").expect(200);
    let refused = ask(&gateway, "bob").expect(429);
    assert_eq!(refused.error_code(), "rate_limit_exceeded");
    assert!(
        refused.text().contains("tenant `red`"),
        "{}",
        refused.text()
    );
    assert!(!refused.header("retry-after").is_empty());
    // What one limit refused used up nothing of another: one is left to the tenant above.
    ask(&gateway, "cid").expect(200);
    let refused = ask(&gateway, "cid").expect(429);
    assert!(
        refused.text().contains("tenant `acme`"),
        "{}",
        refused.text()
    );
    for _ in 0..5 {
        let free = ask(&gateway, "dan").expect(200);
        assert_eq!(free.header("x-ratelimit-limit-requests"), "");
    }
    assert_eq!(upstream.requests().len(), 9);
}

#[test]
fn tokens_are_held_by_estimate_and_settled_by_truth() {
    let upstream = FakeOpenAi::start();
    let gateway = gateway(&upstream, &key("ann", "token_limit_per_minute 1000"));
    let first = post("ann", json!({ "max_tokens": 900 }))
        .send(gateway.address())
        .expect(200);
    assert_eq!(first.header("x-ratelimit-limit-tokens"), "1000");
    // 900 and more were held, and 18 were used: there is room for the same again.
    post("ann", json!({ "max_tokens": 900 }))
        .send(gateway.address())
        .expect(200);
    let too_large = post("ann", json!({ "max_tokens": 5000 }))
        .send(gateway.address())
        .expect(429);
    assert!(
        too_large.text().contains("1000 tokens per minute"),
        "{}",
        too_large.text()
    );
    // A stream is settled at its end as well.
    for _ in 0..3 {
        let stream = post("ann", json!({ "max_tokens": 800, "stream": true }));
        assert!(stream.send(gateway.address()).expect(200).complete);
    }
    assert_eq!(upstream.requests().len(), 5);
}

#[test]
fn what_was_held_for_a_call_in_vain_is_given_back() {
    let upstream = FakeOpenAi::with_faults(&[Fault::Status(503), Fault::Status(400)]);
    let gateway = gateway(
        &upstream,
        &key(
            "ann",
            "token_limit_per_minute 1000\nrequest_limit_per_minute 5",
        ),
    );
    for status in [503, 400, 200, 200] {
        post("ann", json!({ "max_tokens": 900 }))
            .send(gateway.address())
            .expect(status);
    }
    // A call that is refused before it is sent counts nowhere; one that was sent counts, whatever came of it.
    for _ in 0..3 {
        post("ann", json!({ "model": "none" }))
            .send(gateway.address())
            .expect(404);
    }
    let last = ask(&gateway, "ann").expect(200);
    assert_eq!(last.header("x-ratelimit-remaining-requests"), "0");
    ask(&gateway, "ann").expect(429);
}

#[test]
fn calls_at_once_are_limited_until_they_end() {
    let upstream = FakeOpenAi::with_faults(&[Fault::StallAfterEvents(1)]);
    let holders = "tenant acme {\nmax_concurrency 1\n}\n".to_owned()
        + &key("ann", "tenant acme")
        + &key("bob", "tenant acme");
    let gateway = gateway(&upstream, &holders);
    let mut held = post("ann", json!({ "stream": true })).open(gateway.address());
    held.head();
    let refused = ask(&gateway, "bob").expect(429);
    assert_eq!(refused.error_code(), "rate_limit_exceeded");
    assert!(
        refused.text().contains("concurrent requests"),
        "{}",
        refused.text()
    );
    upstream.release();
    while held.chunk().is_some() {}
    gateway.wait_for_access(|entry| entry["stream"] == true);
    ask(&gateway, "bob").expect(200);
}

#[test]
fn a_tenants_budget_holds_for_all_its_keys() {
    let upstream = FakeOpenAi::start();
    let holders = "tenant acme {\nbudget 60 tokens per month\n}\n".to_owned()
        + &key("ann", "tenant acme")
        + &key("bob", "tenant acme\nmonthly_token_budget 1000000");
    let gateway = gateway(&upstream, &holders);
    // Each uses 18, and holds 18 of input and these of output.
    for id in ["ann", "bob"] {
        post(id, json!({ "max_tokens": 5 }))
            .send(gateway.address())
            .expect(200);
    }
    let refused = post("bob", json!({ "max_tokens": 30 }))
        .send(gateway.address())
        .expect(402);
    assert_eq!(refused.error_code(), "budget_exceeded");
}

#[test]
fn what_a_tenant_may_not_its_keys_may_not_either() {
    let upstream = FakeOpenAi::start();
    let holders = "model other -> up:o
        tenant acme {
            denied_models other
        }
        tenant red in acme {
            allowed_ips 127.0.0.0/8
        }
        tenant far in acme {
            allowed_ips 10.0.0.0/8
        }
        tenant off in acme {
            disabled
        }
        tenant below in off
        tenant elsewhere {
            denied_providers up
        }\n"
    .to_owned()
        + &key("ann", "tenant red")
        + &key("far", "tenant far")
        + &key("off", "tenant below")
        + &key("else", "tenant elsewhere")
        + &key("free", "");
    let gateway = gateway(&upstream, &holders);
    let check = |id: &str, model: &str, status: u16, code: &str| {
        let response = post(id, json!({ "model": model })).send(gateway.address());
        assert_eq!(response.status, status, "{id} {model}: {}", response.text());
        assert_eq!(response.error_code(), code, "{id} {model}");
    };
    check("ann", "m", 200, "");
    check("ann", "other", 403, "model_not_allowed");
    check("far", "m", 403, "ip_not_allowed");
    check("off", "m", 403, "tenant_disabled");
    check("else", "m", 403, "provider_not_allowed");
    check("free", "other", 200, "");
    let listed = |id: &str| {
        let list = Request::get("/v1/models")
            .bearer(&format!("secret-of-{id}"))
            .send(gateway.address());
        let list = list.expect(200).json();
        let ids = list["data"].as_array().into_iter().flatten();
        ids.filter_map(|model| model["id"].as_str().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    assert_eq!(listed("ann"), ["m"]);
    assert_eq!(listed("free"), ["m", "other"]);
}

#[test]
fn policies_deny_by_the_most_specific_rule_and_pass_over_targets() {
    let (first, second) = (FakeOpenAi::start(), FakeOpenAi::start());
    let holders = format!(
        "provider other {{
            kind openai-compatible
            base_url {}
            api_key sk
        }}
        model both -> up other
        model big -> up:large-1
        tenant acme
        tenant red in acme
        policy no-up-for-acme {{
            effect deny
            tenants acme
            providers up
            models both
        }}
        policy no-large {{
            effect deny
            models large-*
            code too_dear
            message \"ask your team first\"
        }}
        policy large-for-red {{
            effect allow
            tenants red
            models large-*
        }}
        policy never {{
            effect deny
            hours mon-sun 00:00-24:00
            keys shut
        }}
        policy no-vectors {{
            effect deny
            surfaces embeddings
        }}
        policy only-trying {{
            effect deny
            keys tried
            dry_run
        }}\n",
        second.base_url()
    ) + &key("ann", "tenant acme")
        + &key("rob", "tenant red")
        + &key("shut", "")
        + &key("tried", "")
        + &key("free", "");
    let gateway = gateway(&first, &holders);
    let ask = |id: &str, model: &str| post(id, json!({ "model": model })).send(gateway.address());
    // A target that is denied is passed over, also for those below the tenant.
    for id in ["ann", "rob"] {
        let response = ask(id, "both").expect(200);
        assert_eq!(
            response.header("x-ferrogate-attempts"),
            "1; up=skipped; other=ok"
        );
    }
    assert_eq!(
        ask("free", "both")
            .expect(200)
            .header("x-ferrogate-provider"),
        "up"
    );
    // Where no target is left, the rule's own words are told.
    let refused = ask("ann", "big").expect(403);
    assert_eq!(refused.error_code(), "too_dear");
    assert!(
        refused.text().contains("ask your team first"),
        "{}",
        refused.text()
    );
    ask("rob", "big").expect(200);
    assert_eq!(ask("shut", "m").expect(403).error_code(), "policy_denied");
    let vectors = json!({ "model": "m", "input": "x" });
    let refused = Request::post("/v1/embeddings", &vectors).bearer("secret-of-free");
    assert_eq!(
        refused.send(gateway.address()).expect(403).error_code(),
        "policy_denied"
    );
    // What only tries is told to the operator and to nobody else.
    ask("tried", "m").expect(200);
    let tried = gateway.wait_for_log(|entry| entry["policy"] == "only-trying");
    assert_eq!(tried["key"], "tried", "{tried}");
}
