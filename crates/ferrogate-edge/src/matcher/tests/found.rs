//! Tests of conditions that find something, and of those that compute.

use ferrogate_types::route::{HeaderRegexp, NamedRegexp, Subject, VarsRegexp};

use super::*;
use crate::value::Scalar;

fn regexp(name: Option<&str>, pattern: &str) -> NamedRegexp {
    NamedRegexp {
        name: name.map(str::to_owned),
        pattern: pattern.to_owned(),
    }
}

fn render(template: &str, fixture: &Fixture) -> String {
    let text = compiled(|compiler| compiler.keeping(&template.into())).unwrap();
    text.render(&fixture.view()).into_owned()
}

#[test]
fn groups_can_be_read() {
    let fixture = Fixture::get("/a%20b//C/../D9").with("x-a", "one=1");
    let path = Matcher::PathRegexp(regexp(Some("p"), "^/(?<word>[a-z ]+)/D(\\d)(x)?"));
    let field = Matcher::HeaderRegexp(vec![HeaderRegexp {
        field: "x-a".to_owned(),
        regexp: regexp(None, "(\\w+)=(\\d)"),
    }]);
    check(&path, &fixture, true);
    assert_eq!(
        render("{re.p.0}|{re.p.word}|{re.p.2}|{re.p.3}|{re.1}", &fixture),
        "/a b/D9|a b|9||a b"
    );
    check(&field, &fixture, true);
    assert_eq!(
        render("{re.p.1}|{re.1}|{re.2}|{re.3}", &fixture),
        "a b|one|1|"
    );
    assert_eq!(
        render("{re.q.1}{re.p.9}{re.none}", &fixture),
        "{http.regexp.q.1}{http.regexp.p.9}{http.regexp.none}"
    );
}

#[test]
fn expressions_do_not_hold_where_nothing_is_found() {
    let fixture = Fixture::get("/A").with("x-a", "one");
    check(&Matcher::PathRegexp(regexp(None, "^/a")), &fixture, false);
    check(
        &Matcher::PathRegexp(regexp(None, "(?i)^/a")),
        &fixture,
        true,
    );
    let fields = ["x-a", "x-b"].map(|field| HeaderRegexp {
        field: field.to_owned(),
        regexp: regexp(None, "one"),
    });
    check(&Matcher::HeaderRegexp(fields.to_vec()), &fixture, false);
    check(&Matcher::HeaderRegexp(fields[..1].to_vec()), &fixture, true);
}

#[test]
fn variables_are_compared_as_texts_and_never_expanded() {
    let mut fixture = Fixture::get("/?q=x");
    fixture.exchange.set_var(&"evil".into(), "{query.q}");
    fixture
        .exchange
        .set_var(&"number".into(), Scalar::Integer(7));
    let variable = |name: &str| Subject::Variable(name.to_owned());
    for (pairs, expected) in [
        (vec![(variable("number"), templates(&["8", "7"]))], true),
        (vec![(variable("evil"), templates(&["x"]))], false),
        (vec![(variable("none"), templates(&["x"]))], false),
        (
            vec![
                (variable("none"), templates(&["x"])),
                (variable("number"), templates(&["7"])),
            ],
            true,
        ),
        (
            vec![(Subject::Text("{query.q}".into()), templates(&["{query.q}"]))],
            true,
        ),
        (vec![], false),
    ] {
        check(&Matcher::Vars(pairs), &fixture, expected);
    }
    for (subject, pattern, expected) in [
        (variable("number"), "^7$", true),
        (variable("none"), "^$", true),
        (Subject::Text("{query.q}!".into()), "^x!$", true),
        (variable("evil"), "^x$", false),
    ] {
        let pair = VarsRegexp {
            subject,
            regexp: regexp(None, pattern),
        };
        check(&Matcher::VarsRegexp(vec![pair]), &fixture, expected);
    }
}

#[test]
fn early_data_is_never_accepted() {
    for (early_data, clear, secure) in [
        (None, false, true),
        (Some(false), false, true),
        (Some(true), false, false),
    ] {
        let matcher = Matcher::Tls { early_data };
        check(&matcher, &Fixture::get("/"), clear);
        check(&matcher, &Fixture::get("/").over_tls(), secure);
    }
}

#[test]
fn expressions_see_the_request() {
    let mut fixture = Fixture::get("/api/x?n=7").with("x-a", "yes").over_tls();
    fixture.exchange.set_error(404, "gone");
    fixture
        .exchange
        .set_var(&"number".into(), Scalar::Integer(7));
    for (source, expected) in [
        ("path('/API/*') && {method} == 'GET'", true),
        ("path('/other') || header({'X-A': 'y*'})", true),
        ("{err.status_code} >= 400 && {err.status_code} < 500", true),
        ("{http.error.status_code} in [404, 410]", true),
        ("{query.n} == '7' && int({query.n}) > 6", true),
        ("{vars.number} == 7 && vars({'number': '7'})", true),
        ("{http.request.tls.resumed} == false", true),
        ("{none} == null && {cookie.a} == null", true),
        ("path_regexp('p', '^/api/(.)') && {re.p.1} == 'x'", true),
        (
            "file({'root': '/srv', 'try_files': ['/index.html']}) && {file_match.type} == 'file'",
            true,
        ),
        ("!path('/api/*')", false),
        ("protocol('https') && remote_ip('10.0.0.0/8')", false),
        ("{host}.lowerAscii().endsWith('.example')", true),
    ] {
        check(&Matcher::Expression(source.to_owned()), &fixture, expected);
    }
}

#[test]
fn an_expression_may_fail_the_request() {
    let set = |source: &str| MatcherSet {
        name: "@m".to_owned(),
        matchers: vec![Matcher::Expression(source.to_owned())],
    };
    let fixture = Fixture::get("/");
    for (source, expected) in [
        ("{method}", "the expression gave string, not true or false"),
        (
            "{method} < 7",
            "found no matching overload for '_<_' applied to '(string, int)'",
        ),
    ] {
        let conditions = compiled(|compiler| Conditions::compile(&set(source), compiler)).unwrap();
        let facts = Facts {
            view: fixture.view(),
            folded: &FoldedPath::new(),
        };
        assert_eq!(conditions.hold(&facts), Err((500, expected.to_owned())));
    }
    let errors = compiled(|compiler| drop(Conditions::compile(&set("path("), compiler)));
    assert!(errors.unwrap_err()[0].message.contains("cannot be read"));
}
