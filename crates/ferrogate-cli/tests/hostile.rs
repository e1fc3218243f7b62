//! Requests nobody should send: refused with the right status, and nobody else notices.

use std::time::{Duration, Instant};

use ferrogate_testkit::{Client, FakeHttp, Gateway, Launch, Request};
use serde_json::json;

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");

/// A gateway with tight limits: a route to an upstream, a static answer, and a model.
fn gateway(upstream: &FakeHttp) -> Gateway {
    let block = format!(
        "respond /ok fine
        ai_gateway {{
            provider echo
            model echo -> echo
            max_request_bytes 10KiB
        }}
        reverse_proxy {}",
        upstream.address()
    );
    let global = "servers {
        max_header_size 4KiB
        timeouts {
            read_header 300ms
            read_body 300ms
        }
    }";
    Launch::site_with(BIN, global, &block).start()
}

fn still_serves(gateway: &mut Gateway) {
    assert!(gateway.is_running());
    assert_eq!(
        Request::get("/ok")
            .send(gateway.address())
            .expect(200)
            .text(),
        "fine"
    );
}

#[test]
fn ambiguous_heads_are_refused_before_anybody_acts_on_them() {
    let upstream = FakeHttp::start("up");
    let mut gateway = gateway(&upstream);
    for head in [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4x\r\n\r\nbody",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        "G\u{1}T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\r\n\r\n",
        "garbage\r\n\r\n",
    ] {
        let mut client = Client::connect(gateway.address());
        client.send(head);
        let response = client.response();
        assert_eq!(response.status, 400, "{head:?}");
        assert!(
            client.until_closed().is_empty(),
            "the connection goes on after {head:?}"
        );
    }
    assert!(
        upstream.requests().is_empty(),
        "the upstream was reached: {:?}",
        upstream.requests()
    );
    still_serves(&mut gateway);
}

#[test]
fn a_target_with_a_host_in_it_meets_the_same_routes() {
    let upstream = FakeHttp::start("up");
    let gateway = gateway(&upstream);
    for (target, version, status) in [
        ("http://a/ok", "1.1", 200),
        ("HTTP://a/ok?b", "1.0", 200),
        ("https://a/v1/chat/completions", "1.1", 405),
        ("http://b/ok", "1.1", 400),
        ("http://u@a/ok", "1.1", 400),
        ("a/ok", "1.1", 400),
        ("a:80", "1.1", 400),
        ("*", "1.1", 400),
    ] {
        let mut client = Client::connect(gateway.address());
        client.send(format!("GET {target} HTTP/{version}\r\nHost: a\r\n\r\n"));
        let response = client.response();
        assert_eq!(response.status, status, "{target}");
        if status == 200 {
            assert_eq!(response.text(), "fine", "{target}");
        }
    }
    assert!(upstream.requests().is_empty(), "{:?}", upstream.requests());
    let mut client = Client::connect(gateway.address());
    client.send("GET http://a/proxied?b HTTP/1.0\r\n\r\n");
    let seen = client.response().expect(200).json();
    assert_eq!(
        (&seen["target"], &seen["fields"][0][1]),
        (&json!("/proxied?b"), &json!("a"))
    );
}

#[test]
fn a_huge_header_is_431() {
    let upstream = FakeHttp::start("up");
    let mut gateway = gateway(&upstream);
    for head in [
        format!(
            "GET /ok HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n",
            "x".repeat(8 << 10)
        ),
        format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(8 << 10)),
        format!(
            "GET /ok HTTP/1.1\r\nHost: a\r\n{}\r\n",
            "A: b\r\n".repeat(2000)
        ),
    ] {
        let mut client = Client::connect(gateway.address());
        client.send(head);
        assert_eq!(client.response().status, 431);
    }
    still_serves(&mut gateway);
}

#[test]
fn a_slow_header_is_408() {
    let upstream = FakeHttp::start("up");
    let mut gateway = gateway(&upstream);
    let begun = Instant::now();
    let mut slow = Client::connect(gateway.address());
    slow.send("GET /ok HTTP/1.1\r\nHost: a\r\n");
    still_serves(&mut gateway);
    assert_eq!(slow.response().status, 408);
    assert!(begun.elapsed() < Duration::from_secs(5));
    still_serves(&mut gateway);
}

#[test]
fn a_body_that_does_not_come_is_408() {
    let upstream = FakeHttp::start("up");
    let mut gateway = gateway(&upstream);
    for path in ["/v1/chat/completions", "/proxied"] {
        let mut slow = Client::connect(gateway.address());
        slow.send(format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{{\"model\""
        ));
        assert_eq!(slow.response().status, 408, "{path}");
    }
    still_serves(&mut gateway);
}

#[test]
fn a_body_that_drips_ends_with_the_calls_time() {
    let upstream = FakeHttp::start("up");
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.address());
    client.send(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nX-Ferrogate-Timeout: 100ms\r\nContent-Length: 9\r\n\r\n{",
    );
    let begun = Instant::now();
    assert_eq!(
        client.response().expect(408).error_code(),
        "request_timeout"
    );
    assert!(
        begun.elapsed() < Duration::from_millis(290),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_body_too_large_is_413() {
    let upstream = FakeHttp::start("up");
    let mut gateway = gateway(&upstream);
    let large = json!({ "model": "echo", "messages": [{ "role": "user", "content": "x".repeat(20 << 10) }] });
    let announced = Request::post("/v1/chat/completions", &large)
        .send(gateway.address())
        .expect(413);
    assert_eq!(announced.error_code(), "request_too_large");
    let mut client = Client::connect(gateway.address());
    client.send(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    for _ in 0..20 {
        // The refusal may come, and the connection end, before everything is sent.
        let _sent = client
            .try_send(format!("400\r\n{}\r\n", "x".repeat(1024)))
            .is_ok();
    }
    assert_eq!(client.response().status, 413);
    still_serves(&mut gateway);
}

#[test]
fn bodies_that_are_no_request_are_400() {
    let upstream = FakeHttp::start("up");
    let mut gateway = gateway(&upstream);
    for (body, code) in [
        ("{", "invalid_json"),
        ("", "invalid_json"),
        ("[]", "invalid_json"),
        ("{\"model\":\"echo\"} x", "invalid_json"),
        ("{\"model\":\"echo\",\"model\":\"other\"}", "invalid_json"),
        ("{}", "invalid_request"),
        ("{\"model\":7}", "invalid_request"),
        ("{\"model\":\"echo\",\"stream\":\"yes\"}", "invalid_request"),
    ] {
        let response = Request::new("POST", "/v1/chat/completions")
            .body(body)
            .send(gateway.address())
            .expect(400);
        assert_eq!(response.error_code(), code, "{body:.60}");
    }
    // Deep nesting is valid JSON and the model's business; the gateway must only survive it.
    let deep = format!(
        "{{\"model\":\"echo\",\"messages\":{}{}}}",
        "[".repeat(4000),
        "]".repeat(4000)
    );
    Request::new("POST", "/v1/chat/completions")
        .body(deep)
        .send(gateway.address())
        .expect(200);
    let binary = Request::new("POST", "/v1/chat/completions")
        .body(vec![0xff; 100])
        .send(gateway.address());
    assert_eq!(
        (binary.status, binary.error_code().as_str()),
        (400, "invalid_json")
    );
    still_serves(&mut gateway);
}

#[test]
fn a_truncated_body_reaches_nobody_as_a_whole_one() {
    let upstream = FakeHttp::start("up");
    let mut gateway = gateway(&upstream);
    for path in ["/v1/chat/completions", "/proxied"] {
        for framing in [
            "Content-Length: 100\r\n\r\n{\"model\":\"echo\"}",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        ] {
            let mut client = Client::connect(gateway.address());
            client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\n{framing}"));
            client.finish();
            let answer = String::from_utf8_lossy(&client.until_closed()).into_owned();
            assert!(!answer.starts_with("HTTP/1.1 2"), "{path}: {answer}");
        }
    }
    assert!(upstream.requests().is_empty());
    still_serves(&mut gateway);
}

#[test]
fn malformed_chunks_are_refused() {
    let upstream = FakeHttp::start("up");
    let mut gateway = gateway(&upstream);
    for chunks in [
        "zz\r\nab\r\n0\r\n\r\n",
        "2\r\nabcd\r\n0\r\n\r\n",
        "-2\r\nab\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nab\r\n",
    ] {
        let mut client = Client::connect(gateway.address());
        client.send(format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"
        ));
        let answer = String::from_utf8_lossy(&client.until_closed()).into_owned();
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
            "{chunks:?}: {answer}"
        );
    }
    still_serves(&mut gateway);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let upstream = FakeHttp::start("up");
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.address());
    client.send(
        [
            Request::get("/ok").bytes(),
            Request::get("/v1/models/echo").bytes(),
            Request::get("/ok").bytes(),
        ]
        .concat(),
    );
    assert_eq!(client.response().expect(200).text(), "fine");
    assert_eq!(client.response().expect(200).json()["id"], "echo");
    assert_eq!(client.response().expect(200).text(), "fine");
}

#[test]
fn clients_that_hang_up_at_any_point_harm_nobody() {
    let upstream = FakeHttp::start("up");
    let mut gateway = gateway(&upstream);
    let body = json!({ "model": "echo", "messages": [{ "role": "user", "content": "hi" }], "stream": true });
    let whole = Request::post("/v1/chat/completions", &body).bytes();
    for length in (0..=whole.len()).step_by(7) {
        let mut client = Client::connect(gateway.address());
        client.send(&whole[..length]);
        client.reset();
    }
    still_serves(&mut gateway);
}

#[test]
fn expect_100_continue_is_answered() {
    let upstream = FakeHttp::start("up");
    let gateway = gateway(&upstream);
    let body =
        json!({ "model": "echo", "messages": [{ "role": "user", "content": "hi" }] }).to_string();
    let mut client = Client::connect(gateway.address());
    let length = body.len();
    client.send(format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
    ));
    client.send(body);
    client.response().expect(200);
}

#[test]
fn slow_clients_leave_room_for_others() {
    let upstream = FakeHttp::start("up");
    let mut gateway = gateway(&upstream);
    let mut slow: Vec<Client> = (0..200)
        .map(|_| Client::connect(gateway.address()))
        .collect();
    for client in &mut slow {
        client.send("GET /ok HTTP/1.1\r\nHost: a\r\nX-");
    }
    still_serves(&mut gateway);
    // A byte now and then must not keep a header alive: its limit is for the whole of it.
    let mut dripping = Client::connect(gateway.address());
    dripping.send("GET /ok HTTP/1.1\r\nHost: a\r\nX-Drip: ");
    let begun = Instant::now();
    while dripping.try_send("x").is_ok() {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "the header goes on"
        );
        still_serves(&mut gateway);
    }
    for mut client in slow {
        assert_eq!(client.response().status, 408);
    }
}

#[test]
fn http2_that_is_none_harms_nobody() {
    let upstream = FakeHttp::start("up");
    let mut gateway = gateway(&upstream);
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let frames: [&[u8]; 4] = [
        b"this is no frame at all, whatever it says",
        // A frame of 16 MiB.
        b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",
        // Headers on stream 0.
        b"\x00\x00\x01\x01\x05\x00\x00\x00\x00\x82",
        // Settings whose length is no multiple of six.
        b"\x00\x00\x05\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
    ];
    for frame in frames {
        let mut client = Client::connect(gateway.address());
        client.send([preface.as_slice(), frame].concat());
        client.finish();
        client.until_closed();
    }
    still_serves(&mut gateway);
}
