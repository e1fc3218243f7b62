//! Schemas in Google's two forms: standard JSON schema, and a subset of OpenAPI's with words of its own.

mod openapi;
mod standard;

use std::borrow::Cow;

use serde_json::value::RawValue;

pub(super) use self::openapi::write as to_openapi;
pub(super) use self::standard::read as from_openapi;
use crate::json::{self, Json, Object, Writer};

/// Levels of a schema that are looked into. Deeper ones pass as they are.
const DEEPEST: usize = 64;

/// A standard schema for `parametersJsonSchema` or `responseJsonSchema`: without the note which standard it is, which
/// Google refuses, and with a description if it has none of its own.
pub(super) fn standard<'a>(schema: &'a RawValue, description: Option<&str>) -> Json<'a> {
    let unchanged = || Cow::Borrowed(schema);
    let Some(mut object) = Object::of(schema) else {
        return unchanged();
    };
    let noted = object.take("$schema").is_some();
    let description = description.filter(|_| object.peek("description").is_none());
    if !noted && description.is_none() {
        return unchanged();
    }
    let mut w = Writer::with_capacity(schema.get().len());
    w.open()
        .text_if("description", description)
        .rest(&object)
        .close();
    json::owned(w.into_text()).unwrap_or_else(unchanged)
}

/// Whether a schema allows no arguments at all. Some models refuse an object without properties.
pub(super) fn is_empty(schema: &RawValue) -> bool {
    let Some(mut object) = Object::of(schema) else {
        return false;
    };
    let properties = object
        .object("properties")
        .ok()
        .flatten()
        .unwrap_or_default();
    let others = [
        "$ref",
        "$defs",
        "anyOf",
        "oneOf",
        "allOf",
        "patternProperties",
    ];
    let open = object
        .peek("additionalProperties")
        .is_some_and(|raw| raw.get() != "false");
    properties.is_empty() && !open && !others.iter().any(|name| object.peek(name).is_some())
}

#[cfg(test)]
mod tests;
