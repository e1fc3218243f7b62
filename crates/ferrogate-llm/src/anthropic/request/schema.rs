//! JSON schemas as Anthropic accepts them.

use serde_json::value::RawValue;

use crate::json::{self, Object, Writer};

/// Keywords that are refused; they are told to the model in words instead.
///
/// Source: Anthropic's documentation, "Structured outputs", "JSON Schema limitations".
const REFUSED: [&str; 23] = [
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "maxItems",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "prefixItems",
    "if",
    "then",
    "else",
    "not",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Keywords whose value is a map of schemas.
const MAPS: [&str; 3] = ["properties", "$defs", "definitions"];
/// Keywords whose value is a list of schemas.
const LISTS: [&str; 3] = ["anyOf", "allOf", "oneOf"];

/// Levels looked into; what is nested deeper stays as it is, for the provider to judge.
const DEEPEST: usize = 48;

/// Writes a schema; says whether it says the same as before. A map, whose `additionalProperties` is a schema, cannot
/// be said at all.
pub(super) fn write(schema: &RawValue, w: &mut Writer) -> bool {
    node(schema, None, w, DEEPEST)
}

/// Writes a schema, described if it does not describe itself.
pub(super) fn write_described(
    schema: &RawValue,
    description: Option<&str>,
    w: &mut Writer,
) -> bool {
    node(schema, description, w, DEEPEST)
}

fn node(schema: &RawValue, described: Option<&str>, w: &mut Writer, left: usize) -> bool {
    let Some(object) = Object::of(schema).filter(|_| left > 0) else {
        w.raw(schema);
        return true;
    };
    let mut same = true;
    let mut words = Vec::new();
    w.open();
    for (name, raw) in object.members() {
        if MAPS.contains(&name) {
            same &= map(name, raw, w, left);
        } else if LISTS.contains(&name) {
            // Exactly one of them, or any: the difference is the caller's to check.
            let any = name == "oneOf" && object.peek("anyOf").is_none();
            same &= list(if any { "anyOf" } else { name }, raw, w, left);
        } else if name == "items" {
            w.key(name);
            same &= node(raw, None, w, left - 1);
        } else if name == "additionalProperties" {
            same &= matches!(raw.get(), "true" | "false");
        } else if REFUSED.contains(&name) || (name == "minItems" && !matches!(raw.get(), "0" | "1"))
        {
            words.push(format!("{name}: {}", json::compact(raw)));
        } else if name != "description" {
            w.key(name).raw(raw);
        }
    }
    if is_object(&object) {
        w.member("additionalProperties", &false);
    }
    let own = object.peek("description").and_then(json::text);
    description(own.as_deref().or(described), &words, w);
    w.close();
    same
}

fn map(name: &str, raw: &RawValue, w: &mut Writer, left: usize) -> bool {
    w.key(name);
    let Some(schemas) = Object::of(raw) else {
        w.raw(raw);
        return true;
    };
    let mut same = true;
    w.open();
    for (name, raw) in schemas.members() {
        w.key(name);
        same &= node(raw, None, w, left - 1);
    }
    w.close();
    same
}

fn list(name: &str, raw: &RawValue, w: &mut Writer, left: usize) -> bool {
    w.key(name);
    let Some(schemas) = json::array(raw) else {
        w.raw(raw);
        return true;
    };
    let mut same = true;
    w.open_list();
    for raw in schemas {
        same &= node(raw, None, w, left - 1);
    }
    w.close_list();
    same
}

/// A schema of objects, alone or among other types.
fn is_object(schema: &Object<'_>) -> bool {
    schema.peek("properties").is_some()
        || schema
            .peek("type")
            .is_some_and(|kind| kind.get().contains("\"object\""))
}

fn description(text: Option<&str>, words: &[String], w: &mut Writer) {
    if words.is_empty() {
        w.text_if("description", text);
        return;
    }
    let words = words.join(", ");
    match text {
        Some(text) => w.text("description", &format!("{text} ({words})")),
        None => w.text("description", &words),
    };
}

/// Writes the schema of a tool's arguments, which must be one of an object.
pub(super) fn write_arguments(schema: Option<&RawValue>, w: &mut Writer) {
    let Some(schema) = schema else {
        w.open().text("type", "object");
        w.key("properties").open().close().close();
        return;
    };
    match Object::of(schema) {
        Some(mut object) if object.peek("type").map(RawValue::get) != Some("\"object\"") => {
            object.take("type");
            w.open().text("type", "object").rest(&object).close();
        }
        _ => {
            w.raw(schema);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &str, expected: &str, same: bool) {
        let mut w = Writer::default();
        let raw: &RawValue = serde_json::from_str(given).unwrap();
        assert_eq!(write(raw, &mut w), same, "{given}");
        assert_eq!(w.into_text(), expected);
    }

    #[test]
    fn objects_are_closed_and_limits_told_in_words() {
        check(
            r#"{"type":"object","properties":{"b":{"type":"string","minLength":1,"description":"B"},"a":{"type":["object","null"]}}}"#,
            r#"{"type":"object","properties":{"b":{"type":"string","description":"B (minLength: 1)"},"a":{"type":["object","null"],"additionalProperties":false}},"additionalProperties":false}"#,
            true,
        );
        check(
            r##"{"oneOf":[{"const":1},{"$ref":"#/$defs/x"}],"$defs":{"x":{"items":{"maximum":9}}}}"##,
            r##"{"anyOf":[{"const":1},{"$ref":"#/$defs/x"}],"$defs":{"x":{"items":{"description":"maximum: 9"}}}}"##,
            true,
        );
        check(
            r#"{"type":"array","minItems":1}"#,
            r#"{"type":"array","minItems":1}"#,
            true,
        );
        check("true", "true", true);
    }

    #[test]
    fn a_map_cannot_be_said() {
        check(
            r#"{"type":"object","additionalProperties":{"type":"string"}}"#,
            r#"{"type":"object","additionalProperties":false}"#,
            false,
        );
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("{}true{}", r#"{"items":"#.repeat(5000), "}".repeat(5000));
        check(&deep, &deep, true);
    }

    #[test]
    fn arguments_are_an_object() {
        for (given, expected) in [
            (None, r#"{"type":"object","properties":{}}"#),
            (
                Some(r#"{"properties":{}}"#),
                r#"{"type":"object","properties":{}}"#,
            ),
            (Some(r#"{"type":"object"}"#), r#"{"type":"object"}"#),
        ] {
            let mut w = Writer::default();
            let raw = given.map(|text| serde_json::from_str::<&RawValue>(text).unwrap());
            write_arguments(raw, &mut w);
            assert_eq!(w.into_text(), expected);
        }
    }
}
