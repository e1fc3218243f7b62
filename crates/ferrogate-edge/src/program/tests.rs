//! Tests of whole programs.

mod indexed;
mod resumed;
mod set;

use ferrogate_types::Template;
use ferrogate_types::route::{Handler, HeaderEdits, HeaderOp, Matcher, RedirectCode, UriOp, Value};
use http::HeaderMap;

use super::*;
use crate::response::Finish;
use crate::testing::{Fixture, program, route};

fn path(patterns: &[&str]) -> Vec<Matcher> {
    vec![Matcher::Path(
        patterns
            .iter()
            .map(|pattern| Template::from(*pattern))
            .collect(),
    )]
}

fn respond(body: &str) -> Route {
    respond_if(&[], body)
}

fn respond_if(matchers: &[Matcher], body: &str) -> Route {
    route(
        "respond",
        matchers,
        Handler::Respond {
            status: None,
            body: Some(body.into()),
            close: false,
        },
    )
}

fn rewrite_if(matchers: &[Matcher], to: &str) -> Route {
    route("rewrite", matchers, Handler::Rewrite { to: to.into() })
}

fn handle_if(matchers: &[Matcher], routes: Vec<Route>) -> Route {
    route("handle", matchers, Handler::Handle(routes))
}

fn set(field: &str, value: &str) -> HeaderOp {
    HeaderOp::Set {
        field: field.into(),
        value: value.into(),
    }
}

fn header(immediate: Vec<HeaderOp>, deferred: Vec<HeaderOp>) -> Route {
    route(
        "header",
        &[],
        Handler::Header(HeaderEdits {
            immediate,
            deferred,
            matcher: None,
        }),
    )
}

/// The body answered, or the verdict in words.
fn outcome(routes: &[Route], fixture: &mut Fixture) -> String {
    match fixture.run(&program(routes).unwrap()) {
        Verdict::Respond(answer) => String::from_utf8(answer.body.to_vec()).unwrap(),
        other => format!("{other:?}"),
    }
}

fn check(routes: &[Route], target: &str, expected: &str) {
    assert_eq!(
        outcome(routes, &mut Fixture::get(target)),
        expected,
        "{target}"
    );
}

#[test]
fn the_first_answer_wins() {
    let routes = [
        respond_if(&path(&["/a"]), "a"),
        respond_if(&path(&["/a*"]), "prefix"),
        respond("rest"),
    ];
    check(&routes, "/a", "a");
    check(&routes, "/ab", "prefix");
    check(&routes, "/b", "rest");
    check(&routes[..2], "/b", "Unhandled");
    check(&[], "/", "Unhandled");
}

#[test]
fn matchers_see_earlier_rewrites() {
    let routes = [
        respond_if(&path(&["/new"]), "too early"),
        rewrite_if(&path(&["/old"]), "/new"),
        respond_if(&path(&["/old"]), "too late"),
        respond_if(&path(&["/new"]), "{uri} was {orig_uri}"),
    ];
    check(&routes, "/old?q", "/new?q was /old?q");
}

#[test]
fn rewrites_of_one_list_exclude_one_another() {
    let routes = [
        rewrite_if(&path(&["/a"]), "/b"),
        rewrite_if(&path(&["/b"]), "/c"),
        route(
            "route",
            &[],
            Handler::Route(vec![rewrite_if(&path(&["/b"]), "/d{path}")]),
        ),
        respond("{path}"),
    ];
    check(&routes, "/a", "/d/b");
    check(&routes, "/b", "/c");
}

#[test]
fn handles_exclude_one_another_and_let_go() {
    let routes = [
        handle_if(
            &path(&["/a/*"]),
            vec![respond_if(&path(&["/a/1"]), "inner")],
        ),
        handle_if(&[], vec![respond_if(&path(&["/b"]), "fallback")]),
        respond("site"),
    ];
    check(&routes, "/a/1", "inner");
    check(&routes, "/a/2", "site");
    check(&routes, "/b", "fallback");
    check(&routes, "/c", "site");
}

#[test]
fn neighbours_with_one_condition_run_together() {
    let uri = |matchers: &[Matcher], op| route("uri", matchers, Handler::Uri(op));
    let strip = || UriOp::StripPrefix("/api".into());
    let cut = || UriOp::StripSuffix("x".into());
    let routes = [
        uri(&path(&["/api/*"]), strip()),
        uri(&path(&["/api/*"]), cut()),
        uri(&path(&["/y*"]), strip()),
        respond("{uri}"),
    ];
    // The second matches no longer by itself when its turn comes.
    check(&routes, "/api/yx", "/y");
    check(&routes, "/other/x", "/other/x");
    let root = |path: &str| route("root", &[], Handler::Root(path.into()));
    let routes = [
        root("/a"),
        root("/b"),
        handle_if(&path(&["/1"]), vec![]),
        handle_if(&path(&["/1"]), vec![respond("second")]),
        handle_if(&[], vec![respond("{vars.root}")]),
    ];
    check(&routes, "/1", "second");
    check(&routes, "/2", "/b");
    let only_one = [
        rewrite_if(&path(&["/1"]), "/2"),
        rewrite_if(&path(&["/1"]), "/3"),
        respond("{uri}"),
    ];
    check(&only_one, "/1", "/2");
}

#[test]
fn handle_path_strips_first() {
    let strip = route("uri", &[], Handler::Uri(UriOp::StripPrefix("/api".into())));
    let routes = [
        handle_if(&path(&["/api/*"]), vec![strip, respond("{uri} {orig_uri}")]),
        respond("{uri}"),
    ];
    check(&routes, "/api/x?y", "/x?y /api/x?y");
    check(&routes, "/other", "/other");
}

#[test]
fn an_untouched_target_stays_byte_for_byte() {
    let routes = [
        respond_if(&path(&["/none"]), ""),
        rewrite_if(&path(&["/none"]), "/x"),
    ];
    for target in [
        "/a%2Fb",
        "/%41",
        "/a//b",
        "/a%2fb/../c",
        "/?a;b=%zz",
        "/\"{}|",
    ] {
        let mut fixture = Fixture::get(target);
        assert_eq!(outcome(&routes, &mut fixture), "Unhandled");
        assert_eq!(fixture.target(), target);
        assert_eq!(fixture.exchange.original_target(), None);
    }
}

#[test]
fn variables_and_request_headers_reach_later_routes() {
    let vars = vec![("a".to_owned(), Value::Text("{method}{nope}".into()))];
    let routes = [
        route("vars", &[], Handler::Vars(vars)),
        route(
            "request_header",
            &[],
            Handler::RequestHeader(vec![set("X-A", "{vars.a}!"), set("Host", "other")]),
        ),
        respond("{header.X-A} {vars.a} {host}"),
    ];
    check(&routes, "/", "GET! GET other");
}

#[test]
fn other_verdicts() {
    let error = Handler::Error {
        status: Some("404".into()),
        message: Some("gone".into()),
    };
    check(
        &[route("error", &[], error), respond("x")],
        "/",
        "Fail(404, \"gone\")",
    );
    check(&[route("abort", &[], Handler::Abort)], "/", "Abort");
    let status = Handler::Respond {
        status: Some("{query.s}".into()),
        body: None,
        close: false,
    };
    check(
        &[route("respond", &[], status)],
        "/",
        "Fail(500, \"status `` is no number from 200 to 999\")",
    );
}

#[test]
fn a_gateway_passes_on_what_it_does_not_serve() {
    let gateway = |index| route("ai_gateway", &[], Handler::AiGateway(index));
    let routes = [gateway(1), gateway(0), respond("site")];
    check(&routes, "/v1/models?x", "AiGateway(0)");
    check(&routes, "/v1/unknown", "site");
}

#[test]
fn response_headers_are_added_then_edited() {
    let routes = [
        header(
            vec![set("X-Now", "1"), set("Content-Type", "text/x")],
            vec![],
        ),
        header(
            vec![],
            vec![
                set("X-Late", "{http.response.header.X-Now}"),
                set("X-Order", "outer"),
            ],
        ),
        header(
            vec![],
            vec![
                set("X-Order", "inner"),
                HeaderOp::Delete {
                    field: "Server".to_owned(),
                },
            ],
        ),
        respond("body"),
    ];
    let mut fixture = Fixture::get("/");
    let Verdict::Respond(answer) = fixture.run(&program(&routes).unwrap()) else {
        panic!("no answer")
    };
    assert_eq!(answer.field, None, "a type set before is kept");
    let mut response = HeaderMap::new();
    response.insert("server", "x".parse().unwrap());
    response.insert("x-now", "0".parse().unwrap());
    let mut status = answer.status;
    let finish = fixture.exchange.finish_response(
        &fixture.head,
        &fixture.connection,
        &mut status,
        None,
        &mut response,
    );
    assert_eq!(finish, Finish::Send { encoding: None });
    let mut shown: Vec<String> = response
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    shown.sort_unstable();
    let expected = [
        "content-type: text/x",
        "x-late: 0,1",
        "x-now: 0",
        "x-now: 1",
        "x-order: outer",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn a_redirect_owns_its_location() {
    let redirect = Handler::Redirect {
        to: "/to".into(),
        code: RedirectCode::Status(302),
    };
    let routes = [
        header(vec![set("Location", "/wrong")], vec![]),
        route("redir", &[], redirect),
    ];
    let mut fixture = Fixture::get("/");
    let Verdict::Respond(answer) = fixture.run(&program(&routes).unwrap()) else {
        panic!("no answer")
    };
    assert_eq!(
        (answer.status, answer.field.unwrap().1.as_bytes()),
        (302, &b"/to"[..])
    );
    assert!(!fixture.exchange.response_headers().contains_key("location"));
}

#[test]
fn every_error_is_reported_with_its_place() {
    let routes = [
        route(
            "uri",
            &[],
            Handler::Uri(UriOp::PathRegexp {
                find: "(".to_owned(),
                to: "".into(),
            }),
        ),
        handle_if(&[], vec![respond_if(&path(&["/[x"]), "a")]),
    ];
    let errors: Vec<String> = program(&routes)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    let expected = [
        "Caddyfile:1: `uri` has an invalid expression `(`: error: unclosed group",
        "Caddyfile:1: `respond` has a path pattern `/[x` that has a `[` that is not closed",
    ];
    assert_eq!(errors, expected);
}

#[test]
fn explains_every_step() {
    let routes = [
        handle_if(&path(&["/a"]), vec![]),
        handle_if(&path(&["/a"]), vec![]),
        handle_if(&path(&["/B"]), vec![rewrite_if(&[], "/c")]),
        handle_if(&path(&["/B"]), vec![]),
        handle_if(&[], vec![]),
        respond_if(&path(&["/c"]), "done"),
    ];
    let mut fixture = Fixture::get("/b");
    let compiled = program(&routes).unwrap();
    let (verdict, steps) = compiled.explain(
        &mut compiled.start(),
        &mut fixture.head,
        &fixture.connection,
        &mut fixture.exchange,
        &|_, _| false,
    );
    assert!(matches!(verdict, Verdict::Respond(_)));
    let mut noted = Fixture::get("/b");
    noted.exchange.note_steps();
    noted.run(&compiled);
    assert_eq!(noted.exchange.steps(), steps);
    let shown: Vec<String> = steps
        .iter()
        .map(|step| {
            format!(
                "{} {} {}: {}",
                step.depth, step.origin.directive, step.matched, step.why
            )
        })
        .collect();
    let expected = [
        "0 handle false: `@m` does not hold: path is `/b`",
        "0 handle false: the one before did not run",
        "0 handle true: `@m` holds",
        "1 rewrite true: no condition",
        "0 handle true: the one before ran",
        "0 handle false: another `handle` of this block ran",
        "0 respond true: `@m` holds",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn everything_may_cross_threads() {
    fn check<T: Send + Sync + 'static>() {}
    check::<Program>();
    check::<Verdict>();
    check::<Cursor>();
    check::<Exchange>();
    check::<crate::HostIndex>();
    check::<crate::Lease>();
    check::<crate::UpstreamRegistry>();
}
