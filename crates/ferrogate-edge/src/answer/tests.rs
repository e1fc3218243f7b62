//! Tests of static answers.

use super::*;
use crate::testing::{Fixture, compiled};

fn respond(status: Option<&str>, body: Option<&str>, fixture: &Fixture) -> Result<Answer, Failure> {
    let (status, body) = (status.map(Template::from), body.map(Template::from));
    let respond =
        compiled(|compiler| Respond::compile(status.as_ref(), body.as_ref(), false, compiler))
            .unwrap();
    respond.answer(&fixture.view())
}

fn redirect(to: &str, code: &RedirectCode, target: &str) -> Result<Answer, Failure> {
    let redirect = compiled(|compiler| Redirect::compile(&to.into(), code, compiler)).unwrap();
    redirect.answer(&Fixture::get(target).view())
}

#[test]
fn the_content_type_follows_from_the_body() {
    for (body, expected) in [
        ("", None),
        ("hi", Some("text/plain; charset=utf-8")),
        (r#" {"a": [1]} "#, Some("application/json")),
        ("[1]", Some("application/json")),
        ("{}", Some("text/plain; charset=utf-8")),
        ("{a}", Some("text/plain; charset=utf-8")),
        ("123456", Some("text/plain; charset=utf-8")),
        (r#"{"query": "{query.q}"}"#, Some("application/json")),
        // As written this is no JSON, whatever the request makes of it.
        (r#"{"query": {query.n}}"#, Some("text/plain; charset=utf-8")),
        ("{query.j}", Some("text/plain; charset=utf-8")),
        ("{query.none}", None),
    ] {
        let answer = respond(
            None,
            Some(body),
            &Fixture::get("/?q=%22&n=1&j=%7b%22a%22:1%7d"),
        )
        .unwrap();
        let field = answer
            .field
            .map(|(name, value)| (name, value.to_str().unwrap().to_owned()));
        assert_eq!(
            field,
            expected.map(|value| (CONTENT_TYPE, value.to_owned())),
            "{body}"
        );
    }
}

#[test]
fn a_fixed_body_is_shared() {
    let template = Template::from("a body of some length");
    let respond =
        compiled(|compiler| Respond::compile(None, Some(&template), true, compiler)).unwrap();
    let fixture = Fixture::get("/");
    let (one, other) = (
        respond.answer(&fixture.view()).unwrap(),
        respond.answer(&fixture.view()).unwrap(),
    );
    assert_eq!(one.body.as_ptr(), other.body.as_ptr());
    assert!(one.close);
}

#[test]
fn statuses_are_numbers() {
    let fixture = Fixture::get("/?s=418&bad=x");
    assert_eq!(respond(Some("404"), None, &fixture).unwrap().status, 404);
    assert_eq!(
        respond(Some("{query.s}"), None, &fixture).unwrap().status,
        418
    );
    assert_eq!(
        respond(Some("{query.bad}"), None, &fixture).unwrap_err().0,
        500
    );
    for bad in ["x", "103", "1000", ""] {
        let template = Template::from(bad);
        assert!(
            compiled(|compiler| Respond::compile(Some(&template), None, false, compiler)).is_err(),
            "{bad}"
        );
    }
}

#[test]
fn an_error_has_a_message() {
    for (status, message, expected) in [
        (None, None, (500, "Internal Server Error")),
        (Some("404"), None, (404, "Not Found")),
        (
            Some("404"),
            Some("no {path}, {nope}"),
            (404, "no /a, {nope}"),
        ),
    ] {
        let (status, message) = (status.map(Template::from), message.map(Template::from));
        let raise =
            compiled(|compiler| Raise::compile(status.as_ref(), message.as_ref(), compiler))
                .unwrap();
        assert_eq!(
            raise.failure(&Fixture::get("/a").view()),
            (expected.0, expected.1.to_owned())
        );
    }
}

#[test]
fn redirects_name_their_target() {
    for (to, code, target, expected) in [
        (
            "https://{host}{uri}",
            RedirectCode::Status(302),
            "/a%20b?c",
            (302, "https://Site.example/a%20b?c"),
        ),
        ("/x{nope}", RedirectCode::Status(301), "/", (301, "/x")),
        (
            "/x",
            RedirectCode::Template("{query.c}".into()),
            "/?c=308",
            (308, "/x"),
        ),
        // A line break in a value cannot start a field of its own.
        (
            "{path}",
            RedirectCode::Status(302),
            "/a%0d%0aSet-Cookie:%20x%00",
            (302, "/aSet-Cookie: x"),
        ),
    ] {
        let answer = redirect(to, &code, target).unwrap();
        let (name, value) = answer.field.unwrap();
        assert_eq!(
            (name, answer.status, value.to_str().unwrap()),
            (LOCATION, expected.0, expected.1),
            "{to}"
        );
    }
    assert_eq!(
        redirect("/x", &RedirectCode::Template("{query.c}".into()), "/?c=200")
            .unwrap_err()
            .0,
        500
    );
    assert!(
        compiled(|compiler| Redirect::compile(&"/".into(), &RedirectCode::Status(200), compiler))
            .is_err()
    );
}

#[test]
fn a_page_that_redirects_holds_no_markup_of_the_client() {
    let answer = redirect("{query.to}", &RedirectCode::Html, "/?to=/x\"><script>%26'").unwrap();
    let page = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(
        page.contains("href=\"/x&#34;&gt;&lt;script&gt;&amp;&#39;\""),
        "{page}"
    );
    assert_eq!(page.matches("<script>").count(), 1);
    for risky in [
        "javascript:alert(1)",
        "%20java%0ascript:alert(1)",
        "JavaScript:x",
        "data:text/html,x",
    ] {
        assert_eq!(
            redirect("{query.to}", &RedirectCode::Html, &format!("/?to={risky}"))
                .unwrap_err()
                .0,
            400
        );
    }
}
