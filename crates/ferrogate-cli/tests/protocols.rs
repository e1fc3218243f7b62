//! TLS, HTTP/2 and WebSockets, downstream and upstream.

use ferrogate_testkit::{
    Certificate, ClosedPort, FakeH2c, FakeHttp, Gateway, H2Client, Launch, Request, TlsClient,
    WebSocket,
};
use serde_json::Value;

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");

fn site(directives: &str) -> Gateway {
    Launch::site(BIN, directives).start()
}

/// A field of the request as the upstream saw it.
fn upstream_field(seen: &Value, name: &str) -> Vec<String> {
    let fields = seen["fields"]
        .as_array()
        .expect("the upstream tells the fields");
    let values = fields
        .iter()
        .filter(|pair| pair[0] == name)
        .filter_map(|pair| pair[1].as_str());
    values.map(str::to_owned).collect()
}

#[test]
fn h2c_upstreams() {
    let upstream = FakeH2c::start();
    let gateway = site(&format!("reverse_proxy h2c://{}", upstream.address()));
    let seen = Request::new("POST", "/a?b")
        .body("body")
        .send(gateway.address())
        .expect(200)
        .json();
    assert_eq!(
        seen,
        serde_json::json!({ "version": "HTTP/2.0", "method": "POST", "target": "/a?b", "body": "body" })
    );
}

#[test]
fn https_upstreams_are_verified_and_get_their_own_name() {
    let certificate = Certificate::new(&["localhost"]);
    let behind = FakeHttp::start("up");
    let text = format!(
        "{{\n\tdefault_bind 127.0.0.1\n}}\nhttps://localhost:0 {{\n\ttls cert.pem key.pem\n\treverse_proxy {}\n}}\n",
        behind.address()
    );
    let upstream = Launch::caddyfile(BIN, &text)
        .file("cert.pem", &certificate.pem)
        .file("key.pem", &certificate.key_pem)
        .start();
    let port = upstream.address().port();
    for (transport, status) in [
        ("tls_trust_pool file cert.pem", 200),
        ("tls_trusted_ca_certs cert.pem", 200),
        ("tls_insecure_skip_verify", 200),
        ("dial_timeout 5s", 502),
        (
            "tls_trust_pool file cert.pem\ntls_server_name other.example",
            502,
        ),
    ] {
        let directives = format!(
            "reverse_proxy https://localhost:{port} {{\ntransport http {{\n{transport}\n}}\n}}"
        );
        let text = format!("{{\n\tdefault_bind 127.0.0.1\n}}\nhttp://:0 {{\n{directives}\n}}\n");
        let gateway = Launch::caddyfile(BIN, &text)
            .file("cert.pem", &certificate.pem)
            .start();
        let response = Request::get("/x?y")
            .host("site.example")
            .send(gateway.address());
        assert_eq!(response.status, status, "{transport}");
        if status == 200 {
            let seen = response.json();
            assert_eq!(
                upstream_field(&seen, "host"),
                [format!("localhost:{port}")],
                "{transport}"
            );
        }
    }
}

#[test]
fn websockets_pass() {
    let upstream = FakeHttp::start("up");
    let gateway = site(&format!("reverse_proxy {}", upstream.address()));
    let mut socket = WebSocket::connect(gateway.address(), "/ws");
    for text in ["hello", "again"] {
        socket.send(text);
        assert_eq!(socket.receive(), text);
    }
    socket.close();
    let seen = &upstream.requests()[0].head;
    assert_eq!(
        (seen.field("upgrade"), seen.field("x-forwarded-for")),
        (Some("websocket"), Some("127.0.0.1"))
    );
}

#[test]
fn tls_with_both_protocols() {
    let certificate = Certificate::new(&["site.example"]);
    let upstream = FakeHttp::start("up");
    let text = format!(
        "{{\n\tdefault_bind 127.0.0.1\n}}\n\
         https://site.example:0 {{\n\ttls cert.pem key.pem\n\trespond /p \"{{http.request.proto}} {{scheme}}\"\n\treverse_proxy {}\n}}\n",
        upstream.address()
    );
    let gateway = Launch::caddyfile(BIN, &text)
        .file("cert.pem", &certificate.pem)
        .file("key.pem", &certificate.key_pem)
        .start();
    let client = TlsClient::trusting(&certificate);
    let first = client.get(gateway.address(), "site.example", "/p");
    assert_eq!(
        (first.status, &first.body[..]),
        (200, b"HTTP/1.1 https".as_slice())
    );
    let h2 = client.h2(gateway.address(), "site.example");
    let second = h2.send("GET", "site.example", "/p", "");
    assert_eq!(
        (second.status, &second.body[..]),
        (200, b"HTTP/2.0 https".as_slice())
    );
    assert_eq!(second.header("x-request-id").len(), 32);
    let posted = h2.send("POST", "site.example", "/x?y", vec![b'b'; 200_000]);
    let seen: Value = serde_json::from_slice(&posted.body).unwrap();
    assert_eq!(seen["body"].as_str().map(str::len), Some(200_000));
    assert_eq!(upstream_field(&seen, "x-forwarded-proto"), ["https"]);
    assert_eq!(upstream_field(&seen, "host"), ["site.example"]);
}

#[test]
fn h2_in_the_clear() {
    let upstream = FakeHttp::start("up");
    let gateway = site(&format!(
        "respond /p \"{{http.request.proto}}\"\nreverse_proxy {}",
        upstream.address()
    ));
    let client = H2Client::plain(gateway.address());
    assert_eq!(client.send("GET", "a", "/p", "").body, "HTTP/2.0");
    let answers = client.send("POST", "site.example", "/up", "body");
    let seen: Value = serde_json::from_slice(&answers.body).unwrap();
    assert_eq!(
        (&seen["target"], &seen["body"]),
        (&"/up".into(), &"body".into())
    );
    assert_eq!(upstream_field(&seen, "host"), ["site.example"]);
}

/// HTTP/2 has the host in `:authority`, which a rewritten target once lost.
#[test]
fn rewrites_over_h2_keep_the_host() {
    let upstream = FakeHttp::start("up");
    let gateway = site(&format!(
        "handle_path /api/* {{\nheader X-Host {{host}}\nreverse_proxy {}\n}}",
        upstream.address()
    ));
    let answer = H2Client::plain(gateway.address()).send("GET", "site.example", "/api/x", "");
    let seen: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(seen["target"], "/x");
    assert_eq!(upstream_field(&seen, "host"), ["site.example"]);
    assert_eq!(upstream_field(&seen, "x-forwarded-host"), ["site.example"]);
    assert_eq!(answer.headers["x-host"], "site.example");
}

/// An error over HTTP/2 is an answer of its own; once its stream was reset instead.
#[test]
fn errors_over_h2_are_answers() {
    let dead = ClosedPort::hold();
    let gateway = site(&format!(
        "error /gone 410\nreverse_proxy {}",
        dead.address()
    ));
    let client = H2Client::plain(gateway.address());
    for (target, status) in [("/gone", 410), ("/", 502), ("/again", 502)] {
        assert_eq!(
            client.send("GET", "a", target, "").status,
            status,
            "{target}"
        );
    }
}

/// An answer that does not need the body still takes it in: curl takes the reset that would follow for an error.
#[test]
fn an_upload_nobody_asked_for_does_not_cost_the_answer() {
    let gateway = site("log {\noutput stdout\nformat json\n}\nrespond fine");
    let body = vec![b'x'; 3 << 20];
    let answer = H2Client::plain(gateway.address()).send("POST", "site.example", "/", body);
    assert_eq!(answer.body, "fine");
    let entry = gateway.wait_for_access(|entry| entry["request"]["method"] == "POST");
    assert_eq!(entry["bytes_read"], 3 << 20, "{entry}");
}
