//! Tests of conditions.

mod found;

use ferrogate_types::Template;
use ferrogate_types::route::{HeaderMatch, Matcher, MatcherSet, ProtocolMatch, TextPattern};
use http::{Method, Version};
use proptest::prelude::*;

use super::*;
use crate::testing::{Fixture, compiled};

fn holds(matchers: &[Matcher], fixture: &Fixture) -> bool {
    let set = MatcherSet {
        name: "@m".to_owned(),
        matchers: matchers.to_vec(),
    };
    let conditions = compiled(|compiler| Conditions::compile(&set, compiler)).unwrap();
    let facts = Facts {
        view: fixture.view(),
        folded: &FoldedPath::new(),
    };
    let (explained, why) = conditions.explain(&facts);
    assert_eq!(explained, conditions.hold(&facts), "{why}");
    explained.unwrap()
}

fn check(matcher: &Matcher, fixture: &Fixture, expected: bool) {
    assert_eq!(
        holds(std::slice::from_ref(matcher), fixture),
        expected,
        "{matcher:?} on {:?}",
        fixture.head
    );
}

fn templates(texts: &[&str]) -> Vec<Template> {
    texts.iter().map(|text| Template::from(*text)).collect()
}

fn header(field: &str, values: Vec<TextPattern>) -> HeaderMatch {
    HeaderMatch {
        field: field.to_owned(),
        values,
    }
}

#[test]
fn paths() {
    let matcher = Matcher::Path(templates(&["/a/*", "*.php", "/user/{query.id}"]));
    for (target, expected) in [
        ("/A/b", true),
        ("/x/../a/b?c", true),
        ("/%61%2fb", true),
        ("/index.PHP", true),
        ("/user/7?id=7", true),
        ("/user/7?id=8", false),
        ("/user/7?id=[", false),
        ("/b", false),
    ] {
        check(&matcher, &Fixture::get(target), expected);
    }
}

#[test]
fn hosts() {
    for (host, expected) in [
        ("site.example", true),
        ("*.example", true),
        ("*.*.example", false),
        ("{host}", true),
    ] {
        check(
            &Matcher::Host(templates(&[host])),
            &Fixture::get("/"),
            expected,
        );
    }
}

#[test]
fn methods() {
    let matcher = Matcher::Method(vec!["POST".to_owned(), "PUT".to_owned()]);
    let mut fixture = Fixture::get("/");
    check(&matcher, &fixture, false);
    fixture.head.method = Method::PUT;
    check(&matcher, &fixture, true);
}

#[test]
fn header_lines_are_compared_one_by_one() {
    let exact = |text: &str| TextPattern::Exact(text.into());
    let fixture = Fixture::get("/")
        .with("x-a", "one")
        .with("x-a", "two three");
    for (fields, expected) in [
        (vec![header("x-a", vec![exact("one")])], true),
        (vec![header("x-a", vec![exact("ONE")])], false),
        (vec![header("x-a", vec![exact("one,two three")])], false),
        (
            vec![header(
                "x-a",
                vec![exact("no"), TextPattern::Prefix("two".into())],
            )],
            true,
        ),
        (
            vec![header("x-a", vec![TextPattern::Suffix("three".into())])],
            true,
        ),
        (
            vec![header("x-a", vec![TextPattern::Contains("o th".into())])],
            true,
        ),
        (vec![header("x-a", vec![TextPattern::Any])], true),
        (vec![header("x-b", vec![TextPattern::Any])], false),
        (vec![header("x-b", vec![])], true),
        (vec![header("x-a", vec![])], false),
        (
            vec![
                header("x-a", vec![TextPattern::Any]),
                header("x-b", vec![TextPattern::Any]),
            ],
            false,
        ),
        (vec![header("host", vec![exact("Site.example:8080")])], true),
        (vec![header("host", vec![])], false),
    ] {
        check(&Matcher::Header(fields), &fixture, expected);
    }
}

#[test]
fn queries() {
    let keys = |pairs: &[(&str, &[&str])]| {
        Matcher::Query(
            pairs
                .iter()
                .map(|(key, values)| ((*key).to_owned(), templates(values)))
                .collect(),
        )
    };
    for (matcher, query, expected) in [
        (keys(&[("a", &["1"])]), "?a=1", true),
        (keys(&[("a", &["1"])]), "?a=2&a=1", true),
        (keys(&[("a", &["1", "2"])]), "?a=2", true),
        (keys(&[("a", &["*"])]), "?a", true),
        (keys(&[("a", &["*"])]), "?b", false),
        (keys(&[("a", &["1"]), ("b", &["2"])]), "?b=2&a=1", true),
        (keys(&[("a", &["1"]), ("b", &["2"])]), "?a=1", false),
        (keys(&[("a b", &["c d"])]), "?a+b=c%20d", true),
        (keys(&[("a", &["1"])]), "?a=1&b=%zz", false),
        (keys(&[("a", &["1"])]), "?a=1;b=2", false),
        (keys(&[]), "", true),
        (keys(&[]), "?", true),
        (keys(&[]), "?a", false),
    ] {
        check(&matcher, &Fixture::get(format!("/{query}")), expected);
    }
}

#[test]
fn addresses() {
    let nets = |text: &str| vec![text.parse().unwrap()];
    let mut fixture = Fixture::get("/");
    check(&Matcher::RemoteIp(nets("192.0.2.0/24")), &fixture, true);
    check(&Matcher::ClientIp(nets("192.0.2.0/24")), &fixture, false);
    check(&Matcher::ClientIp(nets("203.0.113.0/24")), &fixture, true);
    fixture.connection.peer = Some("[::ffff:192.0.2.7]:1".parse().unwrap());
    check(&Matcher::RemoteIp(nets("192.0.2.0/24")), &fixture, true);
    fixture.connection.peer = None;
    check(&Matcher::RemoteIp(nets("0.0.0.0/0")), &fixture, false);
}

#[test]
fn protocols() {
    let version = |version, or_newer| ProtocolMatch::Version { version, or_newer };
    let mut fixture = Fixture::get("/").with("content-type", "application/grpc+proto");
    for (protocol, expected) in [
        (ProtocolMatch::Http, true),
        (ProtocolMatch::Https, false),
        (ProtocolMatch::Grpc, true),
        (version(11, false), true),
        (version(10, true), true),
        (version(20, true), false),
    ] {
        check(&Matcher::Protocol(protocol), &fixture, expected);
    }
    fixture = fixture.over_tls();
    fixture.head.version = Version::HTTP_2;
    check(&Matcher::Protocol(ProtocolMatch::Https), &fixture, true);
    check(&Matcher::Protocol(version(20, false)), &fixture, true);
    check(&Matcher::Protocol(version(11, false)), &fixture, false);
}

#[test]
fn a_set_is_an_and_and_not_negates_all_of_it() {
    let path = Matcher::Path(templates(&["/a"]));
    let method = Matcher::Method(vec!["POST".to_owned()]);
    let fixture = Fixture::get("/a");
    assert!(holds(&[], &fixture));
    assert!(!holds(&[path.clone(), method.clone()], &fixture));
    let not = |matchers: &[Matcher]| {
        Matcher::Not(MatcherSet {
            name: "not".to_owned(),
            matchers: matchers.to_vec(),
        })
    };
    check(&not(&[path.clone(), method]), &fixture, true);
    check(&not(&[path]), &fixture, false);
}

#[test]
fn broken_patterns_are_reported() {
    let set = |matcher| MatcherSet {
        name: "@m".to_owned(),
        matchers: vec![matcher],
    };
    for (matcher, expected) in [
        (
            Matcher::Path(templates(&["/[a"])),
            "has a path pattern `/[a` that has a `[` that is not closed",
        ),
        (
            Matcher::Header(vec![header("a b", vec![])]),
            "matches on `a b`, which is no header field",
        ),
    ] {
        let errors =
            compiled(|compiler| drop(Conditions::compile(&set(matcher), compiler))).unwrap_err();
        assert_eq!(errors[0].message, expected);
    }
}

proptest! {
    #[test]
    fn any_bytes_get_an_answer(
        target in proptest::collection::vec(any::<u8>(), 0..60),
        value in proptest::collection::vec(0x80_u8.., 0..20),
    ) {
        let mut fixture = Fixture::get(target);
        fixture.head.headers.insert("x-a", http::HeaderValue::from_bytes(&value).unwrap());
        fixture.head.headers.insert("host", http::HeaderValue::from_bytes(&value).unwrap());
        let matchers = [
            Matcher::Path(templates(&["/a*/?[b-c]", "*x*", "/%2f*", "/{path}//"])),
            Matcher::Host(templates(&["*.{host}"])),
            Matcher::Query(vec![("a".to_owned(), templates(&["{query.b}"]))]),
            Matcher::Header(vec![header("x-a", vec![TextPattern::Contains("{uri}".into())])]),
        ];
        for matcher in matchers {
            let both = Matcher::Not(MatcherSet { name: "not".to_owned(), matchers: vec![matcher.clone()] });
            prop_assert_ne!(holds(&[matcher], &fixture), holds(&[both], &fixture));
        }
    }
}
