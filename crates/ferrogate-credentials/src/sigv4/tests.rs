use http::Method;
use http::header::AUTHORIZATION;
use serde_json::Value;

use super::*;

fn keys(token: Option<&str>) -> AwsKeys {
    AwsKeys {
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: Secret::literal("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        session_token: token.map(Secret::literal),
    }
}

/// The seconds of `20260115T123045Z`.
const AT: Duration = Duration::from_secs(1_768_480_245);

#[test]
fn signs_the_vectors_of_the_official_sdk() {
    let vectors: Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
    for vector in vectors.as_array().unwrap() {
        let text = |name: &str| vector[name].as_str().unwrap();
        let url: http::Uri = text("url").parse().unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in vector["request_headers_before_signing"]
            .as_object()
            .unwrap()
        {
            let name = HeaderName::try_from(name).unwrap();
            headers.insert(name, value.as_str().unwrap().parse().unwrap());
        }
        let mut request = OutgoingRequest {
            method: &Method::POST,
            host: url.host().unwrap(),
            path_and_query: url.path_and_query().unwrap().as_str(),
            headers: &mut headers,
            body: text("body").as_bytes(),
        };
        let keys = AwsKeys {
            access_key_id: text("access_key_id").into(),
            secret_access_key: Secret::literal(text("secret_access_key")),
            session_token: vector["session_token"].as_str().map(Secret::literal),
        };
        let scope = SigningScope {
            region: text("region"),
            service: text("service"),
            at: AT,
        };
        sign(&mut request, &keys, &scope).unwrap();
        let names = signed_names(request.headers);
        let canonical = String::from_utf8(canonical_request(&request, &names)).unwrap();
        assert_eq!(canonical, text("canonical_request"), "{}", text("name"));
        assert_eq!(headers[AUTHORIZATION], text("authorization"));
        assert!(headers[AUTHORIZATION].is_sensitive());
        assert_eq!(headers[AMZ_DATE], text("x_amz_date"));
        assert_eq!(
            headers
                .get(SECURITY_TOKEN)
                .map(|value| value.to_str().unwrap()),
            vector["x_amz_security_token"].as_str()
        );
    }
}

fn authorization(headers: &mut HeaderMap, path_and_query: &str, keys: &AwsKeys) -> String {
    let mut request = OutgoingRequest {
        method: &Method::GET,
        host: "h",
        path_and_query,
        headers,
        body: b"",
    };
    let scope = SigningScope {
        region: "us-east-1",
        service: "bedrock",
        at: AT,
    };
    sign(&mut request, keys, &scope).unwrap();
    headers[AUTHORIZATION].to_str().unwrap().to_owned()
}

#[test]
fn signs_only_what_nobody_changes_on_the_way() {
    let mut headers = HeaderMap::new();
    for name in [
        "user-agent",
        "x-amzn-trace-id",
        "traceparent",
        "expect",
        "x-amzn-bedrock-trace",
        "accept",
        "authorization",
    ] {
        headers.insert(name, HeaderValue::from_static("v"));
    }
    let value = authorization(&mut headers, "/", &keys(None));
    assert!(
        value.contains("SignedHeaders=accept;host;x-amz-date;x-amzn-bedrock-trace,"),
        "{value}"
    );
}

#[test]
fn signing_again_replaces_the_signature() {
    let mut headers = HeaderMap::new();
    let first = authorization(&mut headers, "/", &keys(None));
    authorization(&mut headers, "/", &keys(Some("token")));
    assert_eq!(authorization(&mut headers, "/", &keys(None)), first);
    assert!(!headers.contains_key(SECURITY_TOKEN));
}

#[test]
fn queries_have_one_form() {
    for (query, expected) in [
        ("", ""),
        ("b=2&a=1", "a=1&b=2"),
        ("a=2&a=1", "a=1&a=2"),
        ("flag", "flag="),
        ("a=%7e/x", "a=~%2Fx"),
        ("a=b=c", "a=b%3Dc"),
        ("a=%e4%B8", "a=%E4%B8"),
        ("&&a=1&", "a=1"),
    ] {
        assert_eq!(canonical_query(query), expected, "{query}");
    }
}

#[test]
fn paths_are_encoded_once_more() {
    for (path, expected) in [
        ("", "/"),
        ("/", "/"),
        ("/a//b/", "/a//b/"),
        ("/model/x%3A0/converse", "/model/x%253A0/converse"),
        ("/../~", "/../~"),
    ] {
        assert_eq!(canonical_path(path), expected);
    }
}

#[test]
fn values_lose_superfluous_spaces() {
    let mut headers = HeaderMap::new();
    headers.append("x-amz-a", HeaderValue::from_static("  one   two "));
    headers.append("x-amz-a", HeaderValue::from_static("three"));
    let request = OutgoingRequest {
        method: &Method::GET,
        host: "h",
        path_and_query: "/",
        headers: &mut headers,
        body: b"",
    };
    let canonical = canonical_request(&request, &["x-amz-a"]);
    let text = String::from_utf8(canonical).unwrap();
    assert!(text.contains("\nx-amz-a:one two,three\n"), "{text}");
}

#[test]
fn keys_are_not_shown() {
    let shown = format!("{:?}", keys(Some("a-session-token")));
    assert!(!shown.contains("wJalr") && !shown.contains("a-session-token"));
}
