//! Sites without upstreams: answers, matchers, hosts, ids.

use ferrogate_testkit::{Gateway, Launch, Request, Response};

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");

fn site(directives: &str) -> Gateway {
    Launch::site(BIN, directives).start()
}

/// Status, body and the field that matters, `-` when it is absent.
fn shown(response: &Response, field: &str) -> (u16, String, String) {
    (
        response.status,
        response.text(),
        response.head.field(field).unwrap_or("-").to_owned(),
    )
}

#[test]
fn static_answers() {
    let gateway = site(
        r#"
        header /tagged X-Tag "{method} {path}"
        header -Server
        respond /hello "Hello, {query.name}!" 201
        respond /empty 204
        respond /tagged yes
        redir /old /new
        redir /moved https://example.com{uri} permanent
        rewrite /before /after
        uri /strip/* strip_prefix /strip
        handle_path /sub/* {
            respond "sub {path}"
        }
        handle /block* {
            respond "block {path}"
        }
        error /broken "no" 503
        respond "fallback {path}"
        "#,
    );
    for (target, status, body, field, value) in [
        (
            "/hello?name=Ada",
            201,
            "Hello, Ada!",
            "content-length",
            "11",
        ),
        ("/empty", 204, "", "content-length", "-"),
        ("/tagged", 200, "yes", "x-tag", "GET /tagged"),
        ("/old", 302, "", "location", "/new"),
        (
            "/moved?a=b",
            301,
            "",
            "location",
            "https://example.com/moved?a=b",
        ),
        ("/before", 200, "fallback /after", "server", "-"),
        ("/strip/x", 200, "fallback /x", "server", "-"),
        ("/sub/a/b", 200, "sub /a/b", "server", "-"),
        ("/blocked", 200, "block /blocked", "server", "-"),
        // What waits for an answer does not see an error's: Caddy does the same.
        ("/broken", 503, "", "server", "Ferrogate"),
        ("/else", 200, "fallback /else", "server", "-"),
    ] {
        let response = Request::get(target).send(gateway.address());
        assert_eq!(
            shown(&response, field),
            (status, body.to_owned(), value.to_owned()),
            "{target}"
        );
    }
}

#[test]
fn matchers_decide() {
    let gateway = site(
        r"
        @posted method POST
        @tagged header X-Tag on*
        @asked query a=1
        @both {
            path /x/*
            not method DELETE
        }
        respond @posted posted
        respond @tagged tagged
        respond @asked asked
        respond @both both
        respond nobody 404
        ",
    );
    for (request, body) in [
        (Request::new("POST", "/").body(""), "posted"),
        (Request::get("/").header("X-Tag", "once"), "tagged"),
        (Request::get("/").header("X-Tag", "off"), "nobody"),
        (Request::get("/?b=2&a=1"), "asked"),
        (Request::get("/x/y"), "both"),
        (Request::new("DELETE", "/x/y"), "nobody"),
    ] {
        assert_eq!(request.send(gateway.address()).text(), body, "{request:?}");
    }
}

#[test]
fn hosts_choose_the_site() {
    let text = "{\n\tdefault_bind 127.0.0.1\n}\n\
        http://a.example:0 {\n\trespond a\n}\n\
        http://*.example:0 {\n\trespond \"wild {host}\"\n}\n\
        http://:0 {\n\trespond rest\n}\n";
    let gateway = Launch::caddyfile(BIN, text).start();
    for (host, body) in [
        ("a.example", "a"),
        ("A.EXAMPLE:80", "a"),
        ("b.example", "wild b.example"),
        ("c.b.example", "rest"),
        ("x", "rest"),
    ] {
        assert_eq!(
            Request::get("/").host(host).send(gateway.address()).text(),
            body,
            "{host}"
        );
    }
}

#[test]
fn abort_closes_without_an_answer() {
    let gateway = site("abort /gone\nrespond here");
    let mut client = Request::get("/gone").open(gateway.address());
    assert!(client.until_closed().is_empty());
    assert_eq!(Request::get("/").send(gateway.address()).text(), "here");
}

#[test]
fn ids_are_taken_over_or_made() {
    let gateway = site("respond ok");
    let trace = "0af7651916cd43dd8448eb211c80319c";
    for (name, value, kept) in [
        (
            "traceparent",
            format!("00-{trace}-b7ad6b7169203331-01"),
            true,
        ),
        ("X-Request-Id", trace.to_owned(), true),
        ("X-Request-Id", "not an id".to_owned(), false),
        (
            "traceparent",
            format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            false,
        ),
    ] {
        let response = Request::get("/")
            .header(name, &value)
            .send(gateway.address());
        assert_eq!(
            response.header("x-request-id") == trace,
            kept,
            "{name}: {value}"
        );
    }
}
