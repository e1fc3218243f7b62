//! Realtime sessions: what is passed on, what is metered, what is refused.

use std::time::{Duration, Instant};

use ferrogate_testkit::{
    ClosedPort, FakeRealtime, Gateway, H2Client, Launch, Request, Response, WebSocket,
};
use serde_json::{Value, json};

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");
const TARGET: &str = "/v1/realtime?model=talk";

/// A provider that sends everything back, but answers `response.create` as OpenAI does.
fn provider() -> FakeRealtime {
    FakeRealtime::start(|text| match text {
        r#"{"type":"response.create"}"# => {
            let usage = json!({
                "total_tokens": 30, "input_tokens": 20, "output_tokens": 10,
                "input_token_details": { "text_tokens": 5, "audio_tokens": 15, "cached_tokens": 4 },
                "output_token_details": { "text_tokens": 3, "audio_tokens": 7 },
            });
            [
                json!({ "type": "response.created", "response": { "usage": null } }),
                json!({ "type": "response.output_audio.delta", "delta": "A".repeat(70_000) }),
                json!({ "type": "response.done", "response": { "status": "completed", "usage": usage } }),
            ]
            .map(|event| event.to_string())
            .into()
        }
        r#"{"type":"begin"}"# => vec![r#"{"type":"response.created"}"#.to_owned()],
        _ => vec![text.to_owned()],
    })
}

/// A gateway with that provider under the model `talk`, with whatever else a test needs.
fn gateway(upstream: &FakeRealtime, more: &str) -> Gateway {
    let closed = ClosedPort::hold();
    let block = format!(
        "log {{
            output stdout
            format json
        }}
        ai_gateway {{
            provider up {{
                kind openai-compatible
                base_url http://{0}/v1
                api_key sk-upstream
            }}
            provider azure {{
                kind azure-openai
                base_url http://{0}
                api_key sk-upstream
            }}
            provider wrong {{
                kind openai
                base_url http://{0}/v1
                api_key sk-wrong-key
            }}
            provider gone {{
                kind openai
                base_url http://{1}/v1
                api_key sk-gone
            }}
            provider mute {{
                kind anthropic
                base_url http://{0}
                api_key sk-mute
            }}
            model talk -> up:upstream/talk {{
                max_output_tokens 20
                input_price_per_1m 1000
                output_price_per_1m 2000
            }}
            provider brief {{
                kind openai-compatible
                base_url http://{0}/v1
                api_key sk-upstream
                timeout {{
                    total 1500ms
                }}
            }}
            model brief -> brief
            model deployed -> azure:my-deployment
            model wrong -> wrong
            model second -> mute gone up
            model mute -> mute
            api_key all {{
                key fg_all
                scopes *
            }}
            api_key chatter {{
                key fg_chat
                scopes chat.completions
            }}
            api_key poor {{
                key fg_poor
                scopes realtime.connect
                monthly_token_budget 50
            }}
            {more}
        }}",
        upstream.address(),
        closed.address(),
    );
    Launch::site(BIN, &block).start()
}

fn open(gateway: &Gateway, key: &str) -> WebSocket {
    WebSocket::open(Request::get(TARGET).bearer(key), gateway.address())
}

fn refused(gateway: &Gateway, request: Request) -> Response {
    WebSocket::handshake(request).send(gateway.address())
}

/// Lets the provider answer once, and waits for the end of its answer.
fn respond(socket: &mut WebSocket) {
    socket.send(r#"{"type":"response.create"}"#);
    for kind in [
        "response.created",
        "response.output_audio.delta",
        "response.done",
    ] {
        let event: Value = serde_json::from_str(&socket.receive()).expect("events are JSON");
        assert_eq!(event["type"], kind);
    }
}

fn id(socket: &WebSocket) -> String {
    let id = socket.head.field("x-request-id");
    id.expect("every answer has an id").to_owned()
}

/// Checks fields of a request's entry in the access log, once it is there.
fn check_log(gateway: &Gateway, id: &str, expected: &[(&str, Value)]) -> Value {
    let entry = gateway.wait_for_access(|entry| entry["request_id"] == id);
    for (name, value) in expected {
        assert_eq!(entry[name], *value, "{name}: {entry}");
    }
    entry
}

#[test]
fn a_session_is_passed_through_and_metered() {
    let upstream = provider();
    let gateway = gateway(&upstream, "");
    let request = Request::get("/v1/realtime?intent=chat&model=talk")
        .bearer("fg_all")
        .header("OpenAI-Beta", "realtime=v1")
        .header("OpenAI-Organization", "org-of-the-caller")
        .header("Sec-WebSocket-Extensions", "permessage-deflate")
        .header("Sec-WebSocket-Protocol", "realtime");
    let mut socket = WebSocket::open(request, gateway.address());
    for (name, value) in [
        ("x-ferrogate-provider", "up"),
        ("x-ferrogate-model", "upstream/talk"),
        ("sec-websocket-protocol", "realtime"),
    ] {
        assert_eq!(socket.head.field(name), Some(value), "{name}");
    }
    for text in ["hello", "", "again"] {
        socket.send(text);
        assert_eq!(socket.receive(), text);
    }
    respond(&mut socket);
    respond(&mut socket);
    let id = id(&socket);
    socket.close();

    let seen = &upstream.requests()[0].head;
    assert_eq!(
        seen.word(1),
        "/v1/realtime?model=upstream%2Ftalk&intent=chat"
    );
    for (name, value) in [
        ("authorization", Some("Bearer sk-upstream")),
        ("openai-beta", Some("realtime=v1")),
        ("openai-organization", None),
        ("sec-websocket-extensions", None),
        ("sec-websocket-protocol", Some("realtime")),
        ("upgrade", Some("websocket")),
    ] {
        assert_eq!(seen.field(name), value, "{name}");
    }

    let expected = [
        ("surface", json!("realtime")),
        ("key", json!("all")),
        ("model", json!("talk")),
        ("provider", json!("up")),
        ("upstream_model", json!("upstream/talk")),
        ("stream", json!(true)),
        ("input_tokens", json!(40)),
        ("output_tokens", json!(20)),
        ("estimated", json!(false)),
        ("cost", json!("0.08")),
        ("status", json!(101)),
    ];
    check_log(&gateway, &id, &expected);
    let metrics = Request::get("/metrics")
        .bearer("fg_all")
        .send(gateway.address())
        .expect(200)
        .text();
    let counted = metrics
        .lines()
        .any(|line| line.contains(r#""realtime""#) && line.contains(r#""success""#));
    assert!(counted, "{metrics}");
}

#[test]
fn browsers_put_the_key_among_the_subprotocols() {
    let upstream = provider();
    let gateway = gateway(&upstream, "");
    let protocols = "realtime, openai-insecure-api-key.fg_all, openai-beta.realtime-v1";
    let request = Request::get(TARGET).header("Sec-WebSocket-Protocol", protocols);
    let mut socket = WebSocket::open(request, gateway.address());
    assert_eq!(
        socket.head.field("sec-websocket-protocol"),
        Some("realtime")
    );
    socket.send("hello");
    assert_eq!(socket.receive(), "hello");
    let id = id(&socket);
    socket.close();
    assert_eq!(
        upstream.requests()[0].head.field("sec-websocket-protocol"),
        Some("realtime, openai-beta.realtime-v1")
    );
    let entry = check_log(&gateway, &id, &[]);
    assert!(!entry.to_string().contains("fg_all"), "{entry}");
    let wrong = Request::get(TARGET).header(
        "Sec-WebSocket-Protocol",
        "realtime, openai-insecure-api-key.fg_none",
    );
    assert_eq!(
        refused(&gateway, wrong).expect(401).error_code(),
        "invalid_api_key"
    );
}

#[test]
fn refusals_come_before_the_upgrade() {
    let upstream = provider();
    let gateway = gateway(&upstream, "on_unsupported_param reject");
    let get = |target: &str| Request::get(target);
    for (request, status, code) in [
        (get(TARGET), 401, "missing_api_key"),
        (get(TARGET).bearer("fg_chat"), 403, "scope_denied"),
        (
            get("/v1/realtime?model=none").bearer("fg_all"),
            404,
            "model_not_found",
        ),
        (get("/v1/realtime").bearer("fg_all"), 400, "invalid_request"),
        (
            get("/v1/realtime?model=talk&mod%65l=wrong").bearer("fg_all"),
            400,
            "invalid_request",
        ),
        (
            get("/v1/realtime?model=talk&voice=x").bearer("fg_all"),
            400,
            "unsupported_parameter",
        ),
        (
            get("/v1/realtime?model=mute").bearer("fg_all"),
            400,
            "unsupported_operation",
        ),
        (
            Request::new("POST", TARGET).bearer("fg_all"),
            426,
            "upgrade_required",
        ),
    ] {
        assert_eq!(refused(&gateway, request).expect(status).error_code(), code);
    }
    assert!(upstream.requests().is_empty());

    let plain = get(TARGET).bearer("fg_all").send(gateway.address());
    assert_eq!(plain.header("upgrade"), "websocket");
    assert_eq!(plain.expect(426).error_code(), "upgrade_required");
    let target = format!("{TARGET}&key=fg_all");
    let over_h2 = H2Client::plain(gateway.address()).send("GET", "site.example", &target, "");
    assert_eq!(over_h2.status, 426);
}

#[test]
fn what_a_provider_refuses_is_told() {
    let upstream = provider();
    let gateway = gateway(&upstream, "");
    let request = Request::get("/v1/realtime?model=wrong").bearer("fg_all");
    let response = refused(&gateway, request).expect(502);
    assert_eq!(response.error_code(), "upstream_auth_error");
    assert_eq!(response.header("x-gateway-attempts"), "1");
    let id = response.header("x-request-id").to_owned();
    check_log(&gateway, &id, &[("error", json!("upstream_auth_error"))]);
}

#[test]
fn the_next_target_takes_over() {
    let upstream = provider();
    let gateway = gateway(&upstream, "");
    let request = Request::get("/v1/realtime?model=second").bearer("fg_all");
    let mut socket = WebSocket::open(request, gateway.address());
    assert_eq!(socket.head.field("x-ferrogate-provider"), Some("up"));
    assert_eq!(socket.head.field("x-gateway-attempts"), Some("3"));
    socket.send("hello");
    assert_eq!(socket.receive(), "hello");
    socket.close();

    let request = Request::get("/v1/realtime?model=deployed").bearer("fg_all");
    WebSocket::open(request, gateway.address()).close();
    let seen = &upstream.requests()[1].head;
    assert_eq!(seen.word(1), "/openai/v1/realtime?model=my-deployment");
    assert_eq!(seen.field("api-key"), Some("sk-upstream"));
}

#[test]
fn a_caller_that_leaves_closes_the_providers_side() {
    let upstream = provider();
    let gateway = gateway(&upstream, "");
    let mut socket = open(&gateway, "fg_all");
    respond(&mut socket);
    socket.send(r#"{"type":"begin"}"#);
    socket.receive();
    let id = id(&socket);
    drop(socket);
    assert!(upstream.wait_for_hangup(Duration::from_secs(20)));
    // The response that was not done reads at least the conversation so far.
    let expected = [
        ("input_tokens", json!(20 + 30)),
        ("output_tokens", json!(10)),
        ("estimated", json!(true)),
    ];
    check_log(&gateway, &id, &expected);
}

#[test]
fn a_provider_that_leaves_closes_the_callers_side() {
    let upstream = provider();
    let gateway = gateway(&upstream, "");
    let mut socket = open(&gateway, "fg_all");
    respond(&mut socket);
    let id = id(&socket);
    upstream.die();
    socket.ended();
    check_log(&gateway, &id, &[("input_tokens", json!(20))]);
}

#[test]
fn large_messages_pass_both_ways() {
    let upstream = provider();
    let gateway = gateway(&upstream, "");
    let mut socket = open(&gateway, "fg_all");
    for length in [200, 70_000, 3 << 20] {
        let text = "x".repeat(length);
        socket.send(&text);
        assert!(socket.receive() == text, "{length}");
    }
    respond(&mut socket);
    socket.close();
}

/// The caller's own limit, else the longer one of the gateway's and the provider's.
#[test]
fn a_session_has_a_time_limit() {
    let upstream = provider();
    let gateway = gateway(&upstream, "request_timeout 1s");
    let own = Request::get(TARGET).header("x-ferrogate-timeout", "500ms");
    let total = Request::get("/v1/realtime?model=brief");
    for (request, limit) in [(own, 500), (total, 1500)] {
        let begun = Instant::now();
        let mut socket = WebSocket::open(request.bearer("fg_all"), gateway.address());
        socket.send("hello");
        assert_eq!(socket.receive(), "hello");
        let (code, reason) = socket.farewell();
        assert_eq!(
            (code, reason.as_str()),
            (1001, "the session reached its time limit")
        );
        assert!(begun.elapsed() >= Duration::from_millis(limit), "{limit}");
    }
    assert!(upstream.wait_for_hangup(Duration::from_secs(20)));
}

#[test]
fn a_session_ends_with_the_budget() {
    let upstream = provider();
    let gateway = gateway(&upstream, "");
    let mut socket = open(&gateway, "fg_poor");
    respond(&mut socket);
    // Of 50 tokens 30 are used, and a second response reads as many again.
    socket.send(r#"{"type":"response.create"}"#);
    let (code, reason) = socket.farewell();
    assert_eq!(
        (code, reason.as_str()),
        (1008, "the key's budget is used up")
    );
    // What was used beyond the budget is counted as well.
    let next = refused(&gateway, Request::get(TARGET).bearer("fg_poor"));
    assert_eq!(next.expect(402).error_code(), "budget_exceeded");
}

#[test]
fn a_session_takes_up_a_place_until_it_ends() {
    let upstream = provider();
    let narrow = format!(
        "provider narrow {{
            kind openai-compatible
            base_url http://{}/v1
            api_key sk-upstream
            max_concurrency 1
        }}
        model narrow -> narrow:upstream/talk",
        upstream.address()
    );
    let gateway = gateway(&upstream, &narrow);
    let request = || Request::get("/v1/realtime?model=narrow").bearer("fg_all");
    let mut first = WebSocket::open(request(), gateway.address());
    respond(&mut first);
    let second = refused(&gateway, request()).expect(429);
    assert_eq!(second.error_code(), "provider_saturated");
    let id = id(&first);
    drop(first);
    check_log(&gateway, &id, &[("provider", json!("narrow"))]);
    let mut third = WebSocket::open(request(), gateway.address());
    respond(&mut third);
}
