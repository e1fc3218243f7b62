//! Failover: every fault of a first target, for JSON and for streams, and what the caller gets.

use std::time::{Duration, Instant};

use ferrogate_testkit::{FakeOpenAi, Fault, Gateway, Launch, Request, Response};
use serde_json::{Value, json};

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");

/// What the caller gets when the first of two targets fails.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// The second target's answer.
    Next,
    /// The first target's answer, faulty as it is but whole.
    Served,
    /// This status and code, without a second try.
    Refused(u16, &'static str),
    /// A stream that began and ends in an error event, never in `[DONE]`.
    Broken,
}
use Outcome::{Broken, Next, Refused, Served};

/// A gateway with the model `m` at two providers, `first` and `second`, in this order.
fn gateway(first: &FakeOpenAi, second: &FakeOpenAi) -> Gateway {
    let provider = |name: &str, upstream: &FakeOpenAi| {
        format!(
            "provider {name} {{
                kind openai-compatible
                base_url {}
                api_key sk-{name}
                timeout {{
                    first_byte 500ms
                    idle 500ms
                }}
                retry {{
                    attempts 1
                }}
                circuit_breaker off
            }}\n",
            upstream.base_url()
        )
    };
    let block = format!(
        "log {{\noutput stdout\nformat json\n}}\nai_gateway {{\n{}{}model m -> first second:other\n}}",
        provider("first", first),
        provider("second", second)
    );
    Launch::site(BIN, &block).start()
}

fn ask(gateway: &Gateway, stream: bool) -> Response {
    let body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }], "stream": stream });
    Request::post("/v1/chat/completions", &body).send(gateway.address())
}

fn check(fault: Fault, stream: bool, expected: Outcome) {
    let (first, second) = (FakeOpenAi::always(fault), FakeOpenAi::start());
    let gateway = gateway(&first, &second);
    let response = ask(&gateway, stream);
    let case = format!(
        "{fault:?}, stream {stream}: {}",
        String::from_utf8_lossy(&response.body)
    );
    let ends_well = response.text().contains("data: [DONE]");
    match expected {
        Next => {
            assert_eq!(
                (response.status, second.requests().len()),
                (200, 1),
                "{case}"
            );
            assert_eq!(response.header("x-ferrogate-provider"), "second", "{case}");
            let told = response.header("x-ferrogate-attempts");
            assert!(
                told.starts_with("2; first=") && told.ends_with("; second=ok"),
                "{told}: {case}"
            );
            assert_eq!(response.header("x-gateway-attempts"), "2", "{case}");
            assert_eq!(ends_well, stream, "{case}");
        }
        Served => {
            assert_eq!(
                (response.status, second.requests().len()),
                (200, 0),
                "{case}"
            );
            assert_eq!(ends_well, stream, "{case}");
        }
        Refused(status, code) => {
            assert_eq!(
                (response.status, response.error_code().as_str()),
                (status, code),
                "{case}"
            );
            assert_eq!(second.requests().len(), 0, "{case}");
        }
        Broken => {
            assert_eq!(
                (response.status, second.requests().len()),
                (200, 0),
                "{case}"
            );
            assert!(!ends_well && response.complete, "{case}");
            let events = response.events();
            let last: Value =
                serde_json::from_str(events.last().expect("events came")).expect("events are JSON");
            assert!(
                events.len() > 1 && last["error"]["message"].is_string(),
                "{case}"
            );
        }
    }
    let entry = gateway.wait_for_access(|entry| entry["surface"] == "chat");
    let attempts = entry["attempts"].as_array().map_or(0, Vec::len);
    assert_eq!(
        attempts,
        if matches!(expected, Next) { 2 } else { 1 },
        "{case}: {entry}"
    );
}

/// Runs rows of a table at the same time: most of a row's time is waiting.
fn check_all(rows: &[(Fault, bool, Outcome)]) {
    std::thread::scope(|scope| {
        let rows: Vec<_> = rows
            .iter()
            .map(|&(fault, stream, expected)| scope.spawn(move || check(fault, stream, expected)))
            .collect();
        for row in rows {
            if let Err(panic) = row.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

#[test]
fn connections_that_fail() {
    check_all(&[
        (Fault::Refused, false, Next),
        (Fault::Refused, true, Next),
        (Fault::ResetBeforeAnswer, false, Next),
        (Fault::ResetBeforeAnswer, true, Next),
        (Fault::ResetAfterHeader, false, Next),
        (Fault::ResetAfterHeader, true, Next),
    ]);
}

#[test]
fn answers_that_do_not_come() {
    check_all(&[
        (Fault::StallBeforeHeader, false, Next),
        (Fault::StallBeforeHeader, true, Next),
        (Fault::StallAfterEvents(0), true, Next),
        (Fault::StallAfterEvents(2), true, Broken),
        (Fault::SlowDrip, false, Served),
        (Fault::SlowDrip, true, Served),
    ]);
}

#[test]
fn answers_that_end_early() {
    check_all(&[
        (Fault::TruncatedBody, false, Next),
        (Fault::TruncatedBody, true, Next),
        (Fault::TruncatedStream(0), true, Next),
        (Fault::TruncatedStream(3), true, Broken),
        (Fault::ResetAfterEvents(3), true, Broken),
        (Fault::DoneMissing, true, Served),
    ]);
}

#[test]
fn statuses_another_target_may_not_have() {
    check_all(&[
        (Fault::RateLimited(30), false, Next),
        (Fault::RateLimited(30), true, Next),
        (Fault::HtmlError, false, Next),
        (Fault::HtmlError, true, Next),
        (Fault::Status(408), false, Next),
        (Fault::Status(503), true, Next),
    ]);
}

#[test]
fn statuses_another_target_would_repeat() {
    check_all(&[
        (Fault::Status(400), false, Refused(400, "fake_code")),
        (Fault::Status(400), true, Refused(400, "fake_code")),
        (
            Fault::Status(401),
            false,
            Refused(502, "upstream_auth_error"),
        ),
        (
            Fault::Status(403),
            true,
            Refused(502, "upstream_auth_error"),
        ),
        (Fault::Status(404), false, Refused(404, "model_not_found")),
        (Fault::Status(422), true, Refused(422, "fake_code")),
    ]);
}

#[test]
fn errors_in_answers_that_look_fine() {
    check_all(&[
        (Fault::ErrorInAnswer, false, Next),
        (Fault::ErrorInAnswer, true, Next),
        (Fault::ErrorFirst, true, Next),
        (Fault::ErrorAfterEvents(2), true, Broken),
    ]);
}

#[test]
fn nonsense() {
    check_all(&[
        (Fault::Garbage, false, Next),
        (Fault::Garbage, true, Next),
        (Fault::NotJson, false, Next),
        (Fault::NotJson, true, Next),
        (Fault::HugeHeader(2 << 20), false, Next),
        (Fault::Endless, false, Next),
    ]);
}

#[test]
fn when_every_target_fails_the_answer_says_what_was_tried() {
    for (first, second, status, code) in [
        (Fault::Refused, Fault::Refused, 502, "upstream_error"),
        (
            Fault::Refused,
            Fault::StallBeforeHeader,
            504,
            "upstream_timeout",
        ),
        (Fault::HtmlError, Fault::NotJson, 502, "upstream_error"),
        (
            Fault::RateLimited(30),
            Fault::RateLimited(30),
            429,
            "upstream_rate_limited",
        ),
    ] {
        let (first, second) = (FakeOpenAi::always(first), FakeOpenAi::always(second));
        let gateway = gateway(&first, &second);
        let response = ask(&gateway, false).expect(status);
        assert_eq!(response.error_code(), code);
        let message = response.json()["error"]["message"].to_string();
        assert!(
            message.contains("first: ") && message.contains("second: "),
            "{message}"
        );
        assert_eq!(
            response.header("retry-after").is_empty(),
            status != 429,
            "{:?}",
            response.head
        );
    }
}

#[test]
fn a_failed_target_is_tried_again_as_often_as_its_rule_says() {
    let upstream = FakeOpenAi::with_faults(&[Fault::Status(503), Fault::ResetBeforeAnswer]);
    let block = format!(
        "ai_gateway {{
            provider up {{
                kind openai-compatible
                base_url {}
                api_key sk
                retry {{
                    attempts 3
                    backoff 1ms
                }}
            }}
            model m -> up
        }}",
        upstream.base_url()
    );
    let gateway = Launch::site(BIN, &block).start();
    let response = ask(&gateway, false).expect(200);
    assert_eq!(
        response.header("x-ferrogate-attempts"),
        "3; up=503; up=broken; up=ok"
    );
    assert_eq!(upstream.requests().len(), 3);
}

/// A gateway with the model `m` at these providers in turn, each given a second to answer.
fn alive(upstreams: &[&FakeOpenAi]) -> Gateway {
    let mut block =
        "log {\noutput stdout\nformat json\n}\nai_gateway {\nstream_keep_alive 100ms\n".to_owned();
    let mut targets = Vec::new();
    for (number, upstream) in upstreams.iter().enumerate() {
        let provider = format!(
            "provider p{number} {{
                kind openai-compatible
                base_url {}
                api_key sk
                timeout {{
                    first_byte 1s
                    idle 1s
                }}
                retry {{
                    attempts 1
                }}
            }}\n",
            upstream.base_url()
        );
        block += &provider;
        targets.push(format!("p{number}"));
    }
    let targets = targets.join(" ");
    Launch::site(BIN, &format!("{block}model m -> {targets}\n}}")).start()
}

#[test]
fn a_silent_stream_is_told_to_be_alive() {
    let comments = |response: &Response| response.text().matches(": keep-alive\n\n").count();
    // Before the first content: the caller is answered while targets are still tried.
    let silent = || FakeOpenAi::always(Fault::StallBeforeHeader);
    let (first, second) = (silent(), FakeOpenAi::start());
    let response = ask(&alive(&[&first, &second]), true).expect(200);
    assert!(comments(&response) >= 5, "{}", response.text());
    assert!(response.text().trim_end().ends_with("data: [DONE]"));
    // Where nobody answers, the stream that has begun ends in an error.
    let first = silent();
    let response = ask(&alive(&[&first]), true).expect(200);
    let events = response.events();
    let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert_eq!(
        last["error"]["code"],
        "upstream_timeout",
        "{}",
        response.text()
    );
    assert!(!response.text().contains("[DONE]") && response.complete);
    // After content, and the limit of silence holds all the same.
    let stalls = FakeOpenAi::always(Fault::StallAfterEvents(2));
    let response = ask(&alive(&[&stalls]), true).expect(200);
    assert!(comments(&response) >= 5, "{}", response.text());
    let events = response.events();
    let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert!(last["error"]["message"].is_string(), "{}", response.text());
    // What is no stream is answered as ever.
    let first = silent();
    ask(&alive(&[&first]), false).expect(504);
}

#[test]
fn a_connection_that_was_closed_meanwhile_is_nobodys_failure() {
    let upstream = FakeOpenAi::always(Fault::ClosedAfterAnswer);
    let block = format!(
        "ai_gateway {{
            provider up {{
                kind openai-compatible
                base_url {}
                api_key sk
            }}
            model m -> up
        }}",
        upstream.base_url()
    );
    let gateway = Launch::site(BIN, &block).start();
    for number in 0..20 {
        ask(&gateway, number % 2 == 1).expect(200);
    }
    assert_eq!(upstream.requests().len(), 20, "nothing was sent twice");
}

#[test]
fn an_open_breaker_leaves_a_failing_provider_alone() {
    let upstream = FakeOpenAi::always(Fault::HtmlError);
    let block = format!(
        "ai_gateway {{
            provider up {{
                kind openai-compatible
                base_url {}
                api_key sk
                retry {{
                    attempts 1
                }}
                circuit_breaker {{
                    failures 2
                    open 1h
                }}
            }}
            model m -> up
        }}",
        upstream.base_url()
    );
    let gateway = Launch::site(BIN, &block).start();
    let statuses: Vec<u16> = (0..20).map(|_| ask(&gateway, false).status).collect();
    assert_eq!(statuses.get(..2), Some([502, 502].as_slice()));
    let refused = statuses.iter().filter(|status| **status == 503).count();
    let asked = upstream.requests().len();
    assert_eq!(refused + asked, 20, "{statuses:?}");
    assert!(asked < 10, "it is asked once in a while: {asked} times");
    let health = Request::get("/health")
        .send(gateway.address())
        .expect(503)
        .json();
    assert_eq!(health["providers"][0]["breaker"], "open", "{health}");
    Request::get("/readyz").send(gateway.address()).expect(503);
    Request::get("/healthz").send(gateway.address()).expect(200);
}

#[test]
fn a_caller_without_patience_opens_nobodys_circuit() {
    for (fault, stream, status) in [
        (Fault::StallBeforeHeader, false, 504),
        (Fault::StallAfterEvents(2), true, 200),
    ] {
        let upstream = FakeOpenAi::with_faults(&[fault]);
        let block = format!(
            "ai_gateway {{
                provider up {{
                    kind openai-compatible
                    base_url {}
                    api_key sk
                    circuit_breaker {{
                        failures 1
                        open 1h
                    }}
                }}
                model m -> up
            }}",
            upstream.base_url()
        );
        let gateway = Launch::site(BIN, &block).start();
        let body = json!({ "model": "m", "messages": [], "stream": stream });
        let cut = Request::post("/v1/chat/completions", &body)
            .header("X-Ferrogate-Timeout", "300ms")
            .send(gateway.address())
            .expect(status);
        assert!(cut.text().contains("error"), "{}", cut.text());
        ask(&gateway, false).expect(200);
    }
}

#[test]
fn a_providers_error_does_not_tell_its_credential() {
    for fault in [
        Fault::TellsCredential,
        Fault::TellsCredentialAfterEvents(0),
        Fault::TellsCredentialAfterEvents(2),
    ] {
        let (first, second) = (FakeOpenAi::always(fault), FakeOpenAi::always(fault));
        let gateway = gateway(&first, &second);
        let stream = fault != Fault::TellsCredential;
        let told = ask(&gateway, stream).text();
        assert!(told.contains("incorrect credential: Bearer ***"), "{told}");
        assert!(!told.contains("sk-") && !told.contains("[DONE]"), "{told}");
    }
}

#[test]
fn a_rate_limited_credential_rests() {
    let (first, second) = (
        FakeOpenAi::with_faults(&[Fault::RateLimited(60)]),
        FakeOpenAi::start(),
    );
    let gateway = gateway(&first, &second);
    for attempts in ["2; first=429; second=ok", "1; first=skipped; second=ok"] {
        let response = ask(&gateway, false).expect(200);
        assert_eq!(response.header("x-ferrogate-provider"), "second");
        assert_eq!(response.header("x-ferrogate-attempts"), attempts);
    }
    assert_eq!(first.requests().len(), 1, "it is not asked while it rests");
}

#[test]
fn a_rate_limit_of_every_provider_says_when_to_come_back() {
    let limited = || FakeOpenAi::always(Fault::RateLimited(60));
    let (first, second) = (limited(), limited());
    let gateway = gateway(&first, &second);
    for _ in 0..20 {
        let response = ask(&gateway, false).expect(429);
        assert_eq!(response.error_code(), "upstream_rate_limited");
        let wait: u64 = response.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
    }
    let asked = first.requests().len() + second.requests().len();
    assert!(
        asked < 10,
        "who rests is asked once in a while: {asked} times"
    );
}

#[test]
fn where_all_rest_the_one_that_may_be_back_is_asked() {
    let limited = || FakeOpenAi::with_faults(&[Fault::RateLimited(60)]);
    let (first, second) = (limited(), limited());
    let gateway = gateway(&first, &second);
    // A second after it was told to rest, one is asked all the same.
    let deadline = Instant::now() + Duration::from_secs(20);
    while ask(&gateway, false).status != 200 {
        assert!(Instant::now() < deadline, "nobody was asked again");
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let entry = gateway.wait_for_access(|entry| entry["status"] == 200);
    let told = entry["attempts"][0].as_str().unwrap();
    assert!(told.starts_with("first:m (degraded): ok"), "{entry}");
}

#[test]
fn another_key_of_the_provider_need_not_wait() {
    let upstream = FakeOpenAi::with_faults(&[Fault::RateLimited(60)]);
    let block = format!(
        "ai_gateway {{
            provider p {{
                kind openai-compatible
                base_url {}
                api_key sk-one
                api_key sk-two
            }}
            model m -> p
        }}",
        upstream.base_url()
    );
    let gateway = Launch::site(BIN, &block).start();
    for attempts in ["2; p=429; p=ok", "1; p=ok"] {
        let response = ask(&gateway, false).expect(200);
        assert_eq!(response.header("x-ferrogate-attempts"), attempts);
    }
    let shown: Vec<_> = upstream
        .requests()
        .iter()
        .map(|request| request.head.field("authorization").map(str::to_owned))
        .collect();
    assert_ne!(shown[0], shown[1], "the limited key is asked again");
    assert_eq!(shown[1], shown[2], "the limited key rests");
}

#[test]
fn the_callers_own_limit_of_time_ends_everything() {
    let (first, second) = (
        FakeOpenAi::always(Fault::StallBeforeHeader),
        FakeOpenAi::start(),
    );
    let gateway = gateway(&first, &second);
    let body = json!({ "model": "m", "messages": [] });
    let begun = Instant::now();
    let response = Request::post("/v1/chat/completions", &body)
        .header("X-Ferrogate-Timeout", "100ms")
        .send(gateway.address())
        .expect(504);
    assert!(
        matches!(
            response.error_code().as_str(),
            "gateway_timeout" | "upstream_timeout"
        ),
        "{}",
        response.text()
    );
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn an_endless_answer_ends_with_its_caller() {
    let upstream = FakeOpenAi::always(Fault::Endless);
    let spare = FakeOpenAi::start();
    let gateway = gateway(&upstream, &spare);
    let body = json!({ "model": "m", "messages": [], "stream": true });
    let mut client = Request::post("/v1/chat/completions", &body).open(gateway.address());
    assert_eq!(client.head().word(1), "200");
    client.chunks_until("Gott");
    drop(client);
    assert!(upstream.wait_for_hangup(Duration::from_secs(1)));
}

/// The resident memory of the gateway in bytes.
fn resident(gateway: &Gateway) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.id()))
        .expect("the gateway is running");
    let kibibytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"))
        .and_then(|text| text.trim().parse::<usize>().ok());
    kibibytes.expect("Linux tells the resident set") << 10
}

#[test]
fn a_slow_reader_holds_the_provider_back_and_takes_no_memory() {
    for (path, event) in [
        ("/v1/chat/completions", "delta"),
        ("/v1/messages", "content_block_delta"),
    ] {
        let (endless, other) = (FakeOpenAi::always(Fault::Endless), FakeOpenAi::start());
        let gateway = alive(&[&endless, &other]);
        let body = json!({
            "model": "m", "max_tokens": 9, "stream": true, "messages": [{ "role": "user", "content": "hi" }],
        });
        let mut client = Request::post(path, &body).open(gateway.address());
        client.head();
        client.chunks_until(event);
        let before = resident(&gateway);
        // Nobody reads: what is written comes to rest once every buffer on the way is full.
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut written = endless.written();
        loop {
            std::thread::park_timeout(Duration::from_millis(300));
            let now = endless.written();
            if now == written {
                break;
            }
            assert!(Instant::now() < deadline, "{path}: {now} bytes and more");
            written = now;
        }
        let grown = resident(&gateway).saturating_sub(before);
        assert!(grown < 16 << 20, "{path}: {grown} bytes more");
        // It goes on for who reads on, and stops for who leaves.
        for _ in 0..200 {
            client.chunk();
        }
        drop(client);
        assert!(endless.wait_for_hangup(Duration::from_secs(1)), "{path}");
        let entry = gateway.wait_for_access(|entry| entry["stream"] == true);
        assert_eq!(entry["estimated"], true, "{entry}");
        assert!(
            entry["attempts"]
                .to_string()
                .contains("then the caller left"),
            "{entry}"
        );
        assert!(other.requests().is_empty());
    }
}
