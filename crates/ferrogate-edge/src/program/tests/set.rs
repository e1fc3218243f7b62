//! Tests of directives that set something for later.

use std::time::Duration;

use ferrogate_types::route::{BodyTimeouts, Map, MapInput, MapLine, RequestBody, Tracing};

use super::*;
use crate::value::Scalar;

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn map(source: &str, destinations: &[&str], lines: Vec<MapLine>, defaults: Vec<Value>) -> Route {
    route(
        "map",
        &[],
        Handler::Map(Map {
            source: source.into(),
            destinations: destinations.iter().map(|&name| name.to_owned()).collect(),
            lines,
            defaults,
        }),
    )
}

fn line(input: MapInput, outputs: Vec<Option<Value>>) -> MapLine {
    MapLine { input, outputs }
}

fn exact(text: &str) -> MapInput {
    MapInput::Exact(text.to_owned())
}

#[test]
fn maps_are_looked_up_when_they_are_read() {
    let lines = vec![
        line(exact("/x"), vec![Some(Value::Integer(1)), None]),
        line(
            MapInput::Regexp("^/x(.*)".to_owned()),
            vec![Some(text("r${1}")), Some(text("q-{method}"))],
        ),
    ];
    let routes = [
        rewrite_if(&path(&["/early"]), "/x"),
        map("{path}", &["a", "b"], lines, vec![text("da")]),
        rewrite_if(&path(&["/late"]), "/xy"),
        respond("{a}|{b}|{c}"),
    ];
    for (target, expected) in [
        ("/x", "1|q-GET|{c}"),
        ("/early", "1|q-GET|{c}"),
        // Changed after the map, before its values are read.
        ("/late", "ry|q-GET|{c}"),
        ("/xé", "ré|q-GET|{c}"),
        // No line fits and there is one default: the other is empty, as in Caddy.
        ("/z", "da||{c}"),
    ] {
        check(&routes, target, expected);
    }
    // A placeholder that some map sets means nothing where that map did not run.
    check(&routes[3..], "/x", "{a}|{b}|{c}");
}

#[test]
fn a_map_that_needs_itself_is_refused() {
    let routes = [
        map("{b}", &["a"], Vec::new(), vec![text("x")]),
        map("{path}", &["b"], Vec::new(), vec![text("{c}")]),
        map("{a}", &["c"], Vec::new(), Vec::new()),
    ];
    let errors = program(&routes).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "Caddyfile:1: `map` sets `{c}` from a value that needs it"
    );
}

#[test]
fn settings_are_noted() {
    let value = |value: Value, key: &str, early| {
        route(
            "log_append",
            &[],
            Handler::LogAppend {
                key: key.to_owned(),
                value,
                early,
            },
        )
    };
    let routes = [
        route(
            "request_body",
            &[],
            Handler::RequestBody(RequestBody {
                max_size: Some(10),
                set: Some("{path}".into()),
            }),
        ),
        route(
            "timeouts",
            &[],
            Handler::Timeouts(BodyTimeouts {
                read: Some(Duration::from_secs(1)),
                write: None,
            }),
        ),
        route(
            "timeouts",
            &[],
            Handler::Timeouts(BodyTimeouts {
                read: None,
                write: Some(Duration::from_secs(2)),
            }),
        ),
        route("log_skip", &[], Handler::LogSkip),
        route("log_name", &[], Handler::LogName(vec!["a".to_owned()])),
        value(text("{path}"), "early", true),
        value(text("{path}"), "late", false),
        value(Value::Integer(7), "typed", false),
        rewrite_if(&[], "/new"),
    ];
    let mut fixture = Fixture::get("/old");
    fixture.run(&program(&routes).unwrap());
    let exchange = &fixture.exchange;
    assert_eq!(exchange.body_limit(), Some(10));
    assert_eq!(exchange.body_replacement().unwrap(), "/old");
    assert_eq!(exchange.read_timeout(), Some(Duration::from_secs(1)));
    assert_eq!(exchange.write_timeout(), Some(Duration::from_secs(2)));
    assert!(exchange.log_skipped());
    assert_eq!(exchange.log_names().unwrap(), ["a".into()]);
    let fields = exchange.log_fields(&fixture.head, &fixture.connection, None);
    let fields: Vec<_> = fields
        .iter()
        .map(|(key, value)| (&**key, value.clone()))
        .collect();
    assert_eq!(
        fields,
        [
            ("early", Scalar::from("/old")),
            ("late", Scalar::from("/new")),
            ("typed", Scalar::Integer(7)),
        ]
    );
}

#[test]
fn traces_continue_or_begin() {
    let routes = [
        route(
            "tracing",
            &[],
            Handler::Tracing(Tracing {
                span: Some("{method}".into()),
                attributes: vec![("path".to_owned(), "{path}".into())],
            }),
        ),
        respond("{http.vars.trace_id} {vars.span_id}"),
    ];
    let program = program(&routes).unwrap();
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut fixture = Fixture::get("/a").with("traceparent", parent);
    let body = outcome(&routes, &mut fixture);
    let trace = fixture.exchange.trace().unwrap();
    assert_eq!(body, format!("{} {}", trace.trace_id(), trace.span_id()));
    assert_eq!(
        trace.trace_id().to_string(),
        "4bf92f3577b34da6a3ce929d0e0e4736"
    );
    assert_eq!(trace.parent_id().unwrap().to_string(), "00f067aa0ba902b7");
    assert_eq!(trace.name(), "GET");
    assert_eq!(
        trace.header_value().to_str().unwrap(),
        format!("00-{}-{}-01", trace.trace_id(), trace.span_id())
    );
    let attributes = trace.attributes(&fixture.head, &fixture.connection, &fixture.exchange, None);
    assert_eq!(attributes, [("path".into(), "/a".to_owned())]);
    let mut fixture = Fixture::get("/a").with("traceparent", "nonsense");
    fixture.run(&program);
    let trace = fixture.exchange.trace().unwrap();
    assert!(trace.parent_id().is_none() && trace.is_sampled());
}
