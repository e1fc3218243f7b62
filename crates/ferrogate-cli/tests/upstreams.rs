//! Upstreams of `reverse_proxy` on the real binary: which one is asked, how it is reached, how its answer is read.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};

use ferrogate_testkit::{Certificate, FakeH2c, FakeHttp, Gateway, Launch, Request, Response};

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");

fn site(directives: &str) -> Gateway {
    Launch::site(BIN, directives).start()
}

fn get(gateway: &Gateway, target: &str) -> Response {
    Request::get(target).send(gateway.address())
}

#[test]
fn upstreams_are_probed() {
    let (good, bad) = (FakeHttp::start("good"), FakeHttp::start("bad"));
    let gateway = site(&format!(
        r"
        reverse_proxy {good} {bad} {{
            lb_policy round_robin
            health_uri /echo
            health_interval 20ms
            health_body good
        }}
        ",
        good = good.address(),
        bad = bad.address()
    ));
    gateway.wait_for_log(|entry| entry["msg"] == "the upstream is unhealthy");
    for _ in 0..6 {
        assert_eq!(get(&gateway, "/x").expect(200).json()["server"], "good");
    }
    good.die();
    gateway.wait_for_log(|entry| {
        entry["msg"] == "the upstream is unhealthy"
            && entry["upstream"] == good.address().to_string()
    });
    assert_eq!(get(&gateway, "/x").status, 503);
}

#[test]
fn an_upstream_is_told_of_the_client_by_the_proxy_protocol() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = site(&format!(
        r"
        reverse_proxy {} {{
            transport http {{
                proxy_protocol v1
            }}
        }}
        ",
        listener.local_addr().unwrap()
    ));
    let told = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut text = Vec::new();
        while !text.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte).unwrap();
            text.push(byte[0]);
        }
        std::io::Write::write_all(&mut socket, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
        String::from_utf8(text).unwrap()
    });
    get(&gateway, "/x").expect(200);
    let told = told.join().unwrap();
    assert!(
        told.starts_with("PROXY TCP4 127.0.0.1 127.0.0.1 "),
        "{told}"
    );
    let mut lines = told.split("\r\n").skip(1);
    assert_eq!(lines.next(), Some("GET /x HTTP/1.1"));
}

#[test]
fn other_requests_may_be_repeated_and_answers_refused() {
    let (bad, good) = (FakeHttp::start("bad"), FakeHttp::start("good"));
    let gateway = site(&format!(
        r"
        reverse_proxy {bad} {good} {{
            lb_policy first
            lb_retries 1
            lb_retry_match {{
                method POST
                path /drop
            }}
            lb_retry_match {{
                expression `{{rp.status_code}} == 503`
            }}
            header_up X-Try {{http.reverse_proxy.retries}}
        }}
        ",
        bad = bad.address(),
        good = good.address()
    ));
    let posted = Request::new("POST", "/drop")
        .body("again")
        .send(gateway.address());
    assert_eq!(posted.status, 502, "the second one drops it too");
    assert_eq!((bad.requests().len(), good.requests().len()), (1, 1));
    assert_eq!(good.requests()[0].body, b"again");
    let refused = get(&gateway, "/status/503");
    assert_eq!(refused.status, 503, "the last answer is passed on");
    assert_eq!((bad.requests().len(), good.requests().len()), (2, 2));
    assert_eq!(get(&gateway, "/status/500").status, 500);
    assert_eq!((bad.requests().len(), good.requests().len()), (3, 2));
}

/// Answers DNS questions: `up.test` is this machine, and `_http._tcp.up.test` a service of it on this port.
fn dns_server(port: u16) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a loopback port is free");
    let address = socket.local_addr().expect("a bound socket has an address");
    std::thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((_, from)) = socket.recv_from(&mut question)
            && socket.send_to(&dns_answer(&question, port), from).is_ok()
        {}
    });
    address
}

/// Source: RFC 1035, section 4.1; RFC 2782.
fn dns_answer(question: &[u8], port: u16) -> Vec<u8> {
    const NAME: &[u8] = b"\x02up\x04test\x00";
    let name = question[12..].split_inclusive(|&byte| byte == 0).next();
    let name = name.expect("a question has a name").to_ascii_lowercase();
    let end = 12 + name.len() + 4;
    let kind = question[end - 3];
    let data = match (kind, &name[..]) {
        (1, NAME) => Some(vec![127, 0, 0, 1]),
        (33, b"\x05_http\x04_tcp\x02up\x04test\x00") => {
            Some([&[0, 0, 0, 0], &port.to_be_bytes()[..], NAME].concat())
        }
        _ => None,
    };
    let mut answer = question[..2].to_vec();
    answer.extend([0x81, 0x80, 0, 1, 0, u8::from(data.is_some()), 0, 0, 0, 0]);
    answer.extend(&question[12..end]);
    if let Some(data) = data {
        let length = u8::try_from(data.len()).expect("the answers are short");
        answer.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, length]);
        answer.extend(data);
    }
    answer
}

#[test]
fn upstreams_are_looked_up_at_the_servers_named() {
    let upstream = FakeHttp::start("up");
    let port = upstream.address().port();
    let gateway = site(&format!(
        r"
        reverse_proxy /a {{
            dynamic a {{
                name {{query.of}}.test
                port {port}
                versions ipv4
                resolvers {dns}
            }}
        }}
        reverse_proxy /srv {{
            dynamic srv {{
                service http
                proto tcp
                name up.test
                resolvers {dns}
            }}
            transport http {{
                resolvers {dns}
            }}
        }}
        reverse_proxy up.test:{port} {{
            transport http {{
                resolvers {dns}
            }}
        }}
        ",
        dns = dns_server(port)
    ));
    for (target, status) in [
        ("/a?of=up", 200),
        ("/a?of=down", 503),
        ("/srv", 200),
        ("/fixed", 200),
    ] {
        assert_eq!(get(&gateway, target).status, status, "{target}");
    }
}

#[test]
fn requests_alike_go_to_one_upstream() {
    let upstreams = ["a", "b"].map(FakeHttp::start);
    let gateway = |policy: &str| {
        let [a, b] = upstreams.each_ref().map(FakeHttp::address);
        site(&format!("reverse_proxy {a} {b} {{\nlb_policy {policy}\n}}"))
    };
    let server = |response: Response| response.expect(200).json()["server"].to_string();
    // That one of the two is never drawn happens once in 2^63 runs.
    for (policy, same, other) in [
        ("uri_hash", "/x?n=", "/x?n="),
        ("query n", "/x?n=", "/y?m&n="),
    ] {
        let gateway = gateway(policy);
        let drawn: BTreeSet<String> = (0..64)
            .map(|n| {
                let first = server(get(&gateway, &format!("{same}{n}")));
                let second = server(get(&gateway, &format!("{other}{n}")));
                assert_eq!(first, second, "{policy} {n}");
                first
            })
            .collect();
        assert_eq!(drawn.len(), 2, "{policy}");
    }
    let choosing = gateway("random_choose 2");
    let drawn: BTreeSet<String> = (0..64).map(|_| server(get(&choosing, "/"))).collect();
    assert_eq!(drawn.len(), 2);
    let sticky = gateway("cookie backend secret");
    let first = get(&sticky, "/");
    let cookie = first.header("set-cookie").to_owned();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert!(pair.starts_with("backend="), "{cookie}");
    assert!(attributes.contains("HttpOnly"), "{cookie}");
    let first = server(first);
    for _ in 0..64 {
        let again = Request::get("/")
            .header("Cookie", pair)
            .send(sticky.address());
        assert_eq!(again.header("set-cookie"), "");
        assert_eq!(server(again), first);
    }
}

#[test]
fn answers_are_read_ahead_where_that_is_wanted() {
    let upstream = FakeHttp::start("up");
    for (limit, length) in [("1KiB", "50"), ("unlimited", "50"), ("20", "")] {
        let gateway = site(&format!(
            "reverse_proxy {} {{\nresponse_buffers {limit}\n}}",
            upstream.address()
        ));
        let response = get(&gateway, "/chunked/5").expect(200);
        assert_eq!(response.header("content-length"), length, "{limit}");
        assert_eq!(response.body.len(), 50, "{limit}");
    }
}

#[test]
fn an_upgraded_connection_has_its_time() {
    let upstream = FakeHttp::start("up");
    let gateway = site(&format!(
        "reverse_proxy {} {{\nstream_timeout 50ms\n}}",
        upstream.address()
    ));
    let mut client = Request::get("/ws")
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .open(gateway.address());
    assert_eq!(client.head().word(1), "101");
    assert_eq!(client.until_closed(), b"");
}

#[test]
fn requests_wait_for_a_connection() {
    let upstream = FakeHttp::start("up");
    let gateway = site(&format!(
        r"
        metrics /metrics
        reverse_proxy {} {{
            transport http {{
                max_conns_per_host 1
            }}
        }}
        ",
        upstream.address()
    ));
    let mut first = Request::get("/hold").open(gateway.address());
    upstream.wait_for_requests(1);
    let mut second = Request::get("/second").open(gateway.address());
    // Both, and the one that asks.
    while !get(&gateway, "/metrics")
        .text()
        .contains("ferrogate_http_requests_in_flight 3\n")
    {}
    assert_eq!(upstream.requests().len(), 1);
    upstream.release();
    assert_eq!(first.response().expect(200).text(), "released");
    assert_eq!(second.response().expect(200).json()["target"], "/second");
}

#[test]
fn upstreams_speak_http_2_in_the_clear_where_told_so() {
    let upstream = FakeH2c::start();
    let gateway = site(&format!(
        r"
        reverse_proxy {} {{
            transport http {{
                versions h2c
            }}
        }}
        ",
        upstream.address()
    ));
    assert_eq!(
        get(&gateway, "/x").expect(200).json()["version"],
        "HTTP/2.0"
    );
}

/// Certificates of a proxy were once read only where it stood in the site itself or in its blocks, and those written out
/// not at all.
#[test]
fn upstreams_are_trusted_wherever_the_proxy_stands() {
    let certificate = Certificate::new(&["localhost"]);
    let behind = FakeHttp::start("up");
    let text = format!(
        r#"{{
            default_bind 127.0.0.1
        }}
        https://localhost:0 {{
            tls cert.pem key.pem
            handle /probe {{
                reverse_proxy {}
            }}
            respond "{{http.request.proto}} {{http.request.tls.server_name}}"
        }}"#,
        behind.address()
    );
    let upstream = Launch::caddyfile(BIN, &text)
        .file("cert.pem", &certificate.pem)
        .file("key.pem", &certificate.key_pem)
        .start();
    let port = upstream.address().port();
    let lines = certificate.pem.lines();
    let inline: String = lines.filter(|line| !line.starts_with('-')).collect();
    let text = format!(
        r"{{
            default_bind 127.0.0.1
        }}
        &(named) {{
            reverse_proxy https://localhost:{port} {{
                transport http {{
                    tls_trust_pool file named.pem
                }}
            }}
        }}
        http://:0 {{
            reverse_proxy /inline https://localhost:{port} {{
                transport http {{
                    tls_trust_pool inline {inline}
                }}
            }}
            reverse_proxy /name https://127.0.0.1:{port} {{
                header_up Host localhost
                health_uri /probe
                health_headers {{
                    Host localhost
                }}
                transport http {{
                    tls_trust_pool file name.pem
                    tls_server_name localhost
                    versions 1.1
                }}
            }}
            invoke /named named
            reverse_proxy /replaced {other} {{
                handle_response {{
                    reverse_proxy https://localhost:{port} {{
                        transport http {{
                            tls_trust_pool file replaced.pem
                        }}
                    }}
                }}
            }}
            handle_errors {{
                reverse_proxy https://localhost:{port} {{
                    transport http {{
                        tls_trust_pool file failed.pem
                    }}
                }}
            }}
            error /failed 500
        }}",
        other = behind.address()
    );
    let mut launch = Launch::caddyfile(BIN, &text);
    for name in ["named", "name", "replaced", "failed"] {
        launch = launch.file(&format!("{name}.pem"), &certificate.pem);
    }
    let gateway = launch.start();
    for (target, answer) in [
        ("/inline", "HTTP/2.0 localhost"),
        ("/name", "HTTP/1.1 localhost"),
        ("/named", "HTTP/2.0 localhost"),
        ("/replaced", "HTTP/2.0 localhost"),
        ("/failed", "HTTP/2.0 localhost"),
    ] {
        assert_eq!(get(&gateway, target).text(), answer, "{target}");
    }
    // The health check is sent over TLS for the same name.
    let probed = || {
        let requests = behind.requests();
        requests
            .iter()
            .any(|request| request.head.word(1) == "/probe")
    };
    behind.wait_for_requests(2);
    assert!(probed(), "{:?}", behind.requests());
}

/// Reads a request without a body.
fn read_request(socket: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).expect("the request goes on");
        text.push(byte[0]);
    }
    String::from_utf8(text).expect("a header is text")
}

#[test]
fn connections_are_made_from_an_address_and_through_a_proxy() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let gateway = site(&format!(
        r"
        reverse_proxy upstream.test:1234 {{
            transport http {{
                local_address 127.0.0.2
                network_proxy url http://user:pass@{address}
            }}
        }}
        "
    ));
    let told = std::thread::spawn(move || {
        let (mut socket, peer) = listener.accept().unwrap();
        let asked = read_request(&mut socket);
        socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let request = read_request(&mut socket);
        socket
            .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .unwrap();
        (peer.ip().to_string(), asked, request)
    });
    get(&gateway, "/x").expect(204);
    let (peer, asked, request) = told.join().unwrap();
    assert_eq!(peer, "127.0.0.2");
    assert!(
        asked.starts_with("CONNECT upstream.test:1234 HTTP/1.1\r\n")
            && asked.contains("Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"),
        "{asked}"
    );
    assert!(request.starts_with("GET /x HTTP/1.1\r\n"), "{request}");
}

#[test]
fn connections_are_as_the_transport_says() {
    let upstream = FakeHttp::start("up");
    let address = upstream.address();
    let gateway = |transport: &str| {
        site(&format!(
            "reverse_proxy {address} {{\ntransport http {{\n{transport}\n}}\n}}"
        ))
    };
    let in_the_clear = gateway(&format!("tls\ntls_except_ports {}", address.port()));
    get(&in_the_clear, "/x").expect(200);
    let before = upstream.connections();
    let unkept = gateway("keepalive off");
    for _ in 0..3 {
        get(&unkept, "/x").expect(200);
    }
    assert_eq!(upstream.connections() - before, 3);
}
