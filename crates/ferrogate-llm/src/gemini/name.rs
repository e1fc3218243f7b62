//! Names of members, which callers may write in two ways.
//!
//! Protocol buffers' JSON form takes `systemInstruction` and `system_instruction` alike. Source: protobuf.dev,
//! "ProtoJSON Format", field names.

use std::collections::HashSet;

use serde_json::value::RawValue;

use crate::DecodeError;
use crate::json::{self, Object};

/// An object with its members under their camel-case names. A name with a dot is refused: no field has one, and the
/// members of inner objects are kept under such names.
pub(super) fn camel(object: Object<'_>) -> Result<Object<'_>, DecodeError> {
    if !object.members().any(|(name, _)| name.contains(['_', '.'])) {
        return Ok(object);
    }
    let mut seen = HashSet::new();
    let mut renamed = Object::default();
    for (name, raw) in object.members() {
        if name.contains('.') {
            return Err(DecodeError::wrong(name, "a field of the API"));
        }
        let name = camel_name(name);
        if !seen.insert(name.clone()) {
            return Err(DecodeError::wrong(name, "given only once"));
        }
        renamed.put(name, raw);
    }
    Ok(renamed)
}

fn camel_name(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut upper = false;
    for char in name.chars() {
        if char == '_' && !camel.is_empty() {
            upper = true;
        } else if std::mem::take(&mut upper) {
            camel.push(char.to_ascii_uppercase());
        } else {
            camel.push(char);
        }
    }
    camel
}

/// The value as an object with camel-case names.
pub(super) fn object(raw: &RawValue) -> Result<Object<'_>, DecodeError> {
    camel(Object::of(raw).ok_or_else(|| DecodeError::wrong("", "an object"))?)
}

/// Takes an object member with camel-case names.
pub(super) fn inner<'a>(
    object: &mut Object<'a>,
    name: &'static str,
) -> Result<Option<Object<'a>>, DecodeError> {
    match object.object(name)? {
        Some(inner) => camel(inner).map(Some).map_err(|error| error.within(name)),
        None => Ok(None),
    }
}

/// Takes a list; Google's own examples write a list of one without its brackets.
pub(super) fn list<'a>(
    object: &mut Object<'a>,
    name: &'static str,
) -> Result<Vec<&'a RawValue>, DecodeError> {
    let Some(raw) = object.take(name) else {
        return Ok(Vec::new());
    };
    if raw.get().starts_with('{') {
        return Ok(vec![raw]);
    }
    json::array(raw).ok_or_else(|| DecodeError::wrong(name, "an array"))
}

/// The members kept of an inner object, but for those kept of objects within it.
pub(super) fn rest_of(object: &Object<'_>, outer: &str, w: &mut json::Writer) {
    for (name, raw) in object.kept(outer).filter(|(name, _)| !name.contains('.')) {
        w.key(name).raw(raw);
    }
}

/// Whether anything was kept of an inner object or of objects within it.
pub(super) fn has_rest_of(object: &Object<'_>, outer: &str) -> bool {
    object.kept(outer).next().is_some()
}

/// The members of the object itself, without those kept of inner objects.
pub(super) fn rest(object: &Object<'_>, w: &mut json::Writer) {
    for (name, raw) in object.members().filter(|(name, _)| !name.contains('.')) {
        w.key(name).raw(raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_one_name() {
        for (given, expected) in [
            (r#"{"system_instruction":1}"#, Some("systemInstruction")),
            (r#"{"systemInstruction":1}"#, Some("systemInstruction")),
            (r#"{"_x":1}"#, Some("_x")),
            (r#"{"top_p":1,"topP":2}"#, None),
            (r#"{"generationConfig.seed":1}"#, None),
        ] {
            let renamed = camel(Object::parse(given.as_bytes()).unwrap());
            let name = renamed
                .ok()
                .and_then(|object| object.members().next().map(|(name, _)| name.to_owned()));
            assert_eq!(name.as_deref(), expected, "{given}");
        }
    }
}
