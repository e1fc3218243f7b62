//! Tests of rewrites.

use proptest::prelude::*;

use super::*;
use crate::testing::{Fixture, compiled};

fn rewrite(to: &str, from: impl Into<Vec<u8>>) -> String {
    let rewrite = compiled(|compiler| Rewrite::compile(&Template::from(to), compiler)).unwrap();
    rewrite.target(&Fixture::get(from).view())
}

fn check(to: &str, from: &str, expected: &str) {
    assert_eq!(rewrite(to, from), expected, "{from} by {to}");
}

#[test]
fn only_present_parts_change() {
    check("/x", "/a?b=1", "/x?b=1");
    check("/x", "/a", "/x");
    check("/x?", "/a?b=1", "/x");
    check("?c=2", "/a%2Fb?b=1", "/a%2Fb?c=2");
    check("/x?c=2#top", "/a?b=1", "/x?c=2");
    check("/x#top?c=2", "/a?b=1", "/x?b=1");
    check("x", "/a", "/x");
}

#[test]
fn values_fill_the_path() {
    check("/pre{path}", "/a%20b", "/pre/a%20b");
    check("/pre{path}", "/a%2520b", "/pre/a%2520b");
    check(
        "/pre{query.p}",
        "/a?p=/a%252520b",
        "/pre/a%2520b?p=/a%252520b",
    );
    check("/pre{query.p}", "/a?p=/a%2520b", "/pre/a%20b?p=/a%2520b");
    check("/pre{uri}", "/a?b=1", "/pre/a?b=1");
    check("/{query.p}", "/a?p=x/y", "/x/y?p=x/y");
    check("{query.p}", "/a?p=x", "/x?p=x");
    check("{query.none}", "/a", "/");
    check("/{nope}x", "/a", "/x");
    check("/{env.GREETING}", "/a", "/hello");
}

#[test]
fn a_question_mark_from_a_value_starts_the_query_once() {
    check("/{query.p}", "/a?p=x%3Fadmin=1", "/x?admin=1");
    check("/{query.p}?fixed=1", "/a?p=x%3Fadmin=1", "/x?fixed=1");
    check("/{query.p}", "/a?p=x%3F%7Bhost%7D", "/x?%7Bhost%7D");
}

#[test]
fn query_values_are_escaped() {
    check("/x?to={path}", "/a b&c=d", "/x?to=%2Fa+b%26c%3Dd");
    check("/x?{query}&v=1", "/a?b=1&c=2", "/x?b=1&c=2&v=1");
    check("/x?{query}&v=1", "/a", "/x?v=1");
    check("/x?q={query}", "/a?b=1&c=2", "/x?q=b%3D1%26c%3D2");
    check("/x?a=b=c&d", "/a", "/x?a=b=c&d");
    check("/x?{query.k}=1", "/a?k=%26y", "/x?%26y=1");
}

proptest! {
    #[test]
    fn every_target_can_be_sent(target in proptest::collection::vec(any::<u8>(), 0..60)) {
        for to in ["/x{path}", "{path}", "/{query.a}?b={query.a}&{query}", "{uri}", "?{query}", "/{header.host}{?query}"] {
            let rewritten = rewrite(to, target.clone());
            prop_assert!(rewritten.bytes().all(|byte| byte.is_ascii_graphic()), "{}", rewritten);
        }
    }
}
