//! What an attacker tries on the way through a site: nothing is injected, nobody leaves a folder, no request hides in another.

use std::net::{SocketAddr, TcpListener, TcpStream};

use ferrogate_testkit::{Client, FakeHttp, Gateway, Launch, Request};

#[path = "safety/answers.rs"]
mod answers;
#[path = "safety/framing.rs"]
mod framing;

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");

fn site(directives: &str) -> Gateway {
    Launch::site(BIN, directives).start()
}

/// Everything that is answered to these bytes, until the gateway closes.
fn raw(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut client = Client::connect(address);
    // The refusal may come, and the connection end, before everything is sent.
    let _sent = client.try_send(bytes).is_ok();
    String::from_utf8_lossy(&client.until_closed()).into_owned()
}

/// What the upstream was asked for, in order.
fn targets(upstream: &FakeHttp) -> Vec<String> {
    let requests = upstream.requests();
    requests
        .iter()
        .map(|request| request.head.word(1).to_owned())
        .collect()
}

/// An upstream of one's own; it ends with the test's process.
fn upstream(serve: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            serve(socket);
        }
    });
    address
}

#[test]
fn placeholders_inject_no_fields() {
    let upstream = FakeHttp::start("up");
    let gateway = site(&format!(
        "route {{
            header X-Path \"{{path}}\"
            header X-Query \"{{query.q}}\"
            header X-Cookie \"{{cookie.c}}\"
            header X-Header \"{{header.X-In}}\"
            header X-Changed a \"{{query.q}}\"
            redir /redir \"/to/{{query.q}}\"
            redir /path/* \"{{path}}\"
            respond /respond \"{{query.q}}\"
            error /error \"{{query.q}}\" 500
            rewrite /rewrite \"/up/{{query.q}}\"
            rewrite /query \"/up?{{query.q}}\"
            method /method \"{{query.q}}\"
            reverse_proxy {} {{
                header_up X-Path \"{{path}}\"
                header_up X-Query \"{{query.q}}\"
                header_up X-Cookie \"{{cookie.c}}\"
                header_up Host \"{{query.q}}\"
                header_down X-Down \"{{query.q}}\"
            }}
        }}",
        upstream.address()
    ));
    let evil = "a%20HTTP/1.1%0d%0aX-Injected:%201%0d%0a%0d%0aGET%20/smuggled%20HTTP/1.1%0d%0aHost:%20a%0d%0a%0d%0a";
    let bare = "a%0aX-Injected:%201%0dX-Injected:%202%00";
    for target in [
        format!("/redir?q={evil}"),
        format!("/redir?q={bare}"),
        format!("/path/{evil}"),
        format!("/path/{bare}"),
        format!("/respond?q={evil}"),
        format!("/error?q={evil}"),
        format!("/rewrite?q={evil}"),
        format!("/rewrite?q={bare}"),
        format!("/query?q={evil}"),
        format!("/method?q={evil}"),
        format!("/up/{evil}?q={evil}"),
        format!("/up/{bare}?q={bare}"),
    ] {
        let before = upstream.requests().len();
        let request = Request::get(&target)
            .header("Cookie", &format!("c={bare}"))
            .header("X-In", "%0d%0aX-Injected: 1")
            .header("Connection", "close");
        let answer = raw(gateway.address(), request.bytes());
        let (head, _) = answer
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("{target}: no answer"));
        for line in head.split("\r\n") {
            assert!(!line.contains(['\r', '\n', '\0']), "{target}: {line:?}");
            let injected = line.to_ascii_lowercase().starts_with("x-injected");
            assert!(!injected, "{target}: {head}");
        }
        let seen = upstream.requests();
        assert!(
            seen.len() <= before + 1,
            "{target}: {:?}",
            targets(&upstream)
        );
        for request in &seen[before..] {
            assert_eq!(request.head.field("x-injected"), None, "{target}");
            assert_ne!(request.head.word(1), "/smuggled", "{target}");
        }
    }
    for field in [
        "X-In: a\rX-Injected: 1",
        "Cookie: c=a\rX-Injected: 1",
        "X-In: a\0b",
    ] {
        let answer = raw(
            gateway.address(),
            format!("GET /respond HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n"),
        );
        assert!(answer.starts_with("HTTP/1.1 400"), "{field:?}: {answer}");
    }
}

#[test]
fn no_path_leaves_the_folder() {
    let gateway = Launch::site(
        BIN,
        "handle_path /files/* {
            root public
            file_server browse {
                hide .env hidden
            }
        }
        handle /try/* {
            root public
            uri strip_prefix /try
            try_files {path} {query.f} /a.txt
            file_server {
                hide .env hidden
            }
        }
        handle_path /all/* {
            root .
            file_server browse
        }
        respond nothing 404",
    )
    .file("public/a.txt", "fine")
    .file("public/.env", "secret")
    .file("public/hidden/b.txt", "secret")
    .file("secret.txt", "secret")
    .start();
    for path in [
        "../secret.txt",
        "..%2fsecret.txt",
        "%2e%2e/secret.txt",
        "%2e%2e%2fsecret.txt",
        "%252e%252e%252fsecret.txt",
        "..%5csecret.txt",
        "..\\secret.txt",
        "a.txt/../../secret.txt",
        "./.././secret.txt",
        "//../secret.txt",
        "%2f..%2fsecret.txt",
        "..;/secret.txt",
        "..%00/secret.txt",
        "..%c0%afsecret.txt",
        ".env",
        "%2eenv",
        "./.env",
        "a/../.env",
        "/.env",
        ".env/",
        ".env%00.txt",
        "hidden/b.txt",
        "hidden%2fb.txt",
        "hidden//b.txt",
        "x/../hidden/./b.txt",
        "hidden/",
    ] {
        for target in [
            format!("/files/{path}"),
            format!("/try/{path}"),
            format!("/try/none?f=/{path}"),
            format!("/try/none?f={path}"),
        ] {
            let request = Request::get(&target).header("Connection", "close");
            let answer = raw(gateway.address(), request.bytes());
            assert!(answer.starts_with("HTTP/1.1 "), "{target}: {answer:?}");
            assert!(!answer.contains("secret"), "{target}: {answer}");
            assert!(!answer.contains("b.txt\""), "{target}: {answer}");
        }
    }
    for path in [
        "Caddyfile",
        "%43addyfile",
        "./Caddyfile",
        "//Caddyfile",
        "public/..%2fCaddyfile",
        "Caddyfile/",
    ] {
        let answer = Request::get(&format!("/all/{path}")).send(gateway.address());
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
    }
    let listing = Request::get("/all/")
        .send(gateway.address())
        .expect(200)
        .text();
    assert!(
        listing.contains("secret.txt") && !listing.contains("Caddyfile"),
        "{listing}"
    );
}

/// A redirect to the directory's own path must not name another host.
#[test]
fn canonical_redirects_stay_here() {
    let gateway = Launch::site(BIN, "root public\nfile_server browse")
        .file("public/dir/a.txt", "fine")
        .start();
    for target in [
        "//evil.example/%2e%2e/dir",
        "//evil.example/..",
        "/\\evil.example/%2e%2e",
        "/\\evil.example/../dir",
        "/%5cevil.example/%2e%2e",
        "//dir",
        "/\\evil.example/%2e%2e/dir/a.txt/",
        "//evil.example/%2e%2e/dir/a.txt/",
    ] {
        let answer = Request::get(target).send(gateway.address());
        let location = answer.header("location").to_owned();
        let second = location.chars().nth(1);
        assert!(!matches!(second, Some('/' | '\\')), "{target}: {location}");
    }
}

#[test]
fn a_guarded_path_is_guarded_however_it_is_written() {
    let upstream = FakeHttp::start("up");
    let gateway = site(&format!(
        "@admin path /admin /admin/*
        respond @admin 403
        reverse_proxy {}",
        upstream.address()
    ));
    for target in [
        "/admin/x",
        "/ADMIN/x",
        "/%61dmin/x",
        "/admin%2fx",
        "/admin%2Fx",
        "//admin/x",
        "///admin//x",
        "/%2fadmin/x",
        "/./admin/x",
        "/%2e/admin/x",
        "/x/../admin/x",
        "/x/%2e%2e/admin/x",
        "/x%2f..%2fadmin/x",
        "/admin/./x",
        "/admin/?a",
        "/admin?a=/public",
        "/admin",
    ] {
        let answer = Request::get(target).send(gateway.address());
        assert_eq!(answer.status, 403, "{target}");
    }
    assert_eq!(targets(&upstream), [""; 0]);
}

#[test]
fn a_stripped_target_still_begins_with_a_slash() {
    let upstream = FakeHttp::start("up");
    let gateway = site(&format!(
        "handle_path /api/* {{
            reverse_proxy {0}
        }}
        handle /strip* {{
            uri strip_prefix /strip
            reverse_proxy {0}
        }}",
        upstream.address()
    ));
    for target in [
        "/api/x",
        "/api%2fx",
        "/%61pi/x",
        "/api//evil.example/x",
        "/api/http://evil.example/",
        "/api/@evil.example",
        "/strip",
        "/stripx",
        "/strip@evil.example/",
        "/strip:80/",
        "/strip%2f%2fevil",
        "/strip?a",
    ] {
        let status = Request::get(target).send(gateway.address()).status;
        let seen = targets(&upstream);
        assert_eq!(status, 200, "{target}: {seen:?}");
        let last = seen.last().expect("the upstream was asked");
        assert!(last.starts_with('/'), "{target} became {last}");
    }
}

#[test]
fn a_host_is_the_same_however_it_is_written() {
    let text = "{\n\tdefault_bind 127.0.0.1\n}\n\
        http://a.example:0 {\n\trespond \"a {host}\"\n}\n\
        http://:0 {\n\t@six host ::1\n\trespond @six six\n\t@inner host b.example\n\trespond @inner b\n\trespond other\n}\n";
    let gateway = Launch::caddyfile(BIN, text).start();
    for (host, expected) in [
        ("a.example", "a a.example"),
        ("A.EXAMPLE", "a A.EXAMPLE"),
        ("a.example:81", "a a.example"),
        ("[::1]", "six"),
        ("[::1]:80", "six"),
        ("a.example.", "a a.example."),
        ("a.example.:80", "a a.example."),
        ("b.example.", "b"),
        ("B.example", "b"),
        ("b.example:1", "b"),
        ("xa.example", "other"),
        ("a.example.evil", "other"),
        ("evil@a.example", "400"),
        ("a.example/x", "400"),
        ("a.example,b.example", "other"),
        ("a.example#", "400"),
        ("a.example\\x", "400"),
    ] {
        let answer = Request::get("/").host(host).send(gateway.address());
        let seen = match answer.status {
            200 => answer.text(),
            status => status.to_string(),
        };
        assert_eq!(seen, expected, "{host}");
    }
}
