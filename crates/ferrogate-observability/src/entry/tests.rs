use serde_json::{Value, json};

use super::*;
use crate::{Encoder, EncoderKeys, Shape};

fn entry() -> AccessEntry {
    AccessEntry {
        request_id: "id".to_owned(),
        remote: Some("[::ffff:127.0.0.1]:1234".parse().unwrap()),
        client_ip: Some("10.0.0.1".parse().unwrap()),
        proto: "HTTP/1.1",
        method: Method::GET,
        host: "example.com".to_owned(),
        uri: "/a?b".to_owned(),
        headers: None,
        tls: None,
        credentials: false,
        bytes_read: 0,
        user_id: String::new(),
        duration: Duration::from_micros(12_500),
        size: 5,
        status: 200,
        response_headers: None,
        uuid: None,
        trace: None,
        upstream: String::new(),
        error: Cow::Borrowed(""),
        call: None,
        appended: Vec::new(),
    }
}

fn logged(entry: AccessEntry) -> Value {
    let event = entry.into_event(Duration::from_secs(1));
    let mut line = Vec::new();
    Encoder::new(Shape::Json, EncoderKeys::default(), Vec::new()).encode(
        &event,
        "http.log.access",
        &mut line,
    );
    assert_eq!(
        line.iter().position(|&byte| byte == b'\n'),
        Some(line.len() - 1)
    );
    serde_json::from_slice(&line).unwrap()
}

#[test]
fn the_shape_is_caddys() {
    let expected = json!({
        "level": "info", "ts": 1.0, "logger": "http.log.access", "msg": "handled request",
        "request_id": "id",
        "request": {
            "remote_ip": "127.0.0.1", "remote_port": "1234", "client_ip": "10.0.0.1",
            "proto": "HTTP/1.1", "method": "GET", "host": "example.com", "uri": "/a?b",
        },
        "bytes_read": 0, "user_id": "", "duration": 0.0125, "size": 5, "status": 200,
    });
    assert_eq!(logged(entry()), expected);
    let failed = logged(AccessEntry {
        status: 503,
        ..entry()
    });
    assert_eq!(failed["level"], "error");
}

#[test]
fn fields_are_told_and_credentials_are_not() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "example.com"),
        ("x-request-id", "1"),
        ("accept", "a"),
        ("accept", "\"b\t\""),
        ("cookie", "a=b"),
        ("x-api-key", "sk"),
        ("authorization", "Bearer sk"),
        ("sec-websocket-protocol", "chat"),
        (
            "sec-websocket-protocol",
            "realtime, openai-insecure-api-key.sk",
        ),
    ] {
        let value = http::HeaderValue::from_static(value);
        headers.append(name, value);
    }
    let told = |credentials| {
        logged(AccessEntry {
            headers: Some(headers.clone()),
            credentials,
            ..entry()
        })["request"]["headers"]
            .clone()
    };
    assert_eq!(
        told(false),
        json!({
            "X-Request-Id": ["1"], "Accept": ["a", "\"b\t\""], "Cookie": ["REDACTED"],
            "X-Api-Key": ["REDACTED"], "Authorization": ["REDACTED"],
            "Sec-Websocket-Protocol": ["chat", "REDACTED"],
        })
    );
    assert_eq!(told(true)["Cookie"], json!(["a=b"]));
}

#[test]
fn sessions_have_numbers() {
    for (version, suite, expected) in [
        ("tls1.3", "TLS_AES_128_GCM_SHA256", json!([772, 4865])),
        ("TLSv1.3", "TLS13_AES_256_GCM_SHA384", json!([772, 4866])),
        (
            "TLSv1.2",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            json!([771, 0xc02f]),
        ),
        ("", "", json!([0, 0])),
    ] {
        let told = logged(AccessEntry {
            tls: Some(TlsSession {
                version: version.to_owned(),
                cipher_suite: suite.to_owned(),
                ..TlsSession::default()
            }),
            ..entry()
        });
        let tls = &told["request"]["tls"];
        assert_eq!(json!([tls["version"], tls["cipher_suite"]]), expected);
    }
}

#[test]
fn a_call_lies_flat_in_the_entry() {
    let mut called = entry();
    called.call = Some(ModelCall {
        surface: "chat",
        key: String::new(),
        model: "m".to_owned(),
        provider: "p".to_owned(),
        upstream_model: "u".to_owned(),
        attempts: vec!["p: ok".to_owned()],
        stream: true,
        input_tokens: 1,
        output_tokens: 2,
        estimated: false,
        lossy: Vec::new(),
        cost: "0.1".to_owned(),
        label: "B".to_owned(),
        ttft: Some(Duration::from_millis(250)),
    });
    called.appended = vec![("tenant".into(), FieldValue::Text("t".to_owned()))];
    called.uuid = Some("uu".to_owned());
    called.trace = Some(("t1".to_owned(), "s1".to_owned()));
    let value = logged(called);
    for (name, expected) in [
        ("surface", json!("chat")),
        ("attempts", json!(["p: ok"])),
        ("label", json!("B")),
        ("ttft", json!(0.25)),
        ("cost", json!("0.1")),
        ("tenant", json!("t")),
        ("uuid", json!("uu")),
        ("traceID", json!("t1")),
        ("spanID", json!("s1")),
    ] {
        assert_eq!(value[name], expected, "{name}: {value}");
    }
    assert!(value.get("key").is_none() && value.get("upstream").is_none());
}
