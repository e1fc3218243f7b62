//! Proxied upstreams: what they see, which one is asked, what happens when they fail.

use std::io::{BufRead as _, BufReader, Write as _};
use std::time::Duration;

use ferrogate_testkit::{Client, ClosedPort, FakeHttp, Gateway, Launch, PATIENCE, Request};
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
fn requests_reach_the_upstream_as_they_should() {
    let upstream = FakeHttp::start("up");
    let gateway = site(&format!(
        "reverse_proxy {} {{
            header_up X-Added \"{{method}}\"
            header_up -X-Removed
            header_up X-Changed old new
            header_down X-Down down
            header_down -X-Removed
        }}",
        upstream.address()
    ));
    let request = Request::new("POST", "/a%20b?c=d")
        .host("site.example")
        .header("X-Removed", "1")
        .header("X-Changed", "an old value")
        .header("X-Forwarded-For", "6.6.6.6")
        .header("X-Forwarded-Proto", "https")
        .header("Connection", "X-Hop")
        .header("X-Hop", "1")
        .header("X-Twice", "1")
        .header("X-Twice", "2")
        .body("text");
    let response = request.send(gateway.address()).expect(200);
    let seen = response.json();
    assert_eq!(
        (&seen["method"], &seen["target"], &seen["body"]),
        (&"POST".into(), &"/a%20b?c=d".into(), &"text".into())
    );
    for (name, values) in [
        ("host", &["site.example"][..]),
        ("x-added", &["POST"]),
        ("x-removed", &[]),
        ("x-changed", &["an new value"]),
        ("x-forwarded-for", &["127.0.0.1"]),
        ("x-forwarded-proto", &["http"]),
        ("x-forwarded-host", &["site.example"]),
        ("x-hop", &[]),
        ("x-twice", &["1", "2"]),
        ("content-length", &["4"]),
    ] {
        assert_eq!(upstream_field(&seen, name), values, "{name}");
    }
    let hops = Request::get("/hops").send(gateway.address()).expect(200);
    let fields =
        ["x-hop", "keep-alive", "x-kept", "x-removed", "x-down"].map(|name| hops.header(name));
    assert_eq!(fields, ["", "", "1", "", "down"]);
}

#[test]
fn trusted_proxies_are_believed() {
    let upstream = FakeHttp::start("up");
    let gateway = Launch::site_with(
        BIN,
        "servers {\ntrusted_proxies static 127.0.0.0/8\n}",
        &format!("reverse_proxy {}", upstream.address()),
    )
    .start();
    let request = Request::get("/")
        .header("X-Forwarded-For", "203.0.113.9")
        .header("X-Forwarded-Proto", "https");
    let seen = request.send(gateway.address()).json();
    assert_eq!(
        upstream_field(&seen, "x-forwarded-for"),
        ["203.0.113.9, 127.0.0.1"]
    );
    assert_eq!(upstream_field(&seen, "x-forwarded-proto"), ["https"]);
}

#[test]
fn policies_share_the_requests_out() {
    let upstreams = ["a", "b", "c"].map(FakeHttp::start);
    let addresses = upstreams
        .each_ref()
        .map(|upstream| upstream.address().to_string())
        .join(" ");
    let check = |policy: &str, expected: &[usize]| {
        let gateway = site(&format!(
            "reverse_proxy {addresses} {{\nlb_policy {policy}\n}}"
        ));
        let before = upstreams
            .each_ref()
            .map(|upstream| upstream.requests().len());
        for number in 0..12 {
            let request = Request::get("/")
                .header("X-Number", &number.to_string())
                .header("X-Same", "same");
            request.send(gateway.address()).expect(200);
        }
        let mut counts: Vec<usize> = upstreams
            .iter()
            .zip(before)
            .map(|(upstream, before)| upstream.requests().len() - before)
            .collect();
        if !policy.starts_with("first") {
            counts.sort_unstable();
        }
        assert_eq!(counts, expected, "{policy}");
    };
    check("round_robin", &[4, 4, 4]);
    check("weighted_round_robin 1 2 3", &[2, 4, 6]);
    check("first", &[12, 0, 0]);
    check("ip_hash", &[0, 0, 12]);
    check("client_ip_hash", &[0, 0, 12]);
    check("header X-Same", &[0, 0, 12]);
}

#[test]
fn chance_reaches_every_upstream() {
    let upstreams = ["a", "b"].map(FakeHttp::start);
    let gateway = site(&format!(
        "reverse_proxy {} {} {{\nlb_policy random\n}}",
        upstreams[0].address(),
        upstreams[1].address()
    ));
    // That one of the two is never drawn happens once in 2^63 runs.
    for _ in 0..64 {
        Request::get("/").send(gateway.address()).expect(200);
    }
    let counts = upstreams.each_ref().map(|one| one.requests().len());
    assert!(counts[0] > 0 && counts[0] + counts[1] == 64, "{counts:?}");
    assert!(counts[1] > 0, "{counts:?}");
}

#[test]
fn the_least_busy_upstream_is_chosen() {
    let upstreams = ["a", "b"].map(FakeHttp::start);
    let addresses = upstreams
        .each_ref()
        .map(|upstream| upstream.address().to_string())
        .join(" ");
    let gateway = site(&format!(
        "reverse_proxy {addresses} {{\nlb_policy least_conn\n}}"
    ));
    let held = Request::get("/hold").open(gateway.address());
    let arrived = std::time::Instant::now();
    let busy = loop {
        let busy = upstreams
            .iter()
            .position(|upstream| !upstream.requests().is_empty());
        if let Some(busy) = busy {
            break busy;
        }
        assert!(
            arrived.elapsed() < ferrogate_testkit::PATIENCE,
            "nobody was asked"
        );
        std::thread::yield_now();
    };
    for _ in 0..4 {
        let seen = Request::get("/").send(gateway.address()).json();
        assert_ne!(seen["server"], ["a", "b"][busy]);
    }
    drop(held);
}

#[test]
fn bad_answers_take_an_upstream_out() {
    let upstreams = ["a", "b"].map(FakeHttp::start);
    let addresses = upstreams
        .each_ref()
        .map(|upstream| upstream.address().to_string())
        .join(" ");
    let gateway = site(&format!(
        "reverse_proxy {addresses} {{
            lb_policy first
            fail_duration 1h
            max_fails 2
            unhealthy_status 5xx
        }}"
    ));
    for (target, server) in [("/status/500", 0), ("/", 0), ("/status/503", 0), ("/", 1)] {
        let before = upstreams[server].requests().len();
        Request::get(target).send(gateway.address());
        assert_eq!(upstreams[server].requests().len(), before + 1, "{target}");
    }
}

#[test]
fn a_dead_upstream_is_passed_over_and_remembered() {
    let dead = ClosedPort::hold();
    let alive = FakeHttp::start("alive");
    let gateway = site(&format!(
        "reverse_proxy {} {} {{
            lb_policy first
            lb_retries 1
            fail_duration 1h
        }}",
        dead.address(),
        alive.address()
    ));
    for body in ["one", "two"] {
        // A body was read by nobody yet when the connection fails, so that any method may go on.
        let response = Request::new("POST", "/")
            .body(body)
            .send(gateway.address())
            .expect(200);
        assert_eq!(
            (&response.json()["server"], &response.json()["body"]),
            (&"alive".into(), &body.into())
        );
    }
    alive.die();
    assert_eq!(
        Request::get("/").send(gateway.address()).status,
        502,
        "the last one refuses"
    );
    assert_eq!(
        Request::get("/").send(gateway.address()).status,
        503,
        "every one is known to be dead"
    );
}

#[test]
fn failures_of_upstreams_have_their_status() {
    let upstream = FakeHttp::start("up");
    let gateway = site(&format!(
        "reverse_proxy {} {{\ntransport http {{\nresponse_header_timeout 200ms\n}}\n}}",
        upstream.address()
    ));
    for (target, status) in [
        ("/drop", 502),
        ("/hold", 504),
        ("/status/404", 404),
        ("/status/503", 503),
    ] {
        assert_eq!(
            Request::get(target).send(gateway.address()).status,
            status,
            "{target}"
        );
    }
    let cut = Request::get("/cut").send(gateway.address());
    assert!(!cut.complete, "a cut body looks whole: {cut:?}");
}

#[test]
fn what_comes_before_an_answer_is_none() {
    let upstream = FakeHttp::start("up");
    let gateway = site(&format!("reverse_proxy {}", upstream.address()));
    let mut socket = std::net::TcpStream::connect(gateway.address()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(&Request::get("/hints").bytes()).unwrap();
    let mut lines = BufReader::new(socket).lines().map(Result::unwrap);
    let first = lines.next();
    assert_eq!(first.as_deref(), Some("HTTP/1.1 103 Early Hints"));
    upstream.release();
    assert!(lines.any(|line| line == "HTTP/1.1 502 Bad Gateway"));
}

#[test]
fn clients_of_http_1_0_get_no_chunks() {
    let upstream = FakeHttp::start("up");
    let gateway = site(&format!("reverse_proxy {}", upstream.address()));
    let mut client = Client::connect(gateway.address());
    client.send("GET /chunked/2 HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    let head = client.head();
    assert_eq!(
        (head.field("transfer-encoding"), head.field("connection")),
        (None, Some("close"))
    );
    assert_eq!(client.until_closed(), b"chunk00000chunk00001");
}

#[test]
fn unix_sockets_are_upstreams() {
    let launch = Launch::new(BIN);
    let socket = launch.folder().join("up.sock");
    let upstream = FakeHttp::start_unix("unix", &socket);
    let text = format!(
        "{{\n\tdefault_bind 127.0.0.1\n}}\nhttp://:0 {{\n\treverse_proxy unix/{}\n}}\n",
        socket.display()
    );
    let gateway = launch.file("Caddyfile", text).start();
    assert_eq!(
        Request::get("/").send(gateway.address()).json()["server"],
        "unix"
    );
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn bodies_stream_both_ways() {
    let upstream = FakeHttp::start("up");
    let gateway = site(&format!("reverse_proxy {}", upstream.address()));
    let mut client = Client::connect(gateway.address());
    client.send("POST /duplex HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("5\r\nfirst\r\n");
    assert_eq!(client.head().word(1), "200");
    assert!(client.chunks_until("first").ends_with("first"));
    client.send("6\r\nsecond\r\n");
    assert!(client.chunks_until("second").ends_with("second"));
    client.send("0\r\n\r\n");
    assert!(client.chunk().is_none());
}

#[test]
fn large_bodies_arrive_whole_on_one_connection() {
    let upstream = FakeHttp::start("up");
    let gateway = site(&format!("reverse_proxy {}", upstream.address()));
    let mut client = Client::connect(gateway.address());
    for _ in 0..2 {
        let large = Request::get("/bytes/3000000")
            .send_on(&mut client)
            .expect(200);
        assert!(large.complete && large.body.len() == 3_000_000);
        let chunked = Request::get("/chunked/5000")
            .send_on(&mut client)
            .expect(200);
        assert!(chunked.complete && chunked.body.len() == 50_000);
        let upload = Request::new("POST", "/")
            .body("u".repeat(2_000_000))
            .send_on(&mut client)
            .expect(200);
        assert_eq!(
            upload.json()["body"].as_str().map(str::len),
            Some(2_000_000)
        );
        let head = Request::new("HEAD", "/bytes/7")
            .send_on(&mut client)
            .expect(200);
        assert_eq!((head.header("content-length"), head.body.len()), ("7", 0));
    }
    assert!(
        upstream.connections() <= 2,
        "{} connections for 8 requests",
        upstream.connections()
    );
}

#[test]
fn a_client_that_leaves_ends_the_upstream_request() {
    let upstream = FakeHttp::start("up");
    let gateway = site(&format!("reverse_proxy {}", upstream.address()));
    let client = Request::get("/hold").open(gateway.address());
    upstream.wait_for_requests(1);
    drop(client);
    assert!(upstream.wait_for_hangup(Duration::from_secs(1)));
}
