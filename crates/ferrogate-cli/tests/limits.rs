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
fn each_of_a_kind_is_limited_besides_its_own_limits_and_all_together() {
    let upstream = FakeOpenAi::start();
    let holders = "model other -> up
        tenant acme
        tenant red in acme {
            request_limit_per_minute 90
        }
        rate_limit {
            key {
                request_limit_per_minute 3
                max_concurrency 50
            }
            user {
                request_limit_per_minute 4
            }
            tenant {
                request_limit_per_minute 80
            }
            model {
                request_limit_per_minute 9
            }
            global {
                request_limit_per_minute 10
                token_limit_per_minute 100000
            }
        }\n"
    .to_owned()
        + &key("ann", "user u1\ntenant red")
        + &key("bob", "user u1\ntenant red")
        + &key("cid", "request_limit_per_minute 2")
        + &key("dan", "request_limit_per_minute 5")
        + &key("eve", "");
    let gateway = gateway(&upstream, &holders);
    let refused = |id: &str, more: Value, whose: &str| {
        let response = post(id, more).send(gateway.address()).expect(429);
        assert_eq!(response.error_code(), "rate_limit_exceeded");
        assert!(response.text().contains(whose), "{}", response.text());
        assert!(!response.header("retry-after").is_empty());
    };
    let first = ask(&gateway, "ann").expect(200);
    assert_eq!(first.header("x-ratelimit-limit-requests"), "3");
    assert_eq!(first.header("x-ratelimit-remaining-requests"), "2");
    assert_eq!(first.header("x-ratelimit-limit-tokens"), "100000");
    for id in ["ann", "ann"] {
        ask(&gateway, id).expect(200);
    }
    refused("ann", json!({}), "3 requests per minute of the key `ann`");
    // One is left to the user, who has another key.
    ask(&gateway, "bob").expect(200);
    refused("bob", json!({}), "4 requests per minute of the user `u1`");
    // Of a key's own limit and that of each key the tighter one holds.
    for _ in 0..2 {
        ask(&gateway, "cid").expect(200);
    }
    refused("cid", json!({}), "2 requests per minute of the key `cid`");
    for _ in 0..3 {
        ask(&gateway, "dan").expect(200);
    }
    refused("dan", json!({}), "3 requests per minute of the key `dan`");
    // Nine calls of the model, and one of another, are all there may be.
    refused("eve", json!({}), "9 requests per minute of the model `m`");
    post("eve", json!({ "model": "other" }))
        .send(gateway.address())
        .expect(200);
    refused(
        "eve",
        json!({ "model": "other" }),
        "10 requests per minute of the gateway",
    );
    assert_eq!(upstream.requests().len(), 10);
}

#[test]
fn an_address_is_limited_whatever_its_keys_are() {
    let upstream = FakeOpenAi::start();
    let holders = "rate_limit {
            ip {
                request_limit_per_minute 2
            }
        }\n"
    .to_owned()
        + &key("ann", "")
        + &key("bob", "");
    let gateway = gateway(&upstream, &holders);
    let first = ask(&gateway, "ann").expect(200);
    assert_eq!(first.header("x-ratelimit-limit-requests"), "2");
    assert_eq!(first.header("x-ratelimit-remaining-requests"), "1");
    ask(&gateway, "bob").expect(200);
    let refused = ask(&gateway, "ann").expect(429);
    assert!(
        refused
            .text()
            .contains("2 requests per minute of this address"),
        "{}",
        refused.text()
    );
    // What is asked for without a model comes from the address as well.
    Request::get("/v1/files")
        .bearer("secret-of-bob")
        .send(gateway.address())
        .expect(429);
    assert_eq!(upstream.requests().len(), 2);
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
        let stream = stream.send(gateway.address()).expect(200);
        assert!(stream.complete);
        // The caller sees the last byte before the books do.
        gateway.wait_for_access(|entry| entry["request_id"] == stream.header("x-request-id"));
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

#[test]
fn a_key_is_told_how_its_limits_stand() {
    let upstream = FakeOpenAi::start();
    let holders = "tenant acme {\nrequest_limit_per_minute 9\n}\n".to_owned()
        + &key(
            "ann",
            "tenant acme\nrequest_limit_per_minute 5\ntoken_limit_per_minute 1000\nmax_concurrency 2\nbudget 90 tokens per day",
        );
    let gateway = gateway(&upstream, &holders);
    post("ann", json!({ "max_tokens": 5 }))
        .send(gateway.address())
        .expect(200);
    let usage = Request::get("/v1/usage").bearer("secret-of-ann");
    let usage = usage.send(gateway.address()).expect(200).json();
    let rows = usage["limits"].as_array().cloned().unwrap_or_default();
    let told: Vec<_> = rows
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            (
                text("scope"),
                text("unit"),
                row["limit"].as_u64(),
                row["left"].as_u64(),
            )
        })
        .collect();
    let row = |scope: &str, unit: &str, limit, left| {
        (scope.to_owned(), unit.to_owned(), Some(limit), Some(left))
    };
    assert_eq!(
        told,
        [
            row("key:ann", "tokens", 90, 72),
            row("key:ann", "requests", 5, 4),
            row("key:ann", "tokens", 1000, 982),
            row("key:ann", "concurrency", 2, 2),
            row("tenant:acme", "requests", 9, 8),
        ],
        "{usage}"
    );
}
