//! Directives of a site on the real binary: files, errors, passwords, compression, answers that are dealt with.

use std::io::Read as _;

use ferrogate_testkit::{ClosedPort, FakeHttp, Gateway, Launch, Request, Response};

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");

fn site(directives: &str) -> Gateway {
    Launch::site(BIN, directives).start()
}

fn get(gateway: &Gateway, target: &str) -> Response {
    Request::get(target).send(gateway.address())
}

/// Status and body.
fn seen(response: &Response) -> (u16, String) {
    (response.status, response.text())
}

#[test]
fn errors_have_routes_of_their_own() {
    let gone = ClosedPort::hold();
    let gateway = site(&format!(
        r#"
        vars who me
        header X-Kept yes
        header >X-Late no
        error /teapot "short and stout" 418
        error /plain 500
        error /inner 503
        rewrite /rewritten /teapot
        reverse_proxy /down {gone}
        respond /ok fine
        handle_errors 418 {{
            respond "{{err.status_code}} {{err.status_text}} {{err.message}} {{vars.who}} {{uri}}"
        }}
        handle_errors 5xx {{
            @inner expression {{err.status_code}} == 503
            error @inner "again" 500
            respond "failed {{err.status_code}}" 599
        }}
        "#,
        gone = gone.address()
    ));
    for (target, status, body) in [
        (
            "/teapot?a",
            418,
            "418 I'm a teapot short and stout me /teapot?a",
        ),
        (
            "/rewritten",
            418,
            "418 I'm a teapot short and stout me /rewritten",
        ),
        ("/plain", 599, "failed 500"),
        ("/down", 599, "failed 502"),
        ("/inner", 503, ""),
        ("/ok", 200, "fine"),
    ] {
        let response = get(&gateway, target);
        assert_eq!(seen(&response), (status, body.to_owned()), "{target}");
        assert_eq!(response.header("x-kept"), "yes", "{target}");
        let late = if target == "/ok" { "no" } else { "" };
        assert_eq!(response.header("x-late"), late, "{target}");
    }
}

#[test]
fn files_are_served_and_others_are_not() {
    let launch = Launch::caddyfile(
        BIN,
        r#"{
            admin off
        }
        http://:0 {
            root * {$ROOT}
            try_files {path} {path}.html /fallback.html
            header Cache-Control "max-age=60"
            handle_errors {
                root * {$ROOT}/errors
                rewrite * /{err.status_code}.html
                file_server
            }
            file_server {
                hide secret .env
                precompressed gzip
            }
        }"#,
    )
    .file("www/index.html", "home")
    .file("www/about.html", "about")
    .file("www/fallback.html", "fallback")
    .file("www/secret/key", "hidden")
    .file("www/.env", "hidden")
    .file("www/big.txt", vec![b'x'; 300_000])
    .file("www/big.txt.gz", "small")
    .file("www/list/a b.txt", "a")
    .file("www/errors/404.html", "no such page")
    .file("www/errors/405.html", "only reading");
    let root = launch.folder().join("www").display().to_string();
    let gateway = launch.env("ROOT", &root).start();
    for (target, status, body) in [
        // A directory is no file, unless a candidate ends in a slash.
        ("/", 200, "fallback"),
        ("/index.html", 200, "home"),
        ("/about", 200, "about"),
        ("/about.html", 200, "about"),
        ("/nowhere", 200, "fallback"),
        ("/secret/key", 404, "no such page"),
        ("/.env", 404, "no such page"),
        ("/%2eenv", 404, "no such page"),
        ("/..%2f..%2fetc/passwd", 200, "fallback"),
    ] {
        assert_eq!(
            seen(&get(&gateway, target)),
            (status, body.to_owned()),
            "{target}"
        );
    }
    let whole = get(&gateway, "/big.txt").expect(200);
    assert_eq!(whole.text().len(), 300_000);
    assert_eq!(whole.header("cache-control"), "max-age=60");
    assert_eq!(whole.header("content-type"), "text/plain; charset=utf-8");
    let small = Request::get("/big.txt").header("Accept-Encoding", "gzip");
    let small = small.send(gateway.address()).expect(200);
    assert_eq!(
        (small.text(), small.header("content-encoding")),
        ("small".to_owned(), "gzip")
    );
    let part = Request::get("/big.txt")
        .header("Range", "bytes=299998-")
        .send(gateway.address());
    assert_eq!(seen(&part), (206, "xx".to_owned()));
    assert_eq!(part.header("content-range"), "bytes 299998-299999/300000");
    let head = Request::new("HEAD", "/big.txt")
        .send(gateway.address())
        .expect(200);
    assert_eq!(
        (head.text(), head.header("content-length")),
        (String::new(), "300000")
    );
    let unchanged = Request::get("/big.txt")
        .header("If-None-Match", whole.header("etag"))
        .send(gateway.address());
    assert_eq!(seen(&unchanged), (304, String::new()));
    let posted = Request::new("POST", "/about.html")
        .body("x")
        .send(gateway.address());
    assert_eq!(seen(&posted), (405, "only reading".to_owned()));
}

#[test]
fn what_is_no_file_is_passed_through_or_listed() {
    let launch = Launch::caddyfile(
        BIN,
        r#"http://:0 {
            root * {$ROOT}
            route {
                file_server /list* browse
                file_server {
                    pass_thru
                }
                respond "passed through"
            }
        }"#,
    )
    .file("www/a.txt", "a")
    .file("www/list/a b.txt", "a")
    .file("www/list/sub/x", "x");
    let root = launch.folder().join("www").display().to_string();
    let gateway = launch.env("ROOT", &root).start();
    assert_eq!(get(&gateway, "/a.txt").text(), "a");
    assert_eq!(get(&gateway, "/b.txt").text(), "passed through");
    let page = get(&gateway, "/list/").expect(200).text();
    assert!(
        page.contains("href=\"./a%20b.txt\"") && page.contains("href=\"./sub/\""),
        "{page}"
    );
    let json = Request::get("/list/").header("Accept", "application/json");
    let entries = json.send(gateway.address()).expect(200).json();
    assert_eq!(
        (&entries[0]["name"], &entries[1]["name"]),
        (&"sub/".into(), &"a b.txt".into())
    );
    let moved = get(&gateway, "/list").expect(308);
    assert_eq!(moved.header("location"), "/list/");
}

#[test]
fn passwords_let_their_users_in() {
    let gateway = site(&format!(
        r#"
        basic_auth /private/* {{
            ada {hash}
        }}
        handle_errors 401 {{
            respond "who are you? {{err.status_code}}"
        }}
        respond "hello {{http.auth.user.id}}"
        "#,
        hash = bcrypt::hash("secret", 4).unwrap()
    ));
    let with = |credentials: &str| {
        let mut request = Request::get("/private/x");
        if !credentials.is_empty() {
            request = request.header("Authorization", credentials);
        }
        request.send(gateway.address())
    };
    for (credentials, status) in [
        ("", 401),
        ("Basic YWRhOnNlY3JldA==", 200),
        ("Basic YWRhOnNlY3JldA==", 200),
        ("Basic YWRhOlNlY3JldA==", 401),
        ("Basic ZXZlOnNlY3JldA==", 401),
        ("Basic !!!", 401),
        ("Bearer YWRhOnNlY3JldA==", 401),
    ] {
        let response = with(credentials);
        assert_eq!(response.status, status, "{credentials}");
        if status == 401 {
            assert_eq!(
                response.header("www-authenticate"),
                "Basic realm=\"restricted\""
            );
            assert_eq!(response.text(), "who are you? 401");
        } else {
            assert_eq!(response.text(), "hello ada");
        }
    }
    assert_eq!(get(&gateway, "/open").text(), "hello {http.auth.user.id}");
}

#[test]
fn answers_are_compressed_as_the_client_likes() {
    let upstream = FakeHttp::start("up");
    let long = "compress me ".repeat(100);
    let gateway = site(&format!(
        r#"
        encode zstd br gzip
        respond /long "{long}"
        respond /short "short"
        @typed path /image
        header @typed Content-Type image/png
        respond /image "{long}"
        reverse_proxy /up/* {up}
        "#,
        up = upstream.address()
    ));
    let ask = |target: &str, accept: &str| {
        Request::get(target)
            .header("Accept-Encoding", accept)
            .send(gateway.address())
            .expect(200)
    };
    for (target, accept, encoding) in [
        ("/long", "gzip", "gzip"),
        ("/long", "gzip, br, zstd", "zstd"),
        ("/long", "gzip;q=1, br;q=0.5", "gzip"),
        ("/long", "br", "br"),
        ("/long", "zstd;q=0", ""),
        ("/long", "deflate", ""),
        ("/short", "gzip", ""),
        ("/image", "gzip", ""),
    ] {
        let response = ask(target, accept);
        assert_eq!(
            response.header("content-encoding"),
            encoding,
            "{target} {accept}"
        );
        if encoding == "gzip" {
            let mut text = String::new();
            flate2::read::GzDecoder::new(&response.body[..])
                .read_to_string(&mut text)
                .unwrap();
            assert_eq!(text, long);
            assert_eq!(response.header("vary"), "Accept-Encoding");
        }
        if encoding.is_empty() && target == "/long" {
            assert_eq!(response.text(), long);
        }
    }
    let head = Request::new("HEAD", "/long")
        .header("Accept-Encoding", "gzip")
        .send(gateway.address())
        .expect(200);
    assert_eq!(
        (head.header("content-encoding"), head.text().len()),
        ("gzip", 0)
    );
}

#[test]
fn an_upstreams_answer_can_be_dealt_with() {
    let upstream = FakeHttp::start("up");
    let gateway = site(&format!(
        r#"
        handle /replaced/* {{
            uri strip_prefix /replaced
            reverse_proxy {up} {{
                @error status 5xx
                replace_status @error 404
            }}
        }}
        route /dealt/* {{
            uri strip_prefix /dealt
            reverse_proxy {up} {{
                header_down X-Down yes
                @gone status 410
                handle_response @gone {{
                    respond "it was {{rp.status_code}}" 200
                }}
                @teapot status 418
                handle_response @teapot {{
                    header X-Handled yes
                    copy_response 201
                }}
                @fields status 419
                handle_response @fields {{
                    copy_response_headers {{
                        include Content-Type
                    }}
                    respond "with its type"
                }}
                @on status 420
                handle_response @on {{
                    vars went on
                }}
            }}
            respond "and {{vars.went}}"
        }}
        handle /taken/* {{
            uri strip_prefix /taken
            intercept {{
                @error status 500
                handle_response @error {{
                    respond "intercepted {{resp.status_code}}" 502
                }}
                @not status 404
                replace_status @not 403
            }}
            reverse_proxy {up}
        }}
        "#,
        up = upstream.address()
    ));
    for (target, status, body) in [
        ("/replaced/status/500", 404, "500"),
        ("/replaced/status/403", 403, "403"),
        ("/dealt/status/410", 200, "it was 410"),
        ("/dealt/status/418", 201, "418"),
        ("/dealt/status/419", 200, "with its type"),
        ("/dealt/status/420", 200, "and on"),
        ("/dealt/status/421", 421, "421"),
        ("/taken/status/500", 502, "intercepted 500"),
        ("/taken/status/404", 403, "404"),
        ("/taken/status/402", 402, "402"),
    ] {
        let response = get(&gateway, target);
        assert_eq!(seen(&response), (status, body.to_owned()), "{target}");
        match target {
            "/dealt/status/418" => {
                assert_eq!(
                    (response.header("x-handled"), response.header("x-down")),
                    ("yes", "yes")
                );
            }
            "/dealt/status/419" => {
                assert_eq!(response.header("content-type"), "text/plain");
            }
            _ => {}
        }
    }
}

#[test]
fn somebody_else_decides_who_comes_in() {
    let auth = FakeHttp::start("auth");
    let upstream = FakeHttp::start("up");
    let gateway = site(&format!(
        r"
        @in path /in/*
        forward_auth @in {auth} {{
            uri /echo?in
            copy_headers Content-Type>X-Type X-Missing
        }}
        forward_auth /out/* {auth} {{
            uri /status/403
        }}
        reverse_proxy {up}
        ",
        auth = auth.address(),
        up = upstream.address()
    ));
    let request = Request::new("POST", "/in/x?y")
        .header("X-Type", "spoofed")
        .header("X-Missing", "spoofed")
        .body("text");
    let seen_by_upstream = request.send(gateway.address()).expect(200).json();
    let field = |name: &str| {
        let fields = seen_by_upstream["fields"].as_array().unwrap();
        let found = fields.iter().filter(|pair| pair[0] == name);
        found
            .map(|pair| pair[1].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(seen_by_upstream["body"], "text");
    assert_eq!(field("x-type"), ["application/json"]);
    assert_eq!(field("x-missing"), Vec::<String>::new());
    let asked = &auth.requests()[0];
    assert_eq!(
        (asked.head.word(0), asked.head.word(1)),
        ("GET", "/echo?in")
    );
    assert_eq!(asked.head.field("x-forwarded-method"), Some("POST"));
    assert_eq!(asked.head.field("x-forwarded-uri"), Some("/in/x?y"));
    assert_eq!(seen(&get(&gateway, "/out/x")), (403, "403".to_owned()));
}

#[test]
fn bodies_are_limited_and_replaced() {
    let upstream = FakeHttp::start("up");
    let gateway = site(&format!(
        r#"
        request_body /limited {{
            max_size 10
        }}
        request_body /replaced {{
            set "instead of it"
        }}
        handle_errors 413 {{
            respond "too much"
        }}
        reverse_proxy {up} {{
            request_buffers 4KiB
        }}
        "#,
        up = upstream.address()
    ));
    let send = |target: &str, body: &str| {
        Request::new("POST", target)
            .body(body)
            .send(gateway.address())
    };
    assert_eq!(
        send("/limited", "0123456789").expect(200).json()["body"],
        "0123456789"
    );
    assert_eq!(
        seen(&send("/limited", "0123456789a")),
        (413, "too much".to_owned())
    );
    let chunked = Request::new("POST", "/limited")
        .header("Transfer-Encoding", "chunked")
        .body("b\r\n0123456789a\r\n0\r\n\r\n");
    assert_eq!(
        seen(&chunked.send(gateway.address())),
        (413, "too much".to_owned())
    );
    assert_eq!(
        send("/replaced", "x").expect(200).json()["body"],
        "instead of it"
    );
    let buffered = Request::new("POST", "/any")
        .header("Transfer-Encoding", "chunked")
        .body("3\r\nabc\r\n0\r\n\r\n");
    let told = buffered.send(gateway.address()).expect(200).json();
    let fields = told["fields"].to_string();
    assert!(fields.contains(r#"["content-length","3"]"#), "{fields}");
}

#[test]
fn named_routes_are_invoked() {
    let gateway = Launch::caddyfile(
        BIN,
        r#"
        &(inner) {
            header X-Inner {path}
        }
        &(api) {
            invoke inner
            handle /api/a {
                respond "a"
            }
            handle /api/* {
                respond "api {vars.site}"
            }
        }
        http://:0 {
            vars site one
            invoke /api/* api
            respond "rest"
        }
        "#,
    )
    .start();
    for (target, body, inner) in [
        ("/api/a", "a", "/api/a"),
        ("/api/b", "api one", "/api/b"),
        ("/", "rest", ""),
    ] {
        let response = get(&gateway, target);
        assert_eq!(
            (response.text().as_str(), response.header("x-inner")),
            (body, inner)
        );
    }
}

#[test]
fn maps_matchers_and_methods() {
    let gateway = site(
        r#"
        map {query.plan} {tier} {limit} {
            free    bronze 10
            ~^pro-(.*)$ "gold ${1}" 1000
            default unknown 0
        }
        @re path_regexp ^/user/([0-9]+)/(?P<part>\w+)$
        @cel `{method} == "PUT" && path("/cel/*") || header({"X-Cel": "yes*"})`
        @not not {
            path /a/*
            method POST
        }
        method /as-get GET
        respond @re "user {re.1} {re.re.part}"
        respond @cel "cel"
        respond /map "{tier} {limit}"
        respond /as-get "{method} was {orig_method}"
        respond @not "not"
        respond "rest"
        "#,
    );
    let ask =
        |method: &str, target: &str| Request::new(method, target).send(gateway.address()).text();
    for (method, target, body) in [
        ("GET", "/map?plan=free", "bronze 10"),
        ("GET", "/map?plan=pro-max", "gold max 1000"),
        ("GET", "/map", "unknown 0"),
        ("GET", "/user/42/name", "user 42 name"),
        ("PUT", "/cel/x", "cel"),
        ("POST", "/as-get", "GET was POST"),
        ("POST", "/a/b", "rest"),
        ("GET", "/a/b", "not"),
    ] {
        assert_eq!(ask(method, target), body, "{method} {target}");
    }
    let cel = Request::get("/a/b")
        .header("X-Cel", "yes!")
        .send(gateway.address());
    assert_eq!(cel.text(), "cel");
}

#[test]
fn explain_follows_named_routes_and_errors() {
    const TEXT: &str = r#"
        &(api) {
            handle /api/a {
                respond "a"
            }
            error /api/bad "bad" 503
        }
        http://localhost:8080 {
            invoke /api/* api
            handle_errors 404 {
                respond "none"
            }
            handle_errors 5xx {
                respond "failed" 500
            }
            error 404
        }
    "#;
    for (target, lines) in [
        (
            "/api/a",
            &["+ invoke", "+ handle", "+ respond", "=> answer 200"][..],
        ),
        (
            "/api/bad",
            &[
                "+ invoke",
                "- handle",
                "+ error",
                "! error 503: bad",
                "+ respond (Caddyfile:14)",
                "=> answer 500",
            ],
        ),
        (
            "/x",
            &[
                "- invoke",
                "+ error",
                "! error 404",
                "+ respond (Caddyfile:11)",
                "=> answer 404",
            ],
        ),
    ] {
        let url = format!("http://localhost:8080{target}");
        let run = Launch::caddyfile(BIN, TEXT)
            .command(&["explain", "-c", "Caddyfile", "GET", &url])
            .expect(0);
        let mut told = run.stdout.lines().skip(3);
        for line in lines {
            let told = told.next().unwrap_or_default().trim_start();
            assert!(
                told.starts_with(line),
                "{line} for {target}:\n{}",
                run.stdout
            );
        }
        assert_eq!(told.next(), None, "{target}:\n{}", run.stdout);
    }
}

#[test]
fn automatic_https_is_adapted_and_does_not_run() {
    let launch = || Launch::caddyfile(BIN, "example.com {\n\treverse_proxy localhost:9000\n}\n");
    let adapted = launch().command(&["adapt", "-c", "Caddyfile"]).expect(0);
    assert!(adapted.stdout.contains(r#""example.com""#), "{adapted:?}");
    for command in ["validate", "run"] {
        let refused = launch().command(&[command, "-c", "Caddyfile"]).expect(1);
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert!(
            said.contains(
                "a certificate of a public authority for `example.com` is not available yet"
            ) && said.contains("name files: `tls CERTIFICATE KEY` in the site"),
            "{said}"
        );
    }
}

/// A gateway that only a named route mounted once counted as one that nobody reaches, and so as a local one.
#[test]
fn the_metrics_of_a_gateway_stay_local_wherever_it_stands() {
    for (interface, shown) in [("127.0.0.1", true), ("0.0.0.0", false)] {
        let gateway = Launch::caddyfile(
            BIN,
            &format!(
                r"{{
                    default_bind {interface}
                }}
                &(models) {{
                    ai_gateway {{
                        provider echo
                        model echo-1 -> echo
                    }}
                }}
                http://:0 {{
                    invoke models
                }}"
            ),
        )
        .start();
        let page = get(&gateway, "/metrics").text();
        assert_eq!(page.contains("ferrogate_build_info"), shown, "{interface}");
    }
}

#[test]
fn traces_go_on_upstream() {
    let upstream = FakeHttp::start("up");
    let gateway = site(&format!(
        "tracing {{\nspan front\n}}\nreverse_proxy {}",
        upstream.address()
    ));
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let came = format!("00-{trace}-00f067aa0ba902b7-01");
    for (told, kept) in [(came.as_str(), true), ("nonsense", false)] {
        Request::get("/")
            .header("traceparent", told)
            .send(gateway.address())
            .expect(200);
        let requests = upstream.requests();
        let sent = requests.last().unwrap().head.field("traceparent").unwrap();
        assert_eq!(sent.len(), came.len(), "{sent}");
        assert_eq!(sent.contains(trace), kept, "{sent}");
        assert_ne!(sent, told);
    }
}

#[test]
fn bodies_and_answers_have_their_time() {
    let upstream = FakeHttp::start("up");
    let gateway = site(&format!(
        r"
        timeouts /slow {{
            read_timeout 50ms
        }}
        reverse_proxy {} {{
            transport http {{
                response_header_timeout 50ms
            }}
        }}
        ",
        upstream.address()
    ));
    assert_eq!(get(&gateway, "/hold").status, 504);
    let mut slow = Request::new("POST", "/slow")
        .header("Content-Length", "10")
        .open(gateway.address());
    assert_eq!(slow.response().status, 408);
}
