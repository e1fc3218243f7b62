//! Which target a call goes to, and who takes over: each strategy on the real binary.

use std::time::{Duration, Instant};

use ferrogate_testkit::{FakeOpenAi, Fault, Gateway, Launch, Request, Response};
use serde_json::{Value, json};

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");
const PATIENCE: Duration = Duration::from_secs(10);

/// A gateway with these upstreams as the providers `a`, `b`, …, each with some lines of its own, and these models.
fn gateway_with(upstreams: &[(&FakeOpenAi, &str)], models: &str) -> Gateway {
    let mut block = "log {\noutput stdout\nformat json\n}\nai_gateway {\n".to_owned();
    for ((upstream, lines), name) in upstreams.iter().zip(["a", "b", "c"]) {
        let provider = format!(
            "provider {name} {{
                kind openai-compatible
                base_url {}
                api_key sk-{name}
                circuit_breaker off
                {lines}
            }}\n",
            upstream.base_url()
        );
        block += &provider;
    }
    Launch::site(BIN, &format!("{block}{models}\n}}")).start()
}

fn gateway(upstreams: &[&FakeOpenAi], models: &str) -> Gateway {
    let once = "retry {\nattempts 1\n}";
    let upstreams: Vec<_> = upstreams.iter().map(|upstream| (*upstream, once)).collect();
    gateway_with(&upstreams, models)
}

fn chat(more: Value) -> Value {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    body
}

fn post(more: Value) -> Request {
    Request::post("/v1/chat/completions", &chat(more))
}

fn metrics(gateway: &Gateway) -> String {
    Request::get("/metrics")
        .send(gateway.address())
        .expect(200)
        .text()
}

/// Who answered.
fn provider(response: &Response) -> &str {
    response.header("x-ferrogate-provider")
}

fn ask(gateway: &Gateway, more: Value) -> String {
    let response = post(more).send(gateway.address()).expect(200);
    provider(&response).to_owned()
}

#[test]
fn weights_share_the_calls_and_nobody_gets_what_is_drained() {
    let upstreams = [
        FakeOpenAi::start(),
        FakeOpenAi::start(),
        FakeOpenAi::start(),
    ];
    let gateway = gateway(
        &upstreams.each_ref(),
        "model m -> a b c {
            strategy weighted
            target a {
                weight 3
            }
            target c {
                weight 0
            }
        }",
    );
    for _ in 0..100 {
        ask(&gateway, json!({}));
    }
    let [a, b, c] = upstreams.map(|upstream| upstream.requests().len());
    assert!(c == 0 && a + b == 100, "{a} {b} {c}");
    // Three of four, give or take five standard deviations.
    assert!((53..=97).contains(&a), "{a}");
}

#[test]
fn turns_go_round() {
    let upstreams = [FakeOpenAi::start(), FakeOpenAi::start()];
    let gateway = gateway(
        &upstreams.each_ref(),
        "model m -> a b {\nstrategy round_robin\n}",
    );
    let told: Vec<String> = (0..6).map(|_| ask(&gateway, json!({}))).collect();
    assert_eq!(told, ["a", "b", "a", "b", "a", "b"]);
}

#[test]
fn a_key_leads_to_the_same_target() {
    let upstreams = [
        FakeOpenAi::start(),
        FakeOpenAi::start(),
        FakeOpenAi::start(),
    ];
    let gateway = gateway(
        &upstreams.each_ref(),
        "model m -> a b c {
            strategy hash header X-Tenant
        }
        model long -> a b c {
            strategy hash prompt_prefix 12
        }
        model sticky -> a b c {
            strategy round_robin
            sticky user ttl 1h
        }",
    );
    let by_header = |tenant: &str| {
        let request = post(json!({})).header("X-Tenant", tenant);
        provider(&request.send(gateway.address()).expect(200)).to_owned()
    };
    let mut met = Vec::new();
    for tenant in 0..30 {
        let tenant = tenant.to_string();
        let first = by_header(&tenant);
        assert_eq!(by_header(&tenant), first);
        met.push(first);
    }
    assert!(
        ["a", "b", "c"]
            .iter()
            .all(|name| met.iter().any(|met| met == name))
    );
    let by_prompt = |text: &str| {
        let messages = json!([{ "role": "user", "content": text }]);
        ask(&gateway, json!({ "model": "long", "messages": messages }))
    };
    let cached = by_prompt("Read this and tell me more.");
    assert_eq!(by_prompt("Read this and say something else."), cached);
    for user in ["u1", "u2", "u3", "u4"] {
        let first = ask(&gateway, json!({ "model": "sticky", "user": user }));
        for _ in 0..3 {
            let request = post(json!({ "model": "sticky" })).header("X-User-ID", user);
            assert_eq!(
                provider(&request.send(gateway.address()).expect(200)),
                first
            );
        }
    }
}

#[test]
fn conditions_choose_and_no_sibling_is_borrowed() {
    let (down, up) = (FakeOpenAi::always(Fault::Status(503)), FakeOpenAi::start());
    let third = FakeOpenAi::start();
    let gateway = gateway(
        &[&up, &down, &third],
        "model m -> a b c {
            strategy conditional
            target b {
                when metadata.team red
                when user root-*
            }
            target c {
                when stream and has_tools
                when tokens > 1000
            }
        }",
    );
    let tools = json!([{ "type": "function", "function": { "name": "f", "parameters": {} } }]);
    assert_eq!(ask(&gateway, json!({})), "a");
    assert_eq!(ask(&gateway, json!({ "tools": tools })), "a");
    assert_eq!(
        ask(&gateway, json!({ "tools": tools, "stream": true })),
        "c"
    );
    let long = json!([{ "role": "user", "content": "word ".repeat(2000) }]);
    assert_eq!(ask(&gateway, json!({ "messages": long })), "c");
    for request in [
        post(json!({})).header("X-Gateway-Metadata", r#"{"team":"red"}"#),
        post(json!({ "metadata": { "team": "red" } })),
        post(json!({ "user": "root-1" })),
    ] {
        let response = request.send(gateway.address()).expect(503);
        assert_eq!(response.header("x-gateway-attempts"), "1", "{response:?}");
    }
    assert!(
        third
            .requests()
            .iter()
            .all(|request| { request.head.field("x-gateway-metadata").is_none() })
    );
}

#[test]
fn what_is_said_chooses() {
    let upstreams = [
        FakeOpenAi::start(),
        FakeOpenAi::start(),
        FakeOpenAi::start(),
    ];
    let gateway = gateway(
        &upstreams.each_ref(),
        r#"model m -> a b c {
            strategy content
            target b {
                when prompt_contains "Invoice"
            }
            target c {
                when prompt_matches /\bfn\s\w+\(/
            }
        }"#,
    );
    for (text, expected) in [
        ("hello", "a"),
        ("my INVOICE is wrong", "b"),
        ("why does fn main() not compile?", "c"),
    ] {
        let messages = json!([
            { "role": "system", "content": "invoice fn f(" },
            { "role": "user", "content": [{ "type": "text", "text": text }] },
        ]);
        assert_eq!(ask(&gateway, json!({ "messages": messages })), expected);
        // The same in another dialect.
        let body = json!({ "model": "m", "max_tokens": 9, "messages": [{ "role": "user", "content": text }] });
        let response = Request::post("/v1/messages", &body).send(gateway.address());
        assert_eq!(provider(&response.expect(200)), expected);
    }
}

#[test]
fn variants_are_told_apart_in_log_and_metrics() {
    let upstreams = [FakeOpenAi::start(), FakeOpenAi::start()];
    let gateway = gateway(
        &upstreams.each_ref(),
        "model m -> a b {
            strategy ab_test
            target a {
                weight 0
                label control
            }
            target b {
                label candidate
            }
        }
        admin on",
    );
    assert_eq!(ask(&gateway, json!({})), "b");
    let entry = gateway.wait_for_access(|entry| entry["surface"] == "chat");
    assert_eq!(entry["label"], "candidate", "{entry}");
    let metrics = metrics(&gateway);
    assert!(
        metrics.contains(
            "ferrogate_gen_ai_variants_total{gen_ai_request_model=\"m\",label=\"candidate\",outcome=\"success\"} 1"
        ),
        "{metrics}"
    );
}

#[test]
fn the_cheapest_the_idlest_and_the_fastest_go_first() {
    let upstreams = [FakeOpenAi::start(), FakeOpenAi::start()];
    let cheap = gateway(
        &upstreams.each_ref(),
        "model m -> a b {
            strategy lowest_cost
            target a {
                input_price_per_1m 3
                output_price_per_1m 9
            }
            target b {
                input_price_per_1m 1
                output_price_per_1m 2
            }
        }",
    );
    assert_eq!(ask(&cheap, json!({})), "b");

    let holding = || FakeOpenAi::with_faults(&[Fault::StallBeforeHeader]);
    let (one, other) = (holding(), holding());
    let idle = gateway(&[&one, &other], "model m -> a b {\nstrategy least_busy\n}");
    let arrived = || one.requests().len() + other.requests().len();
    let mut waiting = Vec::new();
    for count in 1..=2 {
        waiting.push(post(json!({})).open(idle.address()));
        let deadline = Instant::now() + PATIENCE;
        while arrived() < count {
            assert!(Instant::now() < deadline, "nobody was asked");
            std::thread::yield_now();
        }
    }
    assert_eq!((one.requests().len(), other.requests().len()), (1, 1));
    drop(waiting);

    let slow = FakeOpenAi::always(Fault::SlowDrip);
    let quick = FakeOpenAi::start();
    let fast = gateway(
        &[&slow, &quick],
        "model m -> a b {\nstrategy least_latency\n}",
    );
    let told: Vec<String> = (0..40).map(|_| ask(&fast, json!({}))).collect();
    let quick = told.iter().filter(|name| *name == "b").count();
    // One of ten looks elsewhere.
    assert!(quick >= 25, "{told:?}");
}

#[test]
fn the_longest_pattern_takes_a_name() {
    let upstreams = [
        FakeOpenAi::start(),
        FakeOpenAi::start(),
        FakeOpenAi::start(),
    ];
    let gateway = gateway(
        &upstreams.each_ref(),
        "model * -> a
        model llama-* -> b
        model llama-exact -> c:upstream",
    );
    for (model, expected, upstream) in [
        ("anything", "a", "anything"),
        ("llama-7b", "b", "llama-7b"),
        ("llama-exact", "c", "upstream"),
    ] {
        let response = post(json!({ "model": model }))
            .send(gateway.address())
            .expect(200);
        assert_eq!(provider(&response), expected);
        assert_eq!(response.header("x-ferrogate-model"), upstream);
        assert_eq!(response.json()["model"], model);
    }
}

#[test]
fn another_model_takes_over() {
    for (fault, first, takes_over) in [
        (Fault::Code(400, "context_length_exceeded"), "400", true),
        (Fault::Code(400, "content_filter"), "400", true),
        (Fault::Status(503), "503", true),
        (Fault::Status(400), "400", false),
    ] {
        for stream in [false, true] {
            let (small, big) = (FakeOpenAi::always(fault), FakeOpenAi::start());
            let gateway = gateway(
                &[&small, &big],
                "model m -> a {
                    fallback_model big
                }
                model big -> b:larger",
            );
            let response = post(json!({ "stream": stream })).send(gateway.address());
            if takes_over {
                let response = response.expect(200);
                let told = response.header("x-ferrogate-attempts").to_owned();
                assert_eq!(told, format!("2; a={first}; b=ok"), "{fault:?}");
                assert_eq!(response.header("x-ferrogate-model"), "larger");
                if !stream {
                    assert_eq!(response.json()["model"], "m");
                }
            } else {
                response.expect(400);
                assert!(big.requests().is_empty(), "{fault:?}");
            }
        }
    }
}

#[test]
fn a_second_try_beside_a_silent_one_wins_and_the_loser_is_called_off() {
    for fault in [Fault::StallBeforeHeader, Fault::StallAfterEvents(0)] {
        let (silent, quick) = (FakeOpenAi::always(fault), FakeOpenAi::start());
        let gateway = gateway(
            &[&silent, &quick],
            "model m -> a b {
                hedge after 50ms max_extra 100%
                input_price_per_1m 1000
                output_price_per_1m 1000
            }",
        );
        let stream = matches!(fault, Fault::StallAfterEvents(_));
        let response = post(json!({ "stream": stream }))
            .send(gateway.address())
            .expect(200);
        assert_eq!(provider(&response), "b");
        assert!(silent.wait_for_hangup(Duration::from_secs(1)), "{fault:?}");
        let entry = gateway.wait_for_access(|entry| entry["surface"] == "chat");
        let told: Vec<&str> = entry["attempts"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        assert!(
            told.iter()
                .any(|line| line.starts_with("a:m (first): called off")),
            "{entry}"
        );
        assert!(
            told.iter().any(|line| line.starts_with("b:m (hedge): ")),
            "{entry}"
        );
        // 18 tokens are what the winner says; the loser has read the request as well.
        assert_eq!(entry["estimated"], true, "{entry}");
        let cost: f64 = entry["cost"].as_str().unwrap().parse().unwrap();
        assert!(cost > 0.018, "{entry}");
    }
}

#[test]
fn second_tries_are_bounded() {
    let (silent, quick) = (
        FakeOpenAi::always(Fault::StallBeforeHeader),
        FakeOpenAi::start(),
    );
    let upstreams = [
        (
            &silent,
            "timeout {\nfirst_byte 300ms\n}\nretry {\nattempts 1\n}",
        ),
        (&quick, ""),
    ];
    let gateway = gateway_with(
        &upstreams,
        "model m -> a b {\nhedge after 10ms max_extra 1%\n}",
    );
    for _ in 0..12 {
        ask(&gateway, json!({}));
    }
    let entries = gateway.wait_for_accesses(12, |entry| entry["surface"] == "chat");
    let hedged = entries
        .iter()
        .filter(|entry| entry["attempts"].to_string().contains("(hedge)"))
        .count();
    // A reserve of five, and nothing earned by so few.
    assert_eq!(hedged, 5);
}

#[test]
fn places_are_limited_and_a_queue_waits() {
    let held = FakeOpenAi::with_faults(&[Fault::StallBeforeHeader]);
    let full = gateway_with(&[(&held, "max_concurrency 1")], "model m -> a");
    let first = post(json!({})).open(full.address());
    held.wait_for_requests(1);
    let response = post(json!({})).send(full.address()).expect(429);
    assert_eq!(response.error_code(), "provider_saturated");
    assert!(!response.header("retry-after").is_empty());
    assert_eq!(held.requests().len(), 1);
    drop(first);

    let held = FakeOpenAi::with_faults(&[Fault::StallBeforeHeader]);
    let lines = "max_concurrency 1 queue 1 wait 10s";
    let queue = gateway_with(&[(&held, lines)], "model m -> a\nadmin on");
    let mut first = post(json!({})).open(queue.address());
    held.wait_for_requests(1);
    let mut second = post(json!({})).open(queue.address());
    // The two, and the one that asks.
    let deadline = Instant::now() + PATIENCE;
    while !metrics(&queue).contains("ferrogate_http_requests_in_flight 3") {
        assert!(Instant::now() < deadline, "the second call never came");
    }
    let third = post(json!({})).send(queue.address()).expect(429);
    assert_eq!(third.error_code(), "provider_saturated");
    assert_eq!(held.requests().len(), 1);
    held.release();
    assert_eq!(first.response().expect(200).status, 200);
    assert_eq!(second.response().expect(200).status, 200);

    // Who leaves the queue makes room for the next.
    let held = FakeOpenAi::with_faults(&[Fault::StallBeforeHeader]);
    let leaving = gateway_with(
        &[(&held, "max_concurrency 1 queue 1 wait 10s")],
        "model m -> a",
    );
    let mut first = post(json!({})).open(leaving.address());
    held.wait_for_requests(1);
    for _ in 0..5 {
        let response = post(json!({}))
            .header("x-ferrogate-timeout", "30ms")
            .send(leaving.address());
        assert_ne!(response.error_code(), "", "{response:?}");
    }
    let mut last = post(json!({})).open(leaving.address());
    held.release();
    first.response().expect(200);
    last.response().expect(200);
}

#[test]
fn a_full_provider_is_passed_by() {
    let held = FakeOpenAi::with_faults(&[Fault::StallBeforeHeader]);
    let free = FakeOpenAi::start();
    let gateway = gateway_with(
        &[(&held, "max_concurrency 1"), (&free, "")],
        "model m -> a b",
    );
    let first = post(json!({})).open(gateway.address());
    held.wait_for_requests(1);
    let response = post(json!({})).send(gateway.address()).expect(200);
    assert_eq!(
        response.header("x-ferrogate-attempts"),
        "1; a=skipped; b=ok"
    );
    drop(first);
}

#[test]
fn retries_stay_within_their_budget() {
    let upstream = FakeOpenAi::always(Fault::Status(503));
    let lines = "retry {\nattempts 5\nbackoff 1ms\nbudget 10%\n}";
    let gateway = gateway_with(&[(&upstream, lines)], "model m -> a");
    for _ in 0..50 {
        post(json!({})).send(gateway.address()).expect(503);
    }
    let tries = upstream.requests().len();
    // A reserve of five and a tenth of fifty.
    assert!((50..=60).contains(&tries), "{tries}");
}

#[test]
fn a_provider_that_says_it_is_ill_is_left_alone_until_it_is_well() {
    let (sick, well) = (FakeOpenAi::start(), FakeOpenAi::start());
    let probe = "health {\npath /health\ninterval 50ms\nunhealthy 2\n}";
    let gateway = gateway_with(&[(&sick, probe), (&well, "")], "model m -> a b");
    gateway.wait_for_log(|entry| entry["msg"] == "the provider is unhealthy");
    let response = post(json!({})).send(gateway.address()).expect(200);
    assert_eq!(
        response.header("x-ferrogate-attempts"),
        "1; a=skipped; b=ok"
    );
    sick.release();
    gateway.wait_for_log(|entry| entry["msg"] == "the provider is healthy again");
    assert_eq!(ask(&gateway, json!({})), "a");
    let probes = sick.requests();
    let probe = probes.first().unwrap();
    assert_eq!(probe.head.field("authorization"), Some("Bearer sk-a"));
}

#[test]
fn after_the_commit_window_nobody_takes_over() {
    for (window, expected) in [("", "b"), ("commit_window 50ms", "a")] {
        let (silent, other) = (
            FakeOpenAi::always(Fault::StallAfterEvents(0)),
            FakeOpenAi::start(),
        );
        let impatient = "timeout {\nidle 400ms\n}\nretry {\nattempts 1\n}";
        let gateway = gateway_with(
            &[(&silent, impatient), (&other, "")],
            &format!("model m -> a b {{\n{window}\n}}"),
        );
        let response = post(json!({ "stream": true }))
            .send(gateway.address())
            .expect(200);
        assert_eq!(provider(&response), expected, "{window}");
        let ends_well = response.text().contains("[DONE]");
        assert_eq!(ends_well, expected == "b", "{}", response.text());
    }
}

#[test]
fn a_compressed_answer_is_read_although_nobody_asked_for_it() {
    for stream in [false, true] {
        let upstream = FakeOpenAi::always(Fault::Compressed);
        let gateway = gateway(&[&upstream], "model m -> a");
        let response = post(json!({ "stream": stream }))
            .send(gateway.address())
            .expect(200);
        assert!(response.text().contains("Grüß"), "{}", response.text());
        assert_eq!(response.header("content-encoding"), "");
    }
}

#[test]
fn what_callers_say_of_themselves_is_checked_and_goes_nowhere() {
    let upstream = FakeOpenAi::start();
    let gateway = gateway(&[&upstream], "model m -> a");
    for (name, value) in [
        ("X-Gateway-Metadata", "team=red"),
        ("X-Gateway-Metadata", r#"{"a":[1]}"#),
        ("X-User-ID", &"u".repeat(257)),
    ] {
        let response = post(json!({}))
            .header(name, value)
            .send(gateway.address())
            .expect(400);
        assert_eq!(response.error_code(), "invalid_request");
        assert!(
            response.text().contains(&name.to_lowercase()),
            "{}",
            response.text()
        );
    }
    post(json!({}))
        .header("X-Gateway-Metadata", r#"{"team":"red"}"#)
        .header("X-User-ID", "u")
        .header("X-Session-ID", "s")
        .send(gateway.address())
        .expect(200);
    let requests = upstream.requests();
    let [request] = requests.as_slice() else {
        panic!("{requests:?}")
    };
    for name in ["x-gateway-metadata", "x-user-id", "x-session-id"] {
        assert!(request.head.field(name).is_none(), "{name}");
    }
}

#[test]
fn explain_says_where_a_call_would_go_and_why() {
    const TEXT: &str = r"
        http://localhost:8080 {
            ai_gateway {
                provider a {
                    kind openai-compatible
                    base_url http://127.0.0.1:1/v1
                }
                provider b {
                    kind openai-compatible
                    base_url http://127.0.0.1:2/v1
                }
                model m fast -> a b:other {
                    strategy conditional
                    target b:other {
                        label tools
                        when has_tools
                    }
                    fallback_model big
                    hedge after 800ms
                }
                model big -> b
                model llama-* -> a
                api_key team {
                    key a-secret-of-the-team
                    scopes chat.completions
                    denied_providers a
                }
            }
        }
    ";
    let explain = |body: &str, more: &[&str]| {
        let url = "http://localhost:8080/v1/chat/completions";
        let mut words = vec!["explain", "POST", url, "-d", body];
        words.extend(more);
        Launch::caddyfile(BIN, TEXT)
            .command(&words)
            .expect(0)
            .stdout
    };
    let tools =
        r#"{"model":"m","messages":[],"tools":[{"type":"function","function":{"name":"f"}}]}"#;
    for (body, more, lines) in [
        (
            r#"{"model":"fast","messages":[]}"#,
            &[][..],
            &[
                "model `m`, by the alias `fast`",
                "strategy conditional",
                "silent for 800 ms",
                "1. a:m (first)",
                "b: not for such requests",
                "then the model `big`:",
                "1. b:big (first)",
            ][..],
        ),
        (
            tools,
            &[],
            &["1. b:other (condition), 2 tries, label tools"],
        ),
        (
            r#"{"model":"llama-7b","messages":[]}"#,
            &[],
            &["by the pattern `llama-*`", "1. a:llama-7b (first)"],
        ),
        (
            r#"{"model":"big","messages":[]}"#,
            &["--key", "team"],
            &["key `team`", "1. b:big (first)"],
        ),
        (
            r#"{"model":"llama-7b","messages":[]}"#,
            &["--key", "team"],
            &["=> refused: ", "(provider_not_allowed)"],
        ),
        (
            r#"{"model":"big","messages":[]}"#,
            &["--key", "nobody"],
            &["=> refused: there is no key `nobody`"],
        ),
        (r#"{"model":"none"}"#, &[], &["(model_not_found)"]),
        ("{", &[], &["(invalid_json)"]),
    ] {
        let told = explain(body, more);
        for line in lines {
            assert!(told.contains(line), "{body} {more:?}: {line}\n{told}");
        }
        assert!(!told.contains("a-secret"), "{told}");
    }
    let json = explain(tools, &["--format", "json"]);
    let json: Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(json["call"]["targets"][0]["why"], "condition", "{json}");
    assert_eq!(json["call"]["targets"][0]["provider"], "b", "{json}");
}
