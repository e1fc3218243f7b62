//! Tests of the `uri` directive.

use ferrogate_types::Template;
use proptest::prelude::*;

use super::*;
use crate::testing::{Fixture, compiled};

fn edit(op: &UriOp, from: impl Into<Vec<u8>>) -> Option<String> {
    let edit = compiled(|compiler| UriEdit::compile(op, compiler))
        .unwrap()
        .unwrap();
    edit.target(&Fixture::get(from).view())
}

fn check(op: &UriOp, from: &str, expected: Option<&str>) {
    assert_eq!(edit(op, from).as_deref(), expected, "{from} by {op:?}");
}

fn text(source: &str) -> Template {
    Template::from(source)
}

#[test]
fn strips_a_prefix() {
    for (prefix, from, expected) in [
        ("/api", "/api/x?q", Some("/x?q")),
        ("/api", "/API/x", Some("/x")),
        ("api", "/api/x", Some("/x")),
        ("/api", "/apix", Some("/x")),
        ("/api", "/api", Some("/")),
        ("/api", "/other", None),
        ("/api", "/ap", None),
        ("/api", "//api//x", Some("/x")),
        ("/api", "/%61pi/a%2Fb", Some("/a%2Fb")),
        ("/a%2fb", "/a%2Fb/c", Some("/c")),
        ("/a%2fb", "/a/b/c", None),
        ("/a//b", "/a//b/c", Some("/c")),
        ("{query.p}", "/x/y?p=/x", Some("/y?p=/x")),
    ] {
        check(&UriOp::StripPrefix(text(prefix)), from, expected);
    }
}

#[test]
fn strips_a_suffix() {
    for (suffix, from, expected) in [
        (".html", "/a.HTML?q", Some("/a?q")),
        (".html", "/a", None),
        ("/a", "/a", Some("/")),
        ("%2fb", "/a%2Fb", Some("/a")),
        (".html", "/a%2Ehtml", Some("/a")),
    ] {
        check(&UriOp::StripSuffix(text(suffix)), from, expected);
    }
}

#[test]
fn replaces_text_in_path_and_query() {
    let replace = |find: &str, to: &str, limit| UriOp::Replace {
        find: text(find),
        to: text(to),
        limit,
    };
    check(&replace("/", "-", None), "/a/b?c=/d", Some("/-a-b?c=-d"));
    check(&replace("a", "b", Some(1)), "/aa?aa", Some("/ba?ba"));
    check(&replace("%20", "_", None), "/a%20b", Some("/a_b"));
    check(&replace("z", "y", None), "/a?b", None);
    check(&replace("", "y", None), "/a?b", None);
    check(
        &replace("x", "?# ", None),
        "/x?x",
        Some("/%3F%23%20??%23%20"),
    );
}

#[test]
fn replaces_by_expression_in_the_path_only() {
    let regexp = |find: &str, to: &str| UriOp::PathRegexp {
        find: find.to_owned(),
        to: text(to),
    };
    check(&regexp("/{2,}", "/"), "/a//b///c?d//e", Some("/a/b/c?d//e"));
    check(&regexp("^/v([0-9]+)/", "/${1}/"), "/v12/x", Some("/12/x"));
    check(&regexp("z", "y"), "/a", None);
    // A group that a value of the request names is text.
    check(
        &regexp("^/(secret)$", "/x-{query.q}"),
        "/secret?q=$1",
        Some("/x-$1?q=$1"),
    );
}

#[test]
fn edits_the_query_in_a_fixed_order() {
    let ops = vec![
        QueryOp::Delete { key: text("gone") },
        QueryOp::Replace {
            key: text("*"),
            find: "o+".to_owned(),
            to: text("0"),
        },
        QueryOp::Add {
            key: text("b"),
            value: text("foo"),
        },
        QueryOp::Set {
            key: text("c"),
            value: text("{path} &"),
        },
        QueryOp::Rename {
            from: text("old"),
            to: text("new"),
        },
        QueryOp::Rename {
            from: text("absent"),
            to: text("b"),
        },
    ];
    let op = UriOp::Query(ops);
    check(
        &op,
        "/p?old=1&gone=2&c=3&c=4&b=5",
        Some("/p?b=5&b=f0&c=%2Fp+%26&new=1"),
    );
    check(
        &UriOp::Query(vec![QueryOp::Delete { key: text("a") }]),
        "/p?a=1",
        Some("/p"),
    );
    check(&UriOp::Query(vec![]), "/p?b=%zz&a", Some("/p?a="));
}

proptest! {
    #[test]
    fn every_target_can_be_sent(target in proptest::collection::vec(any::<u8>(), 0..60)) {
        let ops = [
            UriOp::StripPrefix(text("/{query.a}")),
            UriOp::StripSuffix(text("{path.0}")),
            UriOp::Replace { find: text("a"), to: text("{path}\r\n"), limit: None },
            UriOp::PathRegexp { find: "[^/]".to_owned(), to: text("{query.a}$0") },
            UriOp::Query(vec![QueryOp::Set { key: text("{path}"), value: text("{uri}") }]),
        ];
        for op in ops {
            if let Some(edited) = edit(&op, target.clone()) {
                prop_assert!(edited.starts_with('/') && edited.bytes().all(|byte| byte.is_ascii_graphic()), "{}", edited);
            }
        }
    }
}
