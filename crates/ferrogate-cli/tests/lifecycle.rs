//! From the start to the end of the process: refused starts, probes, logs, drains.

use std::net::TcpListener;
use std::time::Duration;

use ferrogate_testkit::{Client, FakeOpenAi, Fault, Gateway, Launch, Request};
use serde_json::json;

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");

fn ai_site(upstream: &FakeOpenAi, global: &str) -> Launch {
    let block = format!(
        "log {{
            output stdout
            format json
        }}
        ai_gateway {{
            provider up {{
                kind openai-compatible
                base_url {}
                api_key sk-provider
            }}
            model m -> up
        }}
        respond /ok fine",
        upstream.base_url()
    );
    Launch::site_with(BIN, global, &block)
}

fn chat(stream: bool) -> Request {
    let body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }], "stream": stream });
    Request::post("/v1/chat/completions", &body)
}

#[test]
fn a_bad_configuration_starts_nothing() {
    let text = "http://:0 {\n\treverse_prox localhost:1\n\trespond ok 2000\n}\n";
    let run = Launch::caddyfile(BIN, text)
        .command(&["run", "-c", "Caddyfile"])
        .expect(1);
    for part in [
        "unknown-directive",
        "Caddyfile:2:2",
        "^^^^^^^^^^^^",
        "did you mean `reverse_proxy`?",
        "Caddyfile:3:",
    ] {
        assert!(
            run.stderr.contains(part),
            "{part:?} is missing in\n{}",
            run.stderr
        );
    }
    assert!(
        run.stdout.is_empty() && !run.stderr.contains("listening"),
        "{run:?}"
    );
}

#[test]
fn files_that_cannot_be_read_start_nothing() {
    let missing = Launch::new(BIN)
        .command(&["run", "-c", "missing.caddyfile"])
        .expect(1);
    assert!(
        missing.stderr.contains("missing.caddyfile"),
        "{}",
        missing.stderr
    );
    // A folder cannot be read as a file by anybody, root included.
    let folder = Launch::new(BIN);
    std::fs::create_dir(folder.folder().join("Caddyfile")).unwrap();
    let folder = folder.command(&["run", "-c", "Caddyfile"]).expect(1);
    assert!(folder.stderr.contains("Caddyfile"), "{}", folder.stderr);
    let binary = Launch::new(BIN)
        .file("Caddyfile", [0xff, 0xfe, 0x00])
        .command(&["run", "-c", "Caddyfile"])
        .expect(1);
    assert!(binary.stderr.contains("Caddyfile"), "{}", binary.stderr);
    let none = Launch::new(BIN).command(&["run"]).expect(2);
    assert!(
        none.stderr.contains("Ferrogate/Caddyfile"),
        "{}",
        none.stderr
    );
    Launch::new(BIN).command(&["run", "--nonsense"]).expect(2);
}

#[test]
fn a_taken_port_starts_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let text = format!(
        "{{\n\tdefault_bind 127.0.0.1\n}}\nhttp://:{} {{\n\trespond ok\n}}\n",
        address.port()
    );
    let run = Launch::caddyfile(BIN, &text)
        .command(&["run", "-c", "Caddyfile"])
        .expect(1);
    assert!(
        run.stderr.contains(&address.to_string()) && !run.stderr.contains("\"ready\""),
        "{}",
        run.stderr
    );
}

#[test]
fn a_drain_lets_a_stream_end_and_takes_nobody_new() {
    let upstream = FakeOpenAi::with_faults(&[Fault::StallAfterEvents(2)]);
    let mut gateway = ai_site(&upstream, "grace_period 20s").start();
    let mut streaming = chat(true).open(gateway.address());
    assert_eq!(streaming.head().word(1), "200");
    streaming.chunks_until("Gott");
    // A second connection, idle between two requests, must not hold the process.
    let mut idle = Client::connect(gateway.address());
    Request::get("/ok").send_on(&mut idle).expect(200);
    gateway.signal("TERM");
    gateway.wait_for_log(|entry| entry["msg"] == "stopping");
    wait_until_refused(&gateway);
    upstream.release();
    assert!(streaming.chunks_until("[DONE]").contains("Oslo"));
    assert!(streaming.chunk().is_none(), "the stream ends as it should");
    drop((streaming, idle));
    gateway.wait_exit().expect(0);
}

/// Waits until the listener is closed: connections are refused, or closed without an answer.
fn wait_until_refused(gateway: &Gateway) {
    let deadline = std::time::Instant::now() + ferrogate_testkit::PATIENCE;
    while Client::try_connect(gateway.address()).is_ok() {
        assert!(
            std::time::Instant::now() < deadline,
            "new connections are still taken"
        );
        std::thread::yield_now();
    }
}

#[test]
fn a_drain_ends_with_its_grace_period() {
    let upstream = FakeOpenAi::with_faults(&[Fault::StallAfterEvents(2)]);
    let mut gateway = ai_site(&upstream, "grace_period 300ms").start();
    let mut streaming = chat(true).open(gateway.address());
    streaming.head();
    streaming.chunks_until("Gott");
    gateway.signal("INT");
    gateway.wait_exit().expect(0);
    let rest = String::from_utf8_lossy(&streaming.until_closed()).into_owned();
    assert!(!rest.contains("[DONE]"), "{rest}");
}

#[test]
fn a_second_signal_ends_a_drain() {
    let upstream = FakeOpenAi::with_faults(&[Fault::StallAfterEvents(2)]);
    let mut gateway = ai_site(&upstream, "grace_period 1h").start();
    let mut streaming = chat(true).open(gateway.address());
    streaming.head();
    streaming.chunks_until("Gott");
    gateway.signal("TERM");
    gateway.wait_for_log(|entry| entry["msg"] == "stopping");
    gateway.signal("TERM");
    gateway.wait_exit().expect(0);
}

#[test]
fn an_idle_gateway_stops_at_once() {
    for signal in ["TERM", "INT"] {
        let mut gateway = Launch::site_with(BIN, "grace_period 20s", "respond ok").start();
        let begun = std::time::Instant::now();
        gateway.signal(signal);
        gateway.wait_exit().expect(0);
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{signal}: {:?}",
            begun.elapsed()
        );
    }
}

#[test]
fn readiness_ends_before_the_listener_does() {
    let gateway = Launch::site_with(
        BIN,
        "grace_period 20s\nshutdown_delay 20s",
        "respond /ok fine",
    )
    .start();
    Request::get("/readyz").send(gateway.address()).expect(200);
    gateway.signal("TERM");
    gateway.wait_for_log(|entry| entry["msg"] == "stopping");
    let reason = Request::get("/readyz")
        .send(gateway.address())
        .expect(503)
        .json();
    assert_eq!(reason["reason"], "draining", "{reason}");
    Request::get("/ok").send(gateway.address()).expect(200);
}

#[test]
fn a_caller_that_leaves_stops_the_work() {
    for fault in [
        Fault::StallBeforeHeader,
        Fault::StallAfterEvents(0),
        Fault::StallAfterEvents(2),
    ] {
        let upstream = FakeOpenAi::always(fault);
        let gateway = ai_site(&upstream, "").start();
        let mut client = chat(true).open(gateway.address());
        upstream.wait_for_requests(1);
        if fault == Fault::StallAfterEvents(2) {
            client.head();
            client.chunks_until("Gott");
        }
        drop(client);
        assert!(
            upstream.wait_for_hangup(Duration::from_secs(1)),
            "{fault:?}"
        );
        let entry = gateway.wait_for_access(|entry| entry["surface"] == "chat");
        assert!(
            entry["input_tokens"].as_u64() > Some(0),
            "what was sent is metered: {entry}"
        );
        let page = Request::get("/metrics")
            .send(gateway.address())
            .expect(200)
            .text();
        assert!(
            page.lines()
                .any(|line| line.contains("\"cancelled\"") && line.ends_with(" 1")),
            "{page}"
        );
    }
}

#[test]
fn probes_answer_and_a_site_may_take_them() {
    let upstream = FakeOpenAi::start();
    let gateway = ai_site(&upstream, "").start();
    for (path, member, value) in [
        ("/healthz", "status", "ok"),
        ("/livez", "status", "ok"),
        ("/readyz", "status", "ready"),
        ("/health", "status", "ok"),
    ] {
        let response = Request::get(path).send(gateway.address()).expect(200);
        assert_eq!(response.json()[member], value, "{path}");
    }
    let own = Launch::site(BIN, "respond /healthz mine").start();
    assert_eq!(Request::get("/healthz").send(own.address()).text(), "mine");
}

#[test]
fn the_admin_listener_serves_metrics_and_status() {
    let global = "admin 127.0.0.2:0\nai_gateway {
        provider echo
        model echo -> echo
        api_key k {
            key s
            scopes admin.read
        }
    }";
    let gateway = Launch::site_with(BIN, global, "ai_gateway").start();
    let admin = gateway.address_of("127.0.0.2:0");
    Request::get("/metrics").send(admin).expect(401);
    Request::get("/admin/v1/status").send(admin).expect(401);
    let page = Request::get("/metrics").bearer("s").send(admin).expect(200);
    assert!(
        page.header("content-type").starts_with("text/plain") && page.text().contains("# HELP "),
        "{page:?}"
    );
    let status = Request::get("/admin/v1/status")
        .bearer("s")
        .send(admin)
        .expect(200)
        .json();
    assert_eq!(
        (&status["service"], &status["models"], &status["draining"]),
        (&"ferrogate".into(), &1.into(), &false.into())
    );
    assert!(
        status["version"].is_string() && status["uptime_seconds"].is_number(),
        "{status}"
    );
    Request::get("/healthz").send(admin).expect(200);
    Request::get("/elsewhere")
        .bearer("s")
        .send(admin)
        .expect(404);
}

#[test]
fn the_access_log_tells_what_happened() {
    let upstream = FakeOpenAi::start();
    let gateway = ai_site(&upstream, "").start();
    let response = Request::get("/ok?a=b&key=hidden")
        .host("site.example")
        .send(gateway.address())
        .expect(200);
    let id = response.header("x-request-id").to_owned();
    let entry = gateway.wait_for_access(|entry| entry["request_id"] == id);
    for (name, value) in [
        ("/request/method", json!("GET")),
        ("/request/host", json!("site.example")),
        ("/request/uri", json!("/ok?a=b&key=REDACTED")),
        ("/request/proto", json!("HTTP/1.1")),
        ("/request/remote_ip", json!("127.0.0.1")),
        ("/status", json!(200)),
        ("/size", json!(4)),
        ("/logger", json!("http.log.access")),
    ] {
        assert_eq!(entry.pointer(name), Some(&value), "{name}: {entry}");
    }
    assert!(
        entry["duration"]
            .as_f64()
            .is_some_and(|seconds| (0.0..10.0).contains(&seconds)),
        "{entry}"
    );
    assert!(entry.get("model").is_none(), "{entry}");
}

#[test]
fn a_log_of_errors_has_nothing_else() {
    let gateway = Launch::site(
        BIN,
        "log {\noutput stdout\nformat json\nlevel ERROR\n}\nerror /bad 500\nrespond fine",
    )
    .start();
    Request::get("/good").send(gateway.address()).expect(200);
    Request::get("/bad").send(gateway.address()).expect(500);
    let first = gateway.wait_for_access(|_| true);
    assert_eq!(
        (&first["request"]["uri"], &first["status"]),
        (&"/bad".into(), &500.into())
    );
}

#[test]
fn secrets_are_never_printed() {
    let upstream = FakeOpenAi::always(Fault::Status(401));
    let mut gateway = ai_site(&upstream, "debug").start();
    let response = chat(false).bearer("sk-caller").send(gateway.address());
    assert!(!response.text().contains("sk-"), "{}", response.text());
    gateway.signal("TERM");
    let finished = gateway.wait_exit().expect(0);
    for output in [&finished.stdout, &finished.stderr] {
        assert!(
            !output.contains("sk-provider") && !output.contains("sk-caller"),
            "{output}"
        );
    }
    let adapted = ai_site(&upstream, "")
        .command(&["adapt", "-c", "Caddyfile"])
        .expect(0);
    assert!(
        !adapted.stdout.contains("sk-provider"),
        "{}",
        adapted.stdout
    );
}
