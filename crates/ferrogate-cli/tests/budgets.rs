//! Budgets on the real binary: what is held, what is charged, and what survives.

use ferrogate_testkit::{Client, FakeOpenAi, Fault, Gateway, Launch, Request, Response};
use serde_json::{Value, json};

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");

/// A gateway whose model `m` costs a cent for each token: the fake's answers use 18 of them.
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
            model m -> up {{
                input_price_per_1m 10000
                output_price_per_1m 10000
            }}
            model cheap -> up:small {{
                input_price_per_1m 100
                output_price_per_1m 100
            }}
            model free -> up:nameless
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
    let mut body = json!({
        "model": "m",
        "max_tokens": 10,
        "messages": [{ "role": "user", "content": "hi" }],
    });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    Request::post("/v1/chat/completions", &body).bearer(&format!("secret-of-{id}"))
}

fn ask(gateway: &Gateway, id: &str, more: Value) -> Response {
    post(id, more).send(gateway.address())
}

/// The limit rows of a key.
fn limits(gateway: &Gateway, id: &str) -> Vec<Value> {
    let usage = Request::get("/v1/usage").bearer(&format!("secret-of-{id}"));
    let usage = usage.send(gateway.address()).expect(200).json();
    usage["limits"].as_array().cloned().unwrap_or_default()
}

/// What is spent, reserved and left of the first limit of a key.
fn stands(gateway: &Gateway, id: &str) -> [String; 3] {
    let row = limits(gateway, id).remove(0);
    ["spent", "reserved", "left"].map(|name| match &row[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

#[test]
fn money_is_held_charged_and_told() {
    let upstream = FakeOpenAi::start();
    let holders = "tenant acme {
            budget 5.00 per week timezone Europe/Berlin
        }\n"
    .to_owned()
        + &key("ann", "tenant acme\nbudget 1.00 per day");
    let gateway = gateway(&upstream, &holders);
    assert_eq!(stands(&gateway, "ann"), ["0", "0", "1"]);
    let answer = ask(&gateway, "ann", json!({})).expect(200);
    assert_eq!(answer.header("x-ferrogate-cost"), "0.18");
    let rows = limits(&gateway, "ann");
    let told = |index: usize, name: &str| rows[index][name].as_str().unwrap_or_default();
    assert_eq!(told(0, "id"), "key:ann:usd:day");
    assert_eq!(
        (told(0, "scope"), told(0, "timezone"), told(0, "left")),
        ("key:ann", "UTC", "0.82")
    );
    assert_eq!(told(1, "id"), "tenant:acme:usd:week");
    assert_eq!(
        (told(1, "timezone"), told(1, "spent"), told(1, "limit")),
        ("Europe/Berlin", "0.18", "5")
    );
    assert!(told(1, "resets_at").ends_with('Z'), "{}", rows[1]);
    // What does not fit is refused before anything is sent, and uses up nothing.
    let refused = ask(&gateway, "ann", json!({ "max_tokens": 100 })).expect(402);
    assert_eq!(refused.error_code(), "budget_exceeded");
    for part in [
        "key:ann",
        "1 usd a day",
        "0.18 spent",
        "0 reserved",
        "begins anew",
    ] {
        assert!(refused.text().contains(part), "{part}: {}", refused.text());
    }
    assert_eq!(upstream.requests().len(), 1);
    assert_eq!(stands(&gateway, "ann"), ["0.18", "0", "0.82"]);
    // A stream is charged as well, and says what it cost.
    let stream = ask(&gateway, "ann", json!({ "stream": true })).expect(200);
    assert!(
        stream.text().contains(": x-ferrogate-cost 0.18"),
        "{}",
        stream.text()
    );
    gateway.wait_for_access(|entry| entry["stream"] == true);
    assert_eq!(stands(&gateway, "ann"), ["0.36", "0", "0.64"]);
}

#[test]
fn what_has_no_price_is_refused_under_a_hard_budget_of_money() {
    let upstream = FakeOpenAi::start();
    let holders = key("hard", "budget 1 per total")
        + &key("soft", "budget 1 per total on_exceed warn")
        + &key("tokens", "budget 100 tokens per total");
    let gateway = gateway(&upstream, &holders);
    let free = json!({ "model": "free" });
    let refused = ask(&gateway, "hard", free.clone()).expect(403);
    assert_eq!(refused.error_code(), "model_unpriced");
    ask(&gateway, "soft", free.clone()).expect(200);
    ask(&gateway, "tokens", free).expect(200);
    assert_eq!(stands(&gateway, "tokens"), ["18", "0", "82"]);
}

#[test]
fn a_used_up_budget_warns_or_turns_to_a_cheaper_model() {
    let upstream = FakeOpenAi::start();
    let holders = key("warn", "budget 0.10 per day on_exceed warn")
        + &key("down", "budget 0.30 per day on_exceed downgrade cheap")
        + &key(
            "shut",
            "budget 0.30 per day on_exceed downgrade cheap\nallowed_models m",
        );
    let gateway = gateway(&upstream, &holders);
    for spent in ["0.18", "0.36"] {
        let answer = ask(&gateway, "warn", json!({})).expect(200);
        assert_eq!(answer.header("x-ferrogate-budget"), "exceeded");
        assert_eq!(stands(&gateway, "warn"), [spent, "0", "0"]);
    }
    let first = ask(&gateway, "down", json!({})).expect(200);
    assert_eq!(first.header("x-ferrogate-budget"), "");
    assert_eq!(first.header("x-ferrogate-model"), "m");
    let second = ask(&gateway, "down", json!({})).expect(200);
    assert_eq!(second.header("x-ferrogate-budget"), "downgraded");
    assert_eq!(second.header("x-ferrogate-model"), "small");
    // The cheaper one is charged to the same budget.
    assert_eq!(stands(&gateway, "down"), ["0.1818", "0", "0.1182"]);
    // One that the key may not use is no way out.
    ask(&gateway, "shut", json!({})).expect(200);
    let refused = ask(&gateway, "shut", json!({})).expect(402);
    assert_eq!(refused.error_code(), "budget_exceeded");
}

#[test]
fn budgets_survive_a_stop_and_a_kill() {
    let upstream =
        FakeOpenAi::with_faults(&[Fault::StallAfterEvents(1), Fault::StallAfterEvents(1)]);
    let mut gateway = gateway(&upstream, &key("ann", "budget 5 per month"));
    // One is under way when the process is killed: nobody knows what it cost, so all that it held is charged.
    let mut open = post("ann", json!({ "stream": true })).open(gateway.address());
    open.head();
    let held = stands(&gateway, "ann")[1].clone();
    assert_ne!(held, "0");
    gateway = gateway.restart("KILL");
    assert_eq!(stands(&gateway, "ann")[..2], [held.clone(), "0".to_owned()]);
    gateway.wait_for_log(|entry| entry["calls"] == 1);
    gateway = gateway.restart("TERM");
    assert_eq!(stands(&gateway, "ann")[..2], [held, "0".to_owned()]);
    upstream.release();
}

#[test]
fn calls_that_end_early_give_back_what_they_held() {
    let upstream = FakeOpenAi::with_faults(&[
        Fault::Status(500),
        Fault::StallBeforeHeader,
        Fault::StallAfterEvents(2),
    ]);
    let gateway = gateway(&upstream, &key("ann", "budget 5 per month"));
    let spent = || -> f64 { stands(&gateway, "ann")[0].parse().unwrap() };
    ask(&gateway, "ann", json!({})).expect(502);
    assert_eq!(stands(&gateway, "ann"), ["0", "0", "5"]);
    // Who leaves before the first byte owes the input the provider was sent.
    let mut before = 0.0;
    for (sent, stream) in [(2, false), (3, true)] {
        let mut open = post("ann", json!({ "stream": stream })).open(gateway.address());
        upstream.wait_for_requests(sent);
        if stream {
            open.head();
            open.chunk();
        }
        assert_ne!(stands(&gateway, "ann")[1], "0");
        open.reset();
        gateway.wait_for_access(|entry| {
            entry["stream"] == stream && entry["error"] == "the client left"
        });
        assert_eq!(stands(&gateway, "ann")[1], "0");
        assert!(
            spent() > before && spent() < 1.0,
            "{} after {before}",
            spent()
        );
        before = spent();
    }
    upstream.release();
}

#[test]
fn a_stream_that_nobody_bounds_ends_where_the_budget_does() {
    let upstream = FakeOpenAi::always(Fault::Endless);
    let gateway = gateway(&upstream, &key("ann", "budget 6000 tokens per total"));
    let request = Request::post(
        "/v1/chat/completions",
        &json!({ "model": "free", "stream": true, "messages": [{ "role": "user", "content": "hi" }] }),
    );
    let stream = request
        .bearer("secret-of-ann")
        .send(gateway.address())
        .expect(200);
    // It ends as an answer that reached its maximum, and the provider is let go of.
    assert!(stream.complete);
    let events = stream.events();
    assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
    let finish = events.iter().rev().find_map(|event| {
        let event: Value = serde_json::from_str(event).ok()?;
        event["choices"][0]["finish_reason"]
            .as_str()
            .map(str::to_owned)
    });
    assert_eq!(finish.as_deref(), Some("length"));
    let entry = gateway.wait_for_access(|entry| entry["stream"] == true);
    assert_eq!(entry["error"], "the budget is used up");
    let [spent, reserved, _] = stands(&gateway, "ann");
    assert_eq!(reserved, "0");
    // More was asked for as it grew, and what the last piece brought is the most that can be above.
    let spent: u64 = spent.parse().unwrap();
    assert!((4_200..6_400).contains(&spent), "{spent}");
    assert!(upstream.wait_for_hangup(std::time::Duration::from_secs(5)));
}

#[test]
fn ten_thousand_at_once_never_spend_more_than_the_last_dollar() {
    const CALLERS: usize = 10_000;
    many_files();
    let upstream = FakeOpenAi::start();
    let gateway = gateway(&upstream, &key("ann", "budget 1 per total"));
    let request = post("ann", json!({})).bytes();
    // All are connected before the first one asks, and all have asked before the first answer is read.
    let mut callers: Vec<_> = (0..CALLERS)
        .map(|_| Client::connect(gateway.address()))
        .collect();
    for caller in &mut callers {
        caller.send(&request);
    }
    let mut served: u32 = 0;
    for caller in &mut callers {
        let answer = caller.response();
        match answer.status {
            200 => served += 1,
            402 => assert_eq!(answer.error_code(), "budget_exceeded"),
            other => panic!("{other}: {}", answer.text()),
        }
    }
    // Each costs 18 cents: five fit, and the sixth does not.
    assert!((1..=5).contains(&served), "{served} were served");
    let [spent, reserved, _] = stands(&gateway, "ann");
    assert_eq!(reserved, "0");
    assert_eq!(spent, (f64::from(served) * 0.18).to_string());
    assert_eq!(upstream.requests().len(), served as usize);
}

/// Lets this process and those it starts have as many files as the system allows.
fn many_files() {
    let limits = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let most = rustix::process::Rlimit {
        current: limits.maximum,
        ..limits
    };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, most).expect("it is allowed");
}
