//! Google's schemas as standard JSON schemas.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::DEEPEST;
use crate::gemini::name;
use crate::json::{self, Json, Object, Writer};

/// The standard form of a schema that may be in Google's: `STRING` is `string`, `nullable` a type, and whole numbers
/// are no strings. Borrowed when it is standard already.
///
/// Source: the Gemini API's reference, `Schema`.
pub(in crate::gemini) fn read(raw: &RawValue) -> Json<'_> {
    let mut w = Writer::with_capacity(raw.get().len());
    let mut changed = false;
    schema(raw, DEEPEST, &mut changed, &mut w);
    if !changed {
        return Cow::Borrowed(raw);
    }
    json::owned(w.into_text()).unwrap_or(Cow::Borrowed(raw))
}

fn schema(raw: &RawValue, depth: usize, changed: &mut bool, w: &mut Writer) {
    let object = Object::of(raw).and_then(|object| name::camel(object).ok());
    let (Some(object), true) = (object, depth > 0) else {
        w.raw(raw);
        return;
    };
    let nullable = object
        .peek("nullable")
        .is_some_and(|raw| raw.get() == "true");
    w.open();
    for (name, raw) in object.members() {
        match name {
            "type" => kind(raw, nullable, changed, w),
            // Google's own; other vendors refuse what they do not know.
            "nullable" | "propertyOrdering" | "example" => *changed = true,
            "format" if raw.get() == "\"enum\"" => *changed = true,
            "items" | "additionalProperties" | "not" => {
                w.key(name);
                schema(raw, depth - 1, changed, w);
            }
            "properties" | "$defs" | "defs" => {
                w.key(name);
                each(raw, depth - 1, changed, w);
            }
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => {
                w.key(name);
                let Some(list) = json::array(raw) else {
                    w.raw(raw);
                    continue;
                };
                w.open_list();
                for raw in list {
                    schema(raw, depth - 1, changed, w);
                }
                w.close_list();
            }
            "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties"
            | "maxProperties" => {
                // ProtoJSON writes 64-bit numbers as strings.
                match json::text(raw).and_then(|text| text.parse::<u64>().ok()) {
                    Some(number) => {
                        *changed = true;
                        w.member(name, &number);
                    }
                    None => {
                        w.key(name).raw(raw);
                    }
                }
            }
            _ => {
                w.key(name).raw(raw);
            }
        }
    }
    w.close();
}

fn kind(raw: &RawValue, nullable: bool, changed: &mut bool, w: &mut Writer) {
    let Some(word) = json::text(raw) else {
        w.key("type").raw(raw);
        return;
    };
    if word == "TYPE_UNSPECIFIED" {
        *changed = true;
        return;
    }
    let lower = word.to_ascii_lowercase();
    *changed |= lower != word;
    w.key("type");
    if nullable {
        w.value(&[lower.as_str(), "null"]);
    } else {
        w.string(&lower);
    }
}

/// Schemas by name; the names are the caller's own.
fn each(raw: &RawValue, depth: usize, changed: &mut bool, w: &mut Writer) {
    let Some(object) = Object::of(raw) else {
        w.raw(raw);
        return;
    };
    w.open();
    for (name, raw) in object.members() {
        w.key(name);
        schema(raw, depth, changed, w);
    }
    w.close();
}
