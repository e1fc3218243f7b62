//! Tests of header edits.

use http::HeaderMap;
use proptest::prelude::*;

use super::*;
use crate::testing::{Fixture, compiled};

fn text(source: &str) -> Template {
    Template::from(source)
}

fn set(field: &str, value: &str) -> HeaderOp {
    HeaderOp::Set {
        field: text(field),
        value: text(value),
    }
}

fn add(field: &str, value: &str) -> HeaderOp {
    HeaderOp::Add {
        field: text(field),
        value: text(value),
    }
}

fn default(field: &str, value: &str) -> HeaderOp {
    HeaderOp::Default {
        field: text(field),
        value: text(value),
    }
}

fn delete(field: &str) -> HeaderOp {
    HeaderOp::Delete {
        field: field.to_owned(),
    }
}

fn replace(field: &str, find: &str, replace: &str) -> HeaderOp {
    HeaderOp::Replace {
        field: field.to_owned(),
        find: find.to_owned(),
        replace: text(replace),
    }
}

/// Applies edits to an answer; returns its lines, sorted by name.
fn apply(
    ops: &[HeaderOp],
    lines: &[(&'static str, &'static str)],
    fixture: &Fixture,
) -> Vec<String> {
    let edits = compiled(|compiler| Edits::compile(ops, compiler)).unwrap();
    let mut response = HeaderMap::new();
    for (name, value) in lines {
        response.append(*name, HeaderValue::from_static(value));
    }
    edits.apply(&mut ResponseTarget {
        request: &fixture.head,
        connection: &fixture.connection,
        exchange: &fixture.exchange,
        response: &mut response,
    });
    let mut shown: Vec<String> = response
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    shown.sort_unstable();
    shown
}

fn check(ops: &[HeaderOp], lines: &[(&'static str, &'static str)], expected: &[&str]) {
    let fixture = Fixture::get("/a?evil=%0d%0aX-Injected:%201&dollar=$1");
    assert_eq!(apply(ops, lines, &fixture), expected, "{ops:?}");
}

#[test]
fn edits_do_what_they_say() {
    check(
        &[set("X-A", "{path}")],
        &[("x-a", "0"), ("x-a", "1")],
        &["x-a: /a"],
    );
    check(&[set("X-A", "1"), set("x-a", "2")], &[], &["x-a: 2"]);
    check(&[set("X-{method}", "{nope}")], &[], &["x-get: {nope}"]);
    check(&[set("X-A", "")], &[], &["x-a: "]);
    check(&[add("X-A", "2")], &[("x-a", "1")], &["x-a: 1", "x-a: 2"]);
    check(
        &[default("X-A", "2"), default("X-B", "3")],
        &[("x-a", "1")],
        &["x-a: 1", "x-b: 3"],
    );
    check(
        &[delete("X-*")],
        &[("x-a", "1"), ("x-b", "1"), ("y-x-", "1")],
        &["y-x-: 1"],
    );
    check(&[delete("*-X")], &[("a-x", "1"), ("x-a", "1")], &["x-a: 1"]);
    check(&[delete("*b*")], &[("abc", "1"), ("ac", "1")], &["ac: 1"]);
    check(&[delete("Server")], &[("server", "1")], &[]);
}

#[test]
fn replacements_reach_every_line() {
    let lines = [("x-a", "one=1"), ("x-a", "two=2"), ("x-b", "one=3")];
    check(
        &[replace("x-a", "([a-z]+)=", "$1:")],
        &lines,
        &["x-a: one:1", "x-a: two:2", "x-b: one=3"],
    );
    check(
        &[replace("*", "one", "1")],
        &lines,
        &["x-a: 1=1", "x-a: two=2", "x-b: 1=3"],
    );
    check(
        &[replace("x-b", "(one).*", "{query.dollar}")],
        &lines,
        &["x-a: one=1", "x-a: two=2", "x-b: $1"],
    );
    check(
        &[replace("x-none", ".*", "x")],
        &[("x-a", "1")],
        &["x-a: 1"],
    );
}

#[test]
fn the_order_is_fixed() {
    let ops = [
        replace("x-a", "2", "3"),
        delete("x-b"),
        set("x-a", "2"),
        add("x-b", "1"),
        delete("*"),
    ];
    check(&ops, &[("x-c", "1")], &["x-a: 3"]);
    check(&[delete("server"), default("server", "x")], &[], &[]);
}

#[test]
fn framing_is_out_of_reach() {
    let framing = [("content-length", "5"), ("transfer-encoding", "chunked")];
    let kept = ["content-length: 5", "transfer-encoding: chunked"];
    check(
        &[
            delete("*"),
            delete("Content-Length"),
            replace("*", ".*", "x"),
        ],
        &framing,
        &kept,
    );
    check(
        &[set("{env.NONE}Content-{header.none}Length", "6")],
        &framing,
        &kept,
    );
    for op in [
        set("Content-Length", "1"),
        add("transfer-encoding", "chunked"),
        set("a b", "1"),
        set("a", "x\ny"),
    ] {
        assert!(
            compiled(|compiler| Edits::compile(std::slice::from_ref(&op), compiler)).is_err(),
            "{op:?}"
        );
    }
    assert!(compiled(|compiler| Edits::compile(&[replace("a", "(", "")], compiler)).is_err());
}

#[test]
fn values_cannot_inject_a_line() {
    check(
        &[set("X-A", "v{query.evil}")],
        &[],
        &["x-a: vX-Injected: 1"],
    );
    check(&[set("X-{query.evil}", "v")], &[], &[]);
    check(
        &[replace("x-a", "1", "{query.evil}")],
        &[("x-a", "1")],
        &["x-a: X-Injected: 1"],
    );
}

#[test]
fn values_see_the_answer() {
    check(
        &[add("X-B", "{http.response.header.X-A}")],
        &[("x-a", "1"), ("x-a", "2")],
        &["x-a: 1", "x-a: 2", "x-b: 1,2"],
    );
}

proptest! {
    #[test]
    fn no_value_is_invalid(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let value = header_value(&bytes);
        prop_assert!(value.as_bytes().iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f)));
    }
}
