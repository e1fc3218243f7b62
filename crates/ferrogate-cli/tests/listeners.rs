//! The options of listeners, over real sockets.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Instant;

use ferrogate_testkit::{
    Certificate, Client, FakeHttp, Gateway, H2Client, Launch, PATIENCE, Request, TlsClient,
};

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");

/// A site in the clear whose listener has these options.
fn plain(options: &str, directives: &str) -> Gateway {
    Launch::site_with(BIN, &format!("servers {{\n{options}\n}}"), directives).start()
}

/// A site for every host over TLS whose listener has these options.
fn secure(options: &str, directives: &str) -> (Gateway, TlsClient) {
    let certificate = Certificate::new(&["site.example", "other.example", "127.0.0.1"]);
    let text = format!(
        "{{\n\tdefault_bind 127.0.0.1\n\tworkers 2\n\tservers {{\n{options}\n}}\n}}\n\
         https://:0 {{\n\ttls cert.pem key.pem\n{directives}\n}}\n"
    );
    let gateway = Launch::caddyfile(BIN, &text)
        .file("cert.pem", &certificate.pem)
        .file("key.pem", &certificate.key_pem)
        .start();
    (gateway, TlsClient::trusting(&certificate))
}

/// What comes back over a Unix socket for these bytes.
fn over_unix(path: &Path, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(path).expect("the gateway listens");
    stream.write_all(bytes).expect("the gateway reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the gateway answers and closes");
    answer
}

/// A `GET /` that ends its connection, with more fields.
fn closing(fields: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n").into_bytes()
}

/// A header of version 2 from `192.0.2.7:5` to `192.0.2.8:443`.
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x08\0\x05\x01\xbb";
const V1: &[u8] = b"PROXY TCP4 192.0.2.7 192.0.2.8 5 443\r\n";
const BELIEVE: &str = "listener_wrappers {\nproxy_protocol {\nallow 127.0.0.0/8\n}\ntls\n}";

#[test]
fn the_host_is_held_against_the_handshake() {
    let (strict, client) = secure("strict_sni_host on", "respond ok");
    let (lax, lax_client) = secure("", "respond ok");
    for (name, host, status) in [
        ("site.example", "site.example", 200),
        ("site.example", "SITE.Example", 200),
        ("site.example", "site.example:8443", 200),
        ("site.example", "site.example.", 200),
        ("site.example", "other.example", 421),
        ("site.example", "site.example.evil", 421),
        ("site.example", "[::1]:443", 421),
        ("site.example", "127.0.0.1", 421),
        ("127.0.0.1", "127.0.0.1", 421),
        ("127.0.0.1", "site.example", 421),
    ] {
        let answer = client.get_after(b"", strict.address(), name, host, "/");
        assert_eq!(answer.status, status, "{name} {host}");
        if status == 421 {
            assert_eq!(answer.header("connection"), "close", "{name} {host}");
        }
        let answer = lax_client.get_after(b"", lax.address(), name, host, "/");
        assert_eq!(answer.status, 200, "{name} {host}");
    }
    let h2 = client.h2(strict.address(), "site.example");
    for (host, status) in [
        ("site.example", 200),
        ("other.example:443", 421),
        ("Site.Example:1", 200),
    ] {
        assert_eq!(h2.send("GET", host, "/", "").status, status, "{host}");
    }
}

#[test]
fn routes_see_the_handshake() {
    let (gateway, client) = secure(
        "",
        "respond \"{http.request.tls.server_name} {http.request.tls.proto} {http.request.tls.resumed} {http.request.tls.version}\"",
    );
    let get = |name| client.get(gateway.address(), name, "/").body;
    assert_eq!(get("site.example"), "site.example http/1.1 false tls1.3");
    assert_eq!(get("site.example"), "site.example http/1.1 true tls1.3");
    assert_eq!(get("127.0.0.1"), " http/1.1 false tls1.3");
    let h2 = client.h2(gateway.address(), "other.example");
    let answer = h2.send("GET", "other.example", "/", "");
    assert_eq!(answer.body, "other.example h2 false tls1.3");
}

#[test]
fn unexpected_fields_do_not_arrive() {
    let upstream = FakeHttp::start("up");
    let proxy = format!("reverse_proxy {}", upstream.address());
    let options = "expected_underscore_headers X_Known\nexpected_dot_headers x.known";
    for (options, expected) in [
        ("", &["x-plain"][..]),
        (options, &["x-plain", "x_known", "x.known"]),
    ] {
        let gateway = plain(options, &proxy);
        let request = ["X-Plain", "X_Known", "X_Other", "X.Known", "X.Other"]
            .iter()
            .fold(Request::get("/"), |request, name| request.header(name, "1"));
        request.send(gateway.address()).expect(200);
        let seen = upstream.requests();
        let head = &seen.last().unwrap().head;
        for name in ["x-plain", "x_known", "x_other", "x.known", "x.other"] {
            let there = head.field(name).is_some();
            assert_eq!(there, expected.contains(&name), "{options:?} {name}");
        }
    }
}

#[test]
fn peers_on_unix_sockets_can_be_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.sock");
    for (option, expected) in [("", ""), ("trusted_proxies_unix", "192.0.2.7")] {
        let text = format!(
            "{{\n\tservers {{\n{option}\n}}\n}}\nhttp://:80 {{\n\tbind unix/{}|0600\n\trespond \"<{{client_ip}}>\"\n}}\n",
            path.display()
        );
        let _gateway = Launch::caddyfile(BIN, &text).start();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let answer = over_unix(&path, &closing("X-Forwarded-For: 192.0.2.7\r\n"));
        assert!(answer.ends_with(&format!("<{expected}>")), "{answer}");
    }
}

#[test]
fn inherited_sockets_are_served() {
    let text = "http://:80 {\n\tbind fd/3\n\trespond inherited\n}\n";
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    let gateway = Launch::caddyfile(BIN, text).inherit(tcp).start();
    assert_eq!(gateway.address(), address);
    assert_eq!(Request::get("/").send(address).text(), "inherited");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("given.sock");
    let unix = UnixListener::bind(&path).unwrap();
    let gateway = Launch::caddyfile(BIN, text).inherit(unix).start();
    assert!(over_unix(&path, &closing("")).ends_with("inherited"));
    gateway.signal("TERM");
    let mut gateway = gateway;
    gateway.wait_exit().expect(0);
    assert!(path.exists(), "the file belongs to who made it");

    let refused = Launch::caddyfile(BIN, text).command(&["run", "-c", "Caddyfile"]);
    assert!(refused.stderr.contains("LISTEN_FDS"), "{}", refused.stderr);
}

#[test]
fn only_the_chosen_protocols_are_spoken() {
    let only_h2c = plain("protocols h2c", "respond ok");
    Request::get("/").send(only_h2c.address()).expect(505);
    let h2 = H2Client::plain(only_h2c.address());
    assert_eq!(h2.send("GET", "a", "/", "").body, "ok");

    let text =
        "{\n\tdefault_bind 127.0.0.1 {\n\t\tprotocols h1\n\t}\n}\nhttp://:0 {\n\trespond ok\n}\n";
    let only_h1 = Launch::caddyfile(BIN, text).start();
    Request::get("/").send(only_h1.address()).expect(200);
    let mut preface = Client::connect(only_h1.address());
    preface.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!(preface.response().status, 400);

    for (protocols, h1, h2) in [
        ("h1", true, false),
        ("h2", false, true),
        ("h1 h2", true, true),
    ] {
        let (gateway, client) = secure(&format!("protocols {protocols}"), "respond ok");
        let speaks = |protocol| client.speaks(gateway.address(), "site.example", protocol);
        assert_eq!((speaks("http/1.1"), speaks("h2")), (h1, h2), "{protocols}");
    }
}

#[test]
fn balancers_tell_the_client() {
    let upstream = FakeHttp::start("up");
    let directives = format!(
        "log {{\noutput stdout\nformat json\n}}\n@told remote_ip 192.0.2.7\n\
         respond @told \"{{remote}} {{client_ip}} {{http.request.local}}\"\nreverse_proxy {}",
        upstream.address()
    );
    let expected = "192.0.2.7:5 192.0.2.7 192.0.2.8:443";
    let gateway = plain(BELIEVE, &directives);
    for header in [V1, V2] {
        let mut client = Client::connect(gateway.address());
        // In two pieces, and with a request that is answered on the same connection.
        client.send(&header[..7]);
        client.send([&header[7..], &Request::get("/").bytes()].concat());
        assert_eq!(client.response().text(), expected);
        assert_eq!(Request::get("/").send_on(&mut client).text(), expected);
    }
    let entry = gateway.wait_for_access(|_| true).to_string();
    assert!(entry.contains("192.0.2.7"), "{entry}");
    // Without a header the peer speaks for itself.
    let answer = Request::get("/").send(gateway.address());
    assert_ne!(answer.text(), expected);

    let (gateway, client) = secure(BELIEVE, &directives);
    let answer = client.get_after(V2, gateway.address(), "site.example", "a", "/");
    assert_eq!(answer.body, expected);

    let (gateway, client) = secure(BELIEVE, &format!("reverse_proxy {}", upstream.address()));
    client.get_after(V1, gateway.address(), "site.example", "a", "/");
    let seen = upstream.requests();
    let head = &seen.last().unwrap().head;
    assert_eq!(head.field("x-forwarded-for"), Some("192.0.2.7"));
}

#[test]
fn headers_that_must_not_be_close_the_connection() {
    let deny = "listener_wrappers {\nproxy_protocol {\ndeny 127.0.0.1/32\n}\n}";
    let require = "listener_wrappers {\nproxy_protocol {\nfallback_policy REQUIRE\n}\n}";
    let ignore = "listener_wrappers {\nproxy_protocol\n}";
    let get = Request::get("/").bytes();
    for (options, sent, answered) in [
        (
            BELIEVE,
            [b"PROXY TCP4 nonsense\r\n", &get[..]].concat(),
            false,
        ),
        (
            BELIEVE,
            [&V2[..12], b"\x31", &V2[13..], &get[..]].concat(),
            false,
        ),
        (deny, [V1, &get[..]].concat(), false),
        (deny, get.clone(), true),
        (require, get.clone(), false),
        (require, [V2, &get[..]].concat(), true),
        (ignore, [V1, &get[..]].concat(), true),
    ] {
        let gateway = plain(options, "respond \"{remote_host}\"");
        let mut client = Client::connect(gateway.address());
        client.send(&sent);
        if answered {
            let believed = client.response().text() == "192.0.2.7";
            assert_eq!(believed, options == require, "{options}");
        } else {
            assert_eq!(client.until_closed(), b"", "{options}");
        }
    }
}

#[test]
fn requests_in_the_clear_are_sent_to_https() {
    let (gateway, client) = secure("listener_wrappers {\nhttp_redirect\ntls\n}", "respond ok");
    let address = gateway.address();
    let answer = Request::get("/a?b=c")
        .host("site.example:8443")
        .send(address);
    assert_eq!(answer.status, 308);
    let location = answer.head.field("location");
    assert_eq!(location, Some("https://site.example:8443/a?b=c"));
    for (bytes, status) in [
        ("GET / HTTP/1.0\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    ] {
        let mut client = Client::connect(address);
        client.send(bytes);
        assert_eq!(client.response().status, status, "{bytes:?}");
    }
    assert_eq!(client.get(address, "site.example", "/").body, "ok");

    let (gateway, _) = secure("", "respond ok");
    let mut client = Client::connect(gateway.address());
    client.send(Request::get("/").bytes());
    let farewell = client.until_closed();
    assert!(!farewell.starts_with(b"HTTP/"), "{farewell:?}");
}

#[test]
fn unix_sockets_speak_tls_where_the_site_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.sock");
    let certificate = Certificate::new(&["site.example"]);
    let text = format!(
        "https://site.example {{\n\tbind unix/{}\n\ttls cert.pem key.pem\n\trespond ok\n}}\n",
        path.display()
    );
    let _gateway = Launch::caddyfile(BIN, &text)
        .file("cert.pem", &certificate.pem)
        .file("key.pem", &certificate.key_pem)
        .start();
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(&closing("")).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
}

#[test]
fn the_routes_of_a_request_are_traced() {
    let gateway = Launch::site_with(
        BIN,
        "debug\nservers {\ntrace\n}",
        "@no path /other\nheader @no A b\nrespond yes",
    )
    .start();
    Request::get("/").send(gateway.address()).expect(200);
    let ran = gateway.wait_for_log(|entry| entry["msg"] == "route" && entry["ran"] == true);
    assert_eq!(ran["directive"], "respond", "{ran}");
    let skipped = gateway.wait_for_log(|entry| entry["msg"] == "route" && entry["ran"] == false);
    assert_eq!(skipped["directive"], "header", "{skipped}");
    assert_eq!(skipped["request_id"], ran["request_id"]);
}

#[test]
fn hosts_are_measured_one_by_one() {
    let text = "{\n\tdefault_bind 127.0.0.1\n\tmetrics {\n\t\tper_host\n\t}\n}\n\
        http://a.example:0 {\n\trespond a\n}\n\
        http://*.example:0 {\n\trespond b\n}\n\
        http://:0 {\n\tmetrics /metrics\n\trespond /c c\n}\n";
    let gateway = Launch::caddyfile(BIN, text).start();
    for host in ["a.example", "A.Example:80", "b.example", "evil", "worse"] {
        let request = Request::get("/c").host(host);
        request.send(gateway.address()).expect(200);
    }
    let counted = |host, count| {
        format!("ferrogate_http_host_requests_total{{code=\"200\",host=\"{host}\"}} {count}\n")
    };
    let wanted = [counted("a.example", 2), counted("*.example", 1)];
    // A request is counted when its answer has been sent.
    let deadline = Instant::now() + PATIENCE;
    let page = loop {
        let page = Request::get("/metrics").send(gateway.address()).text();
        let all =
            wanted.iter().all(|line| page.contains(line)) && page.contains("host=\"_other\"}");
        if all || Instant::now() > deadline {
            break page;
        }
        std::thread::yield_now();
    };
    for line in &wanted {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
    assert!(
        page.contains("host=\"_other\"}") && !page.contains("evil"),
        "{page}"
    );
}
