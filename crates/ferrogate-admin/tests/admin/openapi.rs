//! The document that describes the admin API.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::Gateway;

#[test]
fn the_document_is_the_one_that_was_read() {
    insta::assert_json_snapshot!(ferrogate_admin::openapi());
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if let (true, Some(reference)) = (name == "$ref", member.as_str()) {
                    found.insert(reference.to_owned());
                }
                references(member, found);
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| references(entry, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_document_is_served_and_whole() {
    let gateway = Gateway::new();
    let document = gateway.get("openapi.json").await.expect(200).json;
    assert_eq!(
        document,
        serde_json::to_value(ferrogate_admin::openapi()).unwrap()
    );
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for reference in found {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    // What is composed of parts has members that no part alone has.
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        let mut parts = BTreeSet::new();
        references(&schema["allOf"], &mut parts);
        for part in parts {
            let part = document.pointer(part.trim_start_matches('#')).unwrap();
            assert_ne!(part["additionalProperties"], false, "{name}");
        }
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        assert!(ferrogate_admin::Admin::serves(path), "{path}");
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            assert!(ids.insert(id.clone()), "two operations are `{id}`");
        }
    }
}

/// Every operation, asked with nothing and with nonsense: what it answers is documented, and never its own fault.
#[tokio::test]
async fn every_answer_is_documented() {
    let gateway = Gateway::new();
    let document = serde_json::to_value(ferrogate_admin::openapi()).unwrap();
    let bodies = [
        ("application/json", "null"),
        ("application/json", "{}"),
        ("application/json", "{\"\":[[]]}"),
        ("application/json", "[1e999]"),
        (
            "application/json",
            "{\"id\":\"a\",\"name\":\"a\",\"scope\":\"global\",\"amount\":0,\"per\":\"day\"}",
        ),
        ("text/caddyfile", "x"),
        ("", ""),
    ];
    for (path, item) in document["paths"].as_object().unwrap() {
        // It does not end by itself.
        if path.ends_with("/tail") {
            continue;
        }
        for (method, operation) in item.as_object().unwrap() {
            for id in [
                "file-key",
                "x",
                "%F0%9F%A6%80",
                "0",
                "-1",
                "a%2Fb",
                "00000000000000000000000000000000",
            ] {
                for query in [
                    "",
                    "?limit=0",
                    "?before=9999-12-31T23:59:59Z",
                    "?since=0000-01-01T00:00:00Z&buckets=9",
                ] {
                    for (media_type, body) in bodies {
                        let target = path.replace("{id}", id).replace("{version}", id) + query;
                        let ask = gateway.ask(&method.to_uppercase(), &target);
                        let ask = if media_type.is_empty() {
                            ask
                        } else {
                            ask.body(media_type, body)
                        };
                        let answer = ask.send().await;
                        let status = answer.status.as_u16();
                        assert!(
                            operation["responses"].get(status.to_string()).is_some(),
                            "{method} {target} {body}: {status} {}",
                            answer.text
                        );
                        assert!(
                            status < 500 || status == 501,
                            "{method} {target} {body}: {}",
                            answer.text
                        );
                        if method == "get" {
                            break;
                        }
                    }
                }
            }
        }
    }
}
