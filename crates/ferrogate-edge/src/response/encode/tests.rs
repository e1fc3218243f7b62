//! Tests of the decision to compress.

use ferrogate_types::route::{ResponseMatcher, StatusPattern};
use http::Method;
use proptest::prelude::*;

use super::*;
use crate::testing::{Fixture, compiled};

const GZIP: EncodeFormat = EncodeFormat::Gzip { level: 5 };
const ZSTD: EncodeFormat = EncodeFormat::Zstd {
    level: 3,
    checksum: true,
};
const BR: EncodeFormat = EncodeFormat::Br { level: 4 };

fn layer(condition: Option<ResponseMatcher>) -> Arc<EncodeLayer> {
    let encode = Encode {
        formats: vec![ZSTD, GZIP, BR],
        minimum_length: 512,
        matcher: condition,
    };
    Arc::new(compiled(|compiler| EncodeLayer::compile(&encode, compiler)).unwrap())
}

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_static(value));
    }
    headers
}

#[test]
fn the_client_chooses_and_ties_go_by_order() {
    for (accepted, expected) in [
        ("", None),
        ("identity", None),
        ("*", None),
        ("gzip", Some(GZIP)),
        ("GZIP;q=0.5", Some(GZIP)),
        ("gzip, br, zstd", Some(ZSTD)),
        ("gzip, br", Some(GZIP)),
        ("gzip;q=0.8, br;q=0.9", Some(BR)),
        ("zstd;q=0, br;q=0.1", Some(BR)),
        ("zstd;q=0", None),
        ("gzip ;q=0.5 , br;q=nonsense", Some(BR)),
    ] {
        let mut fixture = Fixture::get("/").with("accept-encoding", accepted);
        let format = layer(None)
            .negotiate(&mut fixture.head)
            .map(|negotiated| negotiated.format());
        assert_eq!(format, expected, "{accepted}");
    }
    for (name, value) in [
        ("cache-control", "max-age=1, no-transform"),
        ("sec-websocket-key", "x"),
    ] {
        let mut fixture = Fixture::get("/")
            .with("accept-encoding", "gzip")
            .with(name, value);
        assert!(layer(None).negotiate(&mut fixture.head).is_none(), "{name}");
    }
}

fn applies(
    condition: Option<ResponseMatcher>,
    status: u16,
    length: Option<u64>,
    lines: &[(&'static str, &'static str)],
) -> bool {
    let mut fixture = Fixture::get("/").with("accept-encoding", "gzip");
    let negotiated = layer(condition).negotiate(&mut fixture.head).unwrap();
    negotiated.applies(status, length, &headers(lines), &fixture.view())
}

#[test]
fn only_what_is_worth_it_is_encoded() {
    let text = ("content-type", "text/html; charset=utf-8");
    for (status, length, lines, expected) in [
        (200, Some(513), &[text][..], true),
        (200, Some(512), &[text], false),
        (200, None, &[text], true),
        (404, Some(1000), &[text], true),
        (206, Some(1000), &[text], false),
        (204, None, &[text], false),
        (304, None, &[text], false),
        (200, Some(1000), &[], false),
        (200, Some(1000), &[("content-type", "image/png")], false),
        (200, Some(1000), &[("content-type", "IMAGE/SVG+XML")], true),
        (200, None, &[("content-type", "text/event-stream")], false),
        (200, None, &[text, ("content-encoding", "br")], false),
        (200, None, &[text, ("cache-control", "no-transform")], false),
    ] {
        assert_eq!(
            applies(None, status, length, lines),
            expected,
            "{status} {length:?} {lines:?}"
        );
    }
    let any = ResponseMatcher {
        name: String::new(),
        status: vec![StatusPattern::Class(2)],
        headers: Vec::new(),
    };
    let events = [("content-type", "text/event-stream")];
    assert!(applies(Some(any.clone()), 200, None, &events));
    assert!(!applies(Some(any), 404, None, &events));
}

#[test]
fn the_header_tells_of_the_encoding() {
    let mut fixture = Fixture::get("/").with("accept-encoding", "gzip");
    let negotiated = layer(None).negotiate(&mut fixture.head).unwrap();
    for (lines, tag, vary) in [
        (
            &[("etag", "\"a\""), ("vary", "Origin")][..],
            "\"a-gzip\"",
            2,
        ),
        (
            &[("etag", "W/\"a\""), ("vary", "accept-encoding")],
            "W/\"a\"",
            1,
        ),
    ] {
        let mut response = headers(lines);
        response.insert(CONTENT_LENGTH, HeaderValue::from_static("5"));
        response.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        negotiated.announce(&mut response);
        assert_eq!(response["content-encoding"], "gzip");
        assert_eq!(response["etag"], tag);
        assert_eq!(response.get_all(VARY).iter().count(), vary);
        assert!(!response.contains_key(CONTENT_LENGTH) && !response.contains_key(ACCEPT_RANGES));
    }
}

#[test]
fn a_tag_makes_the_round_trip() {
    for (sent, inner, answered) in [
        ("\"a-gzip\"", "\"a\"", "\"a-gzip\""),
        ("\"a\"", "\"a\"", "\"a\""),
        ("\"a-zstd\"", "\"a-zstd\"", "\"a-zstd\""),
        ("W/\"a-gzip\"", "W/\"a-gzip\"", "W/\"a-gzip\""),
    ] {
        let mut fixture = Fixture::get("/")
            .with("accept-encoding", "gzip")
            .with("if-none-match", sent);
        let negotiated = layer(None).negotiate(&mut fixture.head).unwrap();
        assert_eq!(fixture.head.headers["if-none-match"], inner);
        let mut response = HeaderMap::new();
        response.insert(ETAG, HeaderValue::from_str(inner).unwrap());
        negotiated.restore_tag(304, &mut response);
        assert_eq!(response["etag"], answered);
    }
}

proptest! {
    #[test]
    fn any_wish_is_read(accepted in "[ -~]{0,40}") {
        let mut fixture = Fixture::get("/").with("accept-encoding", &accepted);
        fixture.head.method = Method::HEAD;
        if let Some(negotiated) = layer(None).negotiate(&mut fixture.head) {
            prop_assert!(accepted.to_lowercase().contains(token(negotiated.format())));
        }
    }
}
