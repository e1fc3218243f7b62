//! Tests of placeholder values.

use ferrogate_types::Template;
use http::header::{HeaderName, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use crate::edit::header_value;
use crate::testing::{Fixture, compiled};

fn render(fixture: &Fixture, template: &str) -> (String, String) {
    let template = Template::from(template);
    let texts =
        compiled(|compiler| (compiler.keeping(&template), compiler.emptying(&template))).unwrap();
    (
        texts.0.render(&fixture.view()).into_owned(),
        texts.1.render(&fixture.view()).into_owned(),
    )
}

fn check(fixture: &Fixture, template: &str, expected: &str) {
    let (kept, emptied) = render(fixture, template);
    assert_eq!(
        (kept.as_str(), emptied.as_str()),
        (expected, expected),
        "{template}"
    );
}

#[test]
fn a_folder_has_a_base_but_no_file() {
    for (target, expected) in [
        ("/", "/|/||"),
        ("/a.b/c.d/", "/a.b/c.d/|c.d||"),
        ("/a/b.tar.gz", "/a/|b.tar|b.tar.gz|.gz"),
    ] {
        let fixture = Fixture::get(target);
        check(&fixture, "{dir}|{file.base}|{file}|{file.ext}", expected);
    }
}

#[test]
fn values_of_a_request() {
    let mut fixture = Fixture::get("/dir%20a/File.tar.gz?k=1&b=x%20y&k=2")
        .with("cookie", "a=1; session=s=3")
        .with("x-multi", "one")
        .with("x-multi", "two");
    fixture
        .exchange
        .set_var(&"color".into(), "{host}".to_owned());
    for (template, expected) in [
        (
            "{host}|{hostport}|{port}",
            "Site.example|Site.example:8080|8080",
        ),
        ("{labels.0}.{labels.1}.{labels.2}", "example.site."),
        ("{method} {orig_method} {scheme}", "GET GET http"),
        ("{http.request.proto}", "HTTP/1.1"),
        ("{uri}", "/dir%20a/File.tar.gz?k=1&b=x%20y&k=2"),
        ("{path}", "/dir a/File.tar.gz"),
        ("{path.0}|{path.1}|{path.2}", "dir a|File.tar.gz|"),
        (
            "{dir}|{file}|{file.base}|{file.ext}",
            "/dir a/|File.tar.gz|File.tar|.gz",
        ),
        ("{query}|{?query}", "k=1&b=x%20y&k=2|?k=1&b=x%20y&k=2"),
        ("{query.k}|{query.b}|{query.none}", "1,2|x y|"),
        (
            "{header.X-Multi}|{header.none}|{header.Host}",
            "one,two||Site.example:8080",
        ),
        ("{cookie.session}", "s=3"),
        (
            "{remote}|{remote_host}|{remote_port}",
            "192.0.2.1:5000|192.0.2.1|5000",
        ),
        ("{client_ip} {vars.client_ip}", "203.0.113.9 203.0.113.9"),
        // Values are not scanned again.
        ("{vars.color}{vars.none}", "{host}"),
        ("{http.response.header.X}", ""),
        ("{env.GREETING}|{env.NONE}", "hello|"),
        ("{file./etc/motd}", "welcome {host}"),
        ("{system.hostname}", "edge-1"),
        (
            "{time.now.unix} {time.now.unix_ms}",
            "784111777 784111777250",
        ),
        ("{time.now.http}", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("{http.shutting_down}", "false"),
        (r"\{host\}", "{host}"),
        (
            "{%path}|{%query}|{%uri}",
            "%2Fdir+a%2FFile.tar.gz|k%3D1%26b%3Dx%2520y%26k%3D2|%2Fdir%2520a%2FFile.tar.gz%3Fk%3D1%26b%3Dx%2520y%26k%3D2",
        ),
        ("{http.request.proto_name}", "HTTP/1.1"),
        (
            "{http.request.remote.host/24} {http.request.remote.host/16,64}",
            "192.0.2.0/24 192.0.0.0/16",
        ),
        ("{time.now.year} {system.slash} {system.wd}", "1994 / /srv"),
        ("{time.now.common_log}", "06/Nov/1994:08:49:37 +0000"),
    ] {
        check(&fixture, template, expected);
    }
}

#[test]
fn what_means_nothing_stays_or_goes() {
    let fixture = Fixture::get("/");
    for (template, kept) in [
        ("<{nope}>", "<{nope}>"),
        ("<{cookie.none}>", "<{http.request.cookie.none}>"),
        ("<{tls_version}>", "<{http.request.tls.version}>"),
        ("<{re.a.1}>", "<{http.regexp.a.1}>"),
        ("<{file_match.relative}>", "<{http.matchers.file.relative}>"),
        ("<{http.auth.user.id}>", "<{http.auth.user.id}>"),
        ("<{resp.header.X}>", "<{http.intercept.header.x}>"),
        (
            "<{rp.upstream.port}>",
            "<{http.reverse_proxy.upstream.port}>",
        ),
        (
            "<{http.request.tls.client.san.ips.1}>",
            "<{http.request.tls.client.san.ips.1}>",
        ),
        ("<{err.status_code}>", "<{http.error.status_code}>"),
        ("<{rp.header.X}>", "<{http.reverse_proxy.header.x}>"),
        (
            "<{upstream_hostport}>",
            "<{http.reverse_proxy.upstream.hostport}>",
        ),
    ] {
        assert_eq!(
            render(&fixture, template),
            (kept.to_owned(), "<>".to_owned())
        );
    }
}

#[test]
fn values_that_appear_later() {
    let mut fixture = Fixture::get("/").over_tls();
    fixture.exchange.set_error(404, "no such thing");
    fixture.exchange.set_upstream(&"up:80".into());
    let wanted = [HeaderName::from_static("x-a")];
    fixture.exchange.set_upstream_fields(&wanted.into());
    let mut answer = HeaderMap::new();
    answer.append("x-a", HeaderValue::from_static("1"));
    answer.append(SET_COOKIE, HeaderValue::from_static("not asked for"));
    fixture.exchange.set_upstream_answer(201, &answer);
    fixture.exchange.set_user("ann");
    fixture.exchange.set_intercepted(503, answer.clone());
    let notes = fixture.exchange.upstream_notes_mut();
    notes.retries = Some(2);
    notes.is_transport_error = Some(true);
    notes.latency = Some(std::time::Duration::from_micros(1_500));
    notes.duration = Some(std::time::Duration::from_millis(62_500));
    for (template, expected) in [
        ("{http.auth.user.id}", "ann"),
        (
            "{resp.status_code} {resp.status_text} {resp.header.X-A}",
            "503 Service Unavailable 1",
        ),
        (
            "{rp.upstream.address} {rp.upstream.host} {rp.upstream.port}",
            "up:80 up 80",
        ),
        (
            "{rp.retries} {rp.is_transport_error} {rp.status_text}",
            "2 true Created",
        ),
        (
            "{rp.upstream.latency} {rp.upstream.latency_ms} {rp.duration}",
            "1.5ms 1.5 1m2.5s",
        ),
        (
            "{http.request.tls.server_name} {http.request.tls.resumed} {http.request.tls.proto}",
            "site.example false ",
        ),
        (
            "{scheme} {tls_version} {tls_cipher}",
            "https tls1.3 TLS_AES_128_GCM_SHA256",
        ),
        (
            "{err.status_code} {err.status_text}: {err.message}",
            "404 Not Found: no such thing",
        ),
        ("{upstream_hostport} {rp.status_code}", "up:80 201"),
        ("{rp.header.X-A}{rp.header.Set-Cookie}", "1"),
    ] {
        check(&fixture, template, expected);
    }
}

#[test]
fn the_original_target_survives_a_rewrite() {
    let mut fixture = Fixture::get("/new?b=2");
    fixture.exchange.keep_original_target(b"/old%20one?a=1");
    check(&fixture, "{uri} {path} {query}", "/new?b=2 /new b=2");
    check(
        &fixture,
        "{orig_uri}|{orig_path}|{orig_query}|{orig_?query}",
        "/old%20one?a=1|/old one|a=1|?a=1",
    );
}

#[test]
fn an_address_of_a_socket_has_no_port() {
    for (dial, expected) in [
        ("[::1]:80", Some(("::1", "80"))),
        ("unix//run/x", Some(("/run/x", ""))),
        ("host", Some(("host", ""))),
    ] {
        let notes = crate::exchange::UpstreamNotes {
            dial: Some(dial.into()),
            ..Default::default()
        };
        assert_eq!(notes.host_and_port(), expected, "{dial}");
    }
}

#[test]
fn a_missing_file_is_an_error() {
    let errors = compiled(|compiler| {
        compiler
            .keeping(&"{file./none}".into())
            .fixed()
            .map(str::to_owned)
    })
    .unwrap_err();
    assert!(errors[0].message.contains("/none"), "{errors:?}");
}

proptest! {
    #[test]
    fn no_value_makes_an_invalid_header(
        target in proptest::collection::vec(any::<u8>(), 0..40),
        cookie in "[ -~]{0,20}",
    ) {
        let fixture = Fixture::get(target).with("cookie", &cookie);
        let template = "{uri}{path}{path.0}{dir}{file}{query}{query.a}{host}{cookie.a}{orig_path}{uuid}";
        let (rendered, _) = render(&fixture, template);
        let value = header_value(rendered.as_bytes());
        prop_assert!(!value.as_bytes().iter().any(|byte| *byte < b' ' && *byte != b'\t' || *byte == 0x7f));
        prop_assert!(HeaderValue::from_bytes(value.as_bytes()).is_ok());
    }
}
