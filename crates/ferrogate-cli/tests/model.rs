//! Model calls that go well: every surface, JSON and streams, what is passed on and what is told.

use ferrogate_testkit::{Client, FakeOpenAi, Fault, Gateway, Launch, Request, Response};
use serde_json::{Value, json};

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");

/// A gateway with a fake provider under the model `fake` and the built-in one under `echo`.
fn gateway(upstream: &FakeOpenAi) -> Gateway {
    let block = format!(
        "log {{
            output stdout
            format json
        }}
        ai_gateway {{
            provider up {{
                kind openai-compatible
                base_url {}
                api_key sk-upstream
                header X-Org ferrogate
            }}
            provider echo
            model fake alias/fake -> up:upstream-model {{
                capabilities chat streaming
                context_window 1000
                input_price_per_1m 1000
                output_price_per_1m 2000
            }}
            model echo -> echo
            alias other fake
        }}",
        upstream.base_url()
    );
    Launch::site(BIN, &block).start()
}

const SURFACES: [&str; 4] = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/responses",
];

fn post(gateway: &Gateway, path: &str, body: &Value) -> Response {
    Request::post(path, body).send(gateway.address())
}

fn ask(model: &str, more: &Value) -> Value {
    let mut body = json!({
        "model": model, "messages": [{ "role": "user", "content": "one two three" }], "prompt": "one two three",
        "input": "one two three",
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

#[test]
fn models_are_listed() {
    let upstream = FakeOpenAi::start();
    let gateway = gateway(&upstream);
    let list = Request::get("/v1/models")
        .send(gateway.address())
        .expect(200)
        .json();
    assert_eq!(list["object"], "list");
    let mut ids: Vec<&str> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|model| model["id"].as_str())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, ["alias/fake", "echo", "fake", "other"]);
    let one = Request::get("/v1/models/alias/fake")
        .send(gateway.address())
        .expect(200)
        .json();
    assert_eq!(
        (&one["object"], &one["owned_by"], &one["context_window"]),
        (&"model".into(), &"up".into(), &1000.into())
    );
    let encoded = Request::get("/v1/models/alias%2Ffake")
        .send(gateway.address())
        .expect(200)
        .json();
    assert_eq!(encoded["id"], "alias/fake");
    let unknown = Request::get("/v1/models/nope")
        .send(gateway.address())
        .expect(404);
    assert_eq!(unknown.error_code(), "model_not_found");
    assert_eq!(
        Request::new("POST", "/v1/models")
            .body("")
            .send(gateway.address())
            .status,
        405
    );
    assert_eq!(
        Request::get("/v1/chat/completions")
            .send(gateway.address())
            .status,
        405
    );
}

#[test]
fn json_travels_byte_for_byte_except_for_the_model() {
    let upstream = FakeOpenAi::start();
    let gateway = gateway(&upstream);
    for (index, path) in SURFACES.into_iter().enumerate() {
        let sent = r#"{ "unknown" : [1.50, "\u00e9\/", 1e2],
            "model":"other" , "input": "a", "messages": [], "prompt":"b" }"#;
        let response = Request::new("POST", path)
            .body(sent)
            .send(gateway.address())
            .expect(200);
        let received = &upstream.requests()[index];
        assert_eq!(
            String::from_utf8_lossy(&received.body),
            sent.replace("other", "upstream-model"),
            "{path}"
        );
        assert_eq!(received.head.word(1), path);
        // The answer's model is the one that was asked for; every other byte is the provider's.
        let sent = String::from_utf8_lossy(&upstream.answers()[index]).into_owned();
        assert_eq!(
            response.text(),
            sent.replace("\"upstream-model\"", "\"other\""),
            "{path}"
        );
        assert_ne!(response.text(), sent, "{path}");
    }
    assert_eq!(upstream.connections(), 1, "the connection is kept");
}

#[test]
fn the_upstream_sees_the_providers_credential_and_no_other() {
    let upstream = FakeOpenAi::start();
    let gateway = gateway(&upstream);
    Request::post("/v1/chat/completions", &ask("fake", &Value::Null))
        .bearer("sk-caller")
        .header("X-Ferrogate-Timeout", "30s")
        .header("Cookie", "a=b")
        .header("OpenAI-Beta", "assistants=v2")
        .send(gateway.address())
        .expect(200);
    let head = &upstream.requests()[0].head;
    for (name, value) in [
        ("authorization", Some("Bearer sk-upstream")),
        ("x-org", Some("ferrogate")),
        ("content-type", Some("application/json")),
        ("openai-beta", Some("assistants=v2")),
        ("x-ferrogate-timeout", None),
        ("cookie", None),
    ] {
        assert_eq!(head.field(name), value, "{name}");
    }
    assert_eq!(
        head.field("host"),
        Some(upstream.address().to_string().as_str())
    );
}

#[test]
fn answers_tell_how_they_were_made() {
    let upstream = FakeOpenAi::start();
    let gateway = gateway(&upstream);
    let response = post(&gateway, "/v1/chat/completions", &ask("fake", &Value::Null)).expect(200);
    for (name, value) in [
        ("content-type", "application/json"),
        ("x-ferrogate-provider", "up"),
        ("x-gateway-provider", "up"),
        ("x-ferrogate-model", "upstream-model"),
        ("x-gateway-target", "up:upstream-model"),
        ("x-gateway-attempts", "1"),
        ("x-ferrogate-cache", "bypass"),
        // 11 tokens at 1000 and 7 at 2000 dollars a million.
        ("x-ferrogate-cost", "0.025"),
    ] {
        assert_eq!(response.header(name), value, "{name}");
    }
    let overhead: f64 = response.header("x-ferrogate-overhead-ms").parse().unwrap();
    assert!((0.0..1000.0).contains(&overhead), "{overhead} ms");
    assert!(!response.header("x-ferrogate-config-revision").is_empty());
}

#[test]
fn streams_travel_byte_for_byte_with_usage_as_asked() {
    let upstream = FakeOpenAi::start();
    let gateway = gateway(&upstream);
    let paths = ["/v1/chat/completions", "/v1/completions", "/v1/responses"];
    let asked = json!({ "stream": true, "stream_options": { "include_usage": true } });
    let silent = json!({ "stream": true });
    let mut index = 0;
    for path in paths {
        for (more, hidden) in [(&asked, false), (&silent, path != "/v1/responses")] {
            let response = post(&gateway, path, &ask("fake", more)).expect(200);
            assert!(
                response
                    .header("content-type")
                    .starts_with("text/event-stream")
            );
            let sent = String::from_utf8(upstream.answers()[index].clone()).unwrap();
            let frames = sent.split_inclusive("\n\n");
            let expected: String = frames
                .filter(|frame| !(hidden && frame.contains("\"choices\":[]")))
                .map(|frame| frame.replace("\"upstream-model\"", "\"fake\""))
                .collect();
            let got: String = response
                .text()
                .split_inclusive("\n\n")
                .filter(|frame| !frame.starts_with(": x-ferrogate-cost"))
                .collect();
            assert_eq!(got, expected, "{path} {more}");
            assert!(
                response.text().contains(": x-ferrogate-cost 0.025\n\n"),
                "{path} {more}"
            );
            let received = upstream.requests()[index].json();
            if path == "/v1/responses" {
                assert!(received.get("stream_options").is_none() || !hidden);
            } else {
                assert_eq!(received["stream_options"]["include_usage"], true);
            }
            index += 1;
        }
    }
}

#[test]
fn odd_but_good_streams_arrive_whole() {
    for fault in [Fault::HalfCharacters, Fault::SlowDrip] {
        let upstream = FakeOpenAi::always(fault);
        let gateway = gateway(&upstream);
        let response = post(
            &gateway,
            "/v1/chat/completions",
            &ask("fake", &json!({ "stream": true })),
        )
        .expect(200);
        let events = response.events();
        let text: String = events
            .iter()
            .filter_map(|event| serde_json::from_str::<Value>(event).ok())
            .filter_map(|event| {
                event["choices"][0]["delta"]["content"]
                    .as_str()
                    .map(str::to_owned)
            })
            .collect();
        assert_eq!(text, "Grüß Gott, Oslo… 🌧", "{fault:?}");
        assert_eq!(
            events.last().map(String::as_str),
            Some("[DONE]"),
            "{fault:?}"
        );
    }
}

#[test]
fn events_arrive_as_they_are_made() {
    let upstream = FakeOpenAi::with_faults(&[Fault::StallAfterEvents(2)]);
    let gateway = gateway(&upstream);
    let request = Request::post(
        "/v1/chat/completions",
        &ask("fake", &json!({ "stream": true })),
    );
    let mut client = request.open(gateway.address());
    assert_eq!(client.head().word(1), "200");
    let first = client.chunks_until("Gott");
    assert!(!first.contains("Oslo"), "{first}");
    upstream.release();
    assert!(client.chunks_until("[DONE]").contains("Oslo"));
    assert!(client.chunk().is_none());
}

#[test]
fn the_echo_provider_answers_every_surface() {
    let upstream = FakeOpenAi::start();
    let gateway = gateway(&upstream);
    for path in SURFACES {
        let body = ask("echo", &Value::Null);
        let (first, second) = (
            post(&gateway, path, &body).expect(200),
            post(&gateway, path, &body),
        );
        assert_eq!(
            first.body, second.body,
            "{path}: the same question has the same answer"
        );
        let json = first.json();
        let input = json["usage"]
            .get("prompt_tokens")
            .or(json["usage"].get("input_tokens"));
        assert_eq!(input, Some(&3.into()), "{path}: {json}");
        if path != "/v1/embeddings" {
            assert!(
                first.text().contains("Ferrogate") && first.text().contains("one two three"),
                "{path}"
            );
            let stream = post(&gateway, path, &ask("echo", &json!({ "stream": true }))).expect(200);
            let last = if path == "/v1/responses" {
                "response.completed"
            } else {
                "[DONE]"
            };
            assert!(
                stream
                    .events()
                    .last()
                    .is_some_and(|event| event.contains(last)),
                "{path}"
            );
        }
    }
    assert!(upstream.requests().is_empty());
}

#[test]
fn usage_is_logged_and_counted() {
    let upstream = FakeOpenAi::start();
    let gateway = gateway(&upstream);
    for (stream, count) in [(false, 1), (true, 2)] {
        let response = post(
            &gateway,
            "/v1/chat/completions",
            &ask("other", &json!({ "stream": stream })),
        )
        .expect(200);
        let id = response.header("x-request-id").to_owned();
        let entry = gateway.wait_for_access(|entry| entry["request_id"] == id);
        for (name, value) in [
            ("surface", json!("chat")),
            ("model", json!("fake")),
            ("provider", json!("up")),
            ("upstream_model", json!("upstream-model")),
            ("stream", json!(stream)),
            ("input_tokens", json!(11)),
            ("output_tokens", json!(7)),
            ("estimated", json!(false)),
            ("cost", json!("0.025")),
            ("status", json!(200)),
        ] {
            assert_eq!(entry[name], value, "{name}, stream {stream}: {entry}");
        }
        assert_eq!(entry.get("ttft").is_some(), stream);
        assert!(!entry.to_string().contains("sk-upstream"));
        let page = Request::get("/metrics")
            .send(gateway.address())
            .expect(200)
            .text();
        for (kind, tokens) in [("input", 11), ("output", 7)] {
            let expected = (tokens * count).to_string();
            let line = page.lines().find(|line| {
                line.contains("token") && line.contains("\"fake\"") && line.contains(kind)
            });
            assert!(
                line.is_some_and(|line| line.ends_with(&format!(" {expected}"))),
                "{kind}: {line:?} in\n{page}"
            );
        }
    }
}

#[test]
fn unreported_usage_is_estimated_and_marked() {
    let upstream = FakeOpenAi::always(Fault::NoUsage);
    let gateway = gateway(&upstream);
    for stream in [false, true] {
        let response = post(
            &gateway,
            "/v1/chat/completions",
            &ask("fake", &json!({ "stream": stream })),
        )
        .expect(200);
        let id = response.header("x-request-id").to_owned();
        let entry = gateway.wait_for_access(|entry| entry["request_id"] == id);
        assert_eq!(entry["estimated"], true, "{entry}");
        assert!(
            entry["input_tokens"].as_u64() > Some(0) && entry["output_tokens"].as_u64() > Some(0),
            "{entry}"
        );
    }
}

#[test]
fn a_connection_serves_call_after_call() {
    let upstream = FakeOpenAi::start();
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.address());
    for stream in [false, true, false, true] {
        let body = ask("fake", &json!({ "stream": stream }));
        let response = Request::post("/v1/chat/completions", &body)
            .send_on(&mut client)
            .expect(200);
        assert!(response.complete);
    }
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn what_the_gateway_does_not_serve_falls_through() {
    let block = "ai_gateway {\nprovider echo\nmodel echo -> echo\n}\nrespond \"site {path}\"";
    let gateway = Launch::site(BIN, block).start();
    for (target, body) in [("/v1/other", "site /v1/other"), ("/", "site /")] {
        assert_eq!(Request::get(target).send(gateway.address()).text(), body);
    }
    let chat = post(&gateway, "/v1/chat/completions", &ask("echo", &Value::Null));
    assert_eq!(chat.expect(200).header("x-ferrogate-provider"), "echo");
}
