use serde_json::Value;

use super::*;

fn raw(text: &str) -> &RawValue {
    serde_json::from_str(text).unwrap()
}

fn check(found: &RawValue, expected: &str) {
    let [found, expected]: [Value; 2] =
        [found.get(), expected].map(|text| serde_json::from_str(text).unwrap());
    assert_eq!(found, expected);
}

#[test]
fn googles_words_become_standard() {
    let given = r#"{"type":"OBJECT","nullable":true,"properties":{"a_b":{"type":"ARRAY","min_items":"1",
        "items":{"type":"STRING","format":"enum","enum":["x"]}},"n":{"any_of":[{"type":"INTEGER"}]}},
        "required":["a_b"],"propertyOrdering":["a_b","n"]}"#;
    check(
        &from_openapi(raw(given)),
        r#"{"type":["object","null"],"properties":{"a_b":{"type":"array","minItems":1,
        "items":{"type":"string","enum":["x"]}},"n":{"anyOf":[{"type":"integer"}]}},"required":["a_b"]}"#,
    );
    let standard = raw(r#"{"type":"object","properties":{"a":{"type":"string"}}}"#);
    assert!(matches!(from_openapi(standard), Cow::Borrowed(_)));
}

#[test]
fn standard_words_become_googles() {
    for (given, expected, complete) in [
        (
            r##"{"$schema":"x","type":"object","additionalProperties":false,"required":["b","a"],
            "properties":{"b":{"$ref":"#/$defs/B"},"a":{"type":["string","null"]},"c":{"const":"k"}},
            "$defs":{"B":{"anyOf":[{"type":"integer"},{"type":"null"}]}}}"##,
            r#"{"type":"OBJECT","required":["b","a"],"propertyOrdering":["b","a","c"],
            "properties":{"b":{"anyOf":[{"type":"INTEGER"}],"nullable":true},
            "a":{"type":"STRING","nullable":true},"c":{"enum":["k"]}}}"#,
            true,
        ),
        (
            r#"{"type":"string","format":"uri"}"#,
            r#"{"type":"STRING"}"#,
            false,
        ),
        (r#"{"enum":[1,2]}"#, "{}", false),
        (
            r#"{"type":["string","integer"]}"#,
            r#"{"anyOf":[{"type":"STRING"},{"type":"INTEGER"}]}"#,
            true,
        ),
        (
            r#"{"allOf":[{"type":"string"}]}"#,
            r#"{"type":"STRING"}"#,
            true,
        ),
    ] {
        let (found, all) = to_openapi(raw(given)).unwrap();
        check(&found, expected);
        assert_eq!(all, complete, "{given}");
    }
}

#[test]
fn references_that_multiply_end() {
    let properties: Vec<String> = (0..8)
        .map(|name| format!(r##""{name}":{{"$ref":"#/$defs/A"}}"##))
        .collect();
    let properties = properties.join(",");
    let schema = format!(
        r##"{{"$ref":"#/$defs/A","$defs":{{"A":{{"properties":{{{properties},"z":true}}}}}}}}"##
    );
    let (found, complete) = to_openapi(raw(&schema)).unwrap();
    assert!(!complete);
    assert!(found.get().len() < 4 << 20, "{}", found.get().len());
}

#[test]
fn depth_is_bounded() {
    let deep = format!("{}true{}", r#"{"items":"#.repeat(5000), "}".repeat(5000));
    let deep = raw(&deep);
    assert!(!to_openapi(deep).unwrap().1);
    assert!(from_openapi(deep).get().contains("items"));
}

#[test]
fn the_note_of_the_standard_is_dropped_and_a_description_added() {
    check(
        &standard(raw(r#"{"$schema":"x","type":"object"}"#), None),
        r#"{"type":"object"}"#,
    );
    check(
        &standard(raw(r#"{"type":"object"}"#), Some("what")),
        r#"{"type":"object","description":"what"}"#,
    );
    check(
        &standard(raw(r#"{"description":"own"}"#), Some("what")),
        r#"{"description":"own"}"#,
    );
}

#[test]
fn no_arguments_are_known() {
    for (schema, empty) in [
        (
            r#"{"type":"object","properties":{},"additionalProperties":false}"#,
            true,
        ),
        (r#"{"type":"object"}"#, true),
        (r#"{"type":"object","additionalProperties":true}"#, false),
        (r#"{"properties":{"a":{}}}"#, false),
        (r##"{"$ref":"#/$defs/A"}"##, false),
    ] {
        assert_eq!(is_empty(raw(schema)), empty, "{schema}");
    }
}
