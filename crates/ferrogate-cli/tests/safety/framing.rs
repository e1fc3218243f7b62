//! Where a request ends: nobody reads it another way, and nothing of a body becomes a request.

use std::io::{Read as _, Write as _};

use ferrogate_testkit::{Client, FakeHttp, Launch, Request};

use super::{BIN, raw, site, targets, upstream};

const HIDDEN: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/// Sends a request whose body holds another by one reading of its framing, to the gateway itself and through it to an upstream:
/// nobody may take what is hidden for a request, and the next request of somebody else is answered as ever.
fn hides_nothing(framed: impl IntoIterator<Item = (String, String)>) {
    let upstream = FakeHttp::start("up");
    let directives = format!(
        "respond /local fine\nrespond /smuggled found\nreverse_proxy {}",
        upstream.address()
    );
    let global = "servers {\ntimeouts {\nread_header 300ms\nread_body 300ms\n}\n}";
    let gateway = Launch::site_with(BIN, global, &directives).start();
    let last = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for (framing, body) in framed {
        for path in ["/local", "/outer"] {
            let message =
                format!("POST {path} HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{body}{last}");
            let answer = raw(gateway.address(), &message);
            assert!(!answer.contains("found"), "{message:?}: {answer}");
            let seen = targets(&upstream);
            assert!(
                !seen.contains(&"/smuggled".to_owned()),
                "{message:?}: {answer}"
            );
            let next = Request::get("/next").send(gateway.address()).expect(200);
            assert_eq!(next.json()["target"], "/next", "{message:?}");
        }
    }
}

#[test]
fn no_request_hides_in_another() {
    let length = HIDDEN.len();
    let chunks = format!("{length:x}\r\n{HIDDEN}\r\n0\r\n\r\n");
    let by_chunks = [
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding:\u{b}chunked",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding:\r\n chunked",
        "X: y\nTransfer-Encoding: chunked",
        "X: y\rTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nConnection: Transfer-Encoding",
        "Transfer-Encoding: chunked\r\nContent-Length: 3",
    ];
    let by_length = [
        format!("Transfer-Encoding: xchunked\r\nContent-Length: {length}"),
        format!("Content-Length: {length}\r\nContent-Length: 0"),
        format!("Content-Length: {length}\r\nContent-Length: {length}"),
        format!("Content-Length: +{length}"),
        format!("Content-Length: {length}, 0"),
        format!("Content-Length: 0x{length:x}"),
        format!("Content-Length: {length} 0"),
        format!("Content-Length : {length}"),
        format!("Content-Length:\r\n {length}"),
        format!("Content-Length: {length}\r\nConnection: Content-Length"),
        format!("X: y\nContent-Length: {length}"),
        format!("Content-Length: 18446744073709551616{length}"),
    ];
    let by_chunks = by_chunks.map(|framing| (framing.to_owned(), chunks.clone()));
    let by_length = by_length.map(|framing| (framing, HIDDEN.to_owned()));
    hides_nothing(by_chunks.into_iter().chain(by_length));
}

#[test]
fn chunks_are_read_one_way_only() {
    let length = HIDDEN.len();
    let bodies = [
        format!("{length:x};x=\"\n\r\n{HIDDEN}\r\n0\r\n\r\n"),
        format!("{length:x};\n0\r\n\r\n{HIDDEN}"),
        format!("{length:x}\n{HIDDEN}\r\n0\r\n\r\n"),
        format!("0x{length:x}\r\n{HIDDEN}\r\n0\r\n\r\n"),
        format!("+{length:x}\r\n{HIDDEN}\r\n0\r\n\r\n"),
        format!("{length:x} 0\r\n{HIDDEN}\r\n0\r\n\r\n"),
        format!("1\r\nx{length:x}\r\n{HIDDEN}\r\n0\r\n\r\n"),
        format!("1\r\nxyz\r\n{length:x}\r\n{HIDDEN}\r\n0\r\n\r\n"),
        format!("10000000000000000\r\n{HIDDEN}\r\n0\r\n\r\n"),
        format!("{length:x}\r\n{HIDDEN}\r\n0\r\nContent-Length: 0\r\nX: y\r\n\r\n"),
    ];
    hides_nothing(bodies.map(|body| ("Transfer-Encoding: chunked".to_owned(), body)));
}

/// What is left of a body when its answer is sent is no request.
#[test]
fn the_rest_of_a_body_answered_early_is_no_request() {
    let early = upstream(|mut socket| {
        let _taken = socket.read(&mut [0; 4096]).is_ok();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly";
        let _sent = socket.write_all(answer).is_ok();
        // Open until the gateway has done with it.
        let _rest = socket.read_to_end(&mut Vec::new()).is_ok();
    });
    let gateway = site(&format!(
        "respond /local early
        respond /smuggled found
        reverse_proxy {early}"
    ));
    let large = 300_000 / HIDDEN.len();
    for path in ["/local", "/proxied"] {
        for (framing, times, first) in [
            (format!("Content-Length: {}", HIDDEN.len()), 1, 0),
            (format!("Content-Length: {}", HIDDEN.len() + 4), 1, 4),
            (
                format!("Content-Length: {}", HIDDEN.len() * large),
                large,
                0,
            ),
            (
                format!("Content-Length: {}\r\nExpect: 100-continue", HIDDEN.len()),
                1,
                0,
            ),
            ("Transfer-Encoding: chunked".to_owned(), 1, 0),
        ] {
            let mut client = Client::connect(gateway.address());
            client.send(format!(
                "POST {path} HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{}",
                "x".repeat(first)
            ));
            assert_eq!(client.response().text(), "early", "{path} {framing}");
            // The connection may have ended already, which is as good.
            let _sent = client.try_send(HIDDEN.repeat(times)).is_ok();
            let _finished = client
                .try_send("GET /local HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                .is_ok();
            let answers = String::from_utf8_lossy(&client.until_closed()).into_owned();
            assert!(!answers.contains("found"), "{path} {framing}: {answers}");
        }
    }
}

/// A body never loses its framing, whatever the site does to the fields: the rest would be taken for the next request.
#[test]
fn edited_fields_do_not_unframe_a_body() {
    let upstream = FakeHttp::start("up");
    for edit in [
        "header_up -Content-*",
        "header_up -*",
        "header_up Connection Content-Length",
        "header_up Connection Upgrade",
    ] {
        let gateway = site(&format!(
            "reverse_proxy {} {{\n{edit}\n}}",
            upstream.address()
        ));
        for chunked in [false, true] {
            let mut request = Request::new("POST", "/outer").body(HIDDEN);
            if chunked {
                request = Request::new("POST", "/outer")
                    .header("Transfer-Encoding", "chunked")
                    .body(format!("{:x}\r\n{HIDDEN}\r\n0\r\n\r\n", HIDDEN.len()));
            }
            request.send(gateway.address());
            Request::get("/next").send(gateway.address());
            let seen = targets(&upstream);
            let last = upstream
                .requests()
                .into_iter()
                .rev()
                .find(|request| request.head.word(1) != "/next");
            assert!(
                !seen.iter().any(|target| target == "/smuggled"),
                "{edit}, {chunked}: {seen:?}"
            );
            if let Some(last) = last {
                assert_eq!(
                    String::from_utf8_lossy(&last.body),
                    HIDDEN,
                    "{edit}, {chunked}"
                );
            }
        }
    }
}
