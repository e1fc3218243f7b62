//! Tests of layers on whole answers.

use ferrogate_types::route::Handler;
use ferrogate_types::route::{
    Encode, HeaderEdits, HeaderMatch, HeaderOp, Intercept, ResponseAction, ResponseHandler,
    ResponseMatcher, Route, StatusPattern, TextPattern,
};

use super::*;
use crate::testing::{Fixture, program, route};

fn matcher(status: &[StatusPattern], headers: &[(&str, &str)]) -> ResponseMatcher {
    ResponseMatcher {
        name: String::new(),
        status: status.to_vec(),
        headers: headers
            .iter()
            .map(|(field, value)| HeaderMatch {
                field: (*field).to_owned(),
                values: vec![TextPattern::Prefix((*value).into())],
            })
            .collect(),
    }
}

fn header(field: &str, value: &str, matcher: Option<ResponseMatcher>) -> Route {
    let edits = HeaderEdits {
        immediate: Vec::new(),
        deferred: vec![HeaderOp::Add {
            field: field.into(),
            value: value.into(),
        }],
        matcher,
    };
    route("header", &[], Handler::Header(edits))
}

fn replace_status(matcher: Option<ResponseMatcher>, status: &str) -> Route {
    let handler = ResponseHandler {
        matcher,
        action: ResponseAction::ReplaceStatus(status.into()),
        origin: route("replace_status", &[], Handler::Abort).origin,
    };
    let intercept = Intercept {
        responses: vec![handler],
    };
    route("intercept", &[], Handler::Intercept(intercept))
}

/// Runs routes, then finishes an answer with this status and type; shows what came of it.
fn finish(routes: &[Route], status: u16, kind: &str) -> String {
    let mut fixture = Fixture::get("/").with("accept-encoding", "gzip");
    fixture.run(&program(routes).unwrap());
    let (mut status, mut response) = (status, HeaderMap::new());
    response.insert("content-type", kind.parse().unwrap());
    let finish = fixture.finish(&mut status, Some(1000), &mut response);
    let lines = |name: &str| {
        let lines = response.get_all(name).iter();
        lines
            .map(|line| line.to_str().unwrap())
            .collect::<Vec<_>>()
            .join(",")
    };
    let encoding = match finish {
        Finish::Send { encoding } => encoding.is_some(),
        other => return format!("{other:?}"),
    };
    format!("{status} a={} encoded={encoding}", lines("x-a"))
}

#[test]
fn the_last_directive_comes_first() {
    let routes = [header("X-A", "outer", None), header("X-A", "inner", None)];
    assert_eq!(
        finish(&routes, 200, "image/png"),
        "200 a=inner,outer encoded=false"
    );
}

#[test]
fn edits_are_made_to_answers_that_match() {
    let routes = [
        header(
            "X-A",
            "error",
            Some(matcher(
                &[StatusPattern::Class(5), StatusPattern::Code(404)],
                &[],
            )),
        ),
        header(
            "X-A",
            "text",
            Some(matcher(&[], &[("content-type", "text/")])),
        ),
        header(
            "X-A",
            "both",
            Some(matcher(
                &[StatusPattern::Class(2)],
                &[("content-type", "text/")],
            )),
        ),
    ];
    for (status, kind, expected) in [
        (200, "text/plain", "both,text"),
        (404, "text/plain", "text,error"),
        (404, "image/png", "error"),
        (503, "image/png", "error"),
        (200, "image/png", ""),
    ] {
        assert_eq!(
            finish(&routes, status, kind),
            format!("{status} a={expected} encoded=false")
        );
    }
}

#[test]
fn outer_layers_see_the_replaced_status() {
    let gone = || Some(matcher(&[StatusPattern::Code(410)], &[]));
    let lost = || Some(matcher(&[StatusPattern::Code(404)], &[]));
    let routes = [
        header("X-A", "outer", gone()),
        replace_status(lost(), "{query.none}410"),
        header("X-A", "inner", lost()),
    ];
    assert_eq!(
        finish(&routes, 404, "image/png"),
        "410 a=inner,outer encoded=false"
    );
    assert_eq!(finish(&routes, 200, "image/png"), "200 a= encoded=false");
    assert_eq!(
        finish(&[replace_status(None, "nope")], 200, "image/png"),
        "Fail { status: 500, message: \"status `nope` is no number from 200 to 999\" }"
    );
}

#[test]
fn a_body_is_encoded_once() {
    let encode = || {
        route(
            "encode",
            &[],
            Handler::Encode(Encode {
                formats: vec![EncodeFormat::Gzip { level: 5 }],
                minimum_length: 512,
                matcher: None,
            }),
        )
    };
    let routes = [
        encode(),
        header(
            "X-A",
            "encoded",
            Some(matcher(&[], &[("content-encoding", "gzip")])),
        ),
        encode(),
    ];
    assert_eq!(
        finish(&routes, 200, "text/plain"),
        "200 a=encoded encoded=true"
    );
}
