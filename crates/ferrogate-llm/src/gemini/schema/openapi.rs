//! Standard JSON schemas in Google's subset of OpenAPI's, for models that take nothing else.

use serde_json::value::RawValue;

use crate::json::{self, Json, Object, Writer};

/// Bytes written at most: references that multiply end in an object of any form.
const MOST: usize = 256 * 1024;
/// References followed within each other.
const MOST_REFERENCES: usize = 16;
/// Levels looked into; deeper ones are objects of any form.
const DEEPEST: usize = 48;

/// Keywords that mean the same in both. Source: the Gemini API's reference, `Schema`.
const SAME: [&str; 13] = [
    "title",
    "description",
    "required",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "minProperties",
    "maxProperties",
    "default",
];

/// Keywords without which the same answers fit.
const IDLE: [&str; 6] = [
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "definitions",
    "examples",
];

/// Formats that are known, of strings and of numbers.
const FORMATS: [&str; 6] = ["enum", "date-time", "float", "double", "int32", "int64"];

/// The schema in Google's form, and whether it says all that the standard one did. `None` when it is no schema.
pub(in crate::gemini) fn write(raw: &RawValue) -> Option<(Json<'static>, bool)> {
    let root = Object::of(raw)?;
    let mut sanitiser = Sanitiser {
        definitions: ["$defs", "definitions"].map(|name| root.peek(name).and_then(Object::of)),
        w: Writer::with_capacity(raw.get().len()),
        written: 0,
        complete: true,
    };
    sanitiser.schema(raw, DEEPEST, 0);
    let complete = sanitiser.complete;
    Some((json::owned(sanitiser.w.into_text())?, complete))
}

struct Sanitiser<'a> {
    definitions: [Option<Object<'a>>; 2],
    w: Writer,
    /// Bytes of the schemas written so far, about.
    written: usize,
    complete: bool,
}

impl<'a> Sanitiser<'a> {
    fn schema(&mut self, raw: &'a RawValue, depth: usize, references: usize) {
        self.w.open();
        self.members(raw, depth, references);
        self.w.close();
    }

    fn members(&mut self, raw: &'a RawValue, depth: usize, references: usize) {
        let object = Object::of(raw);
        let (Some(object), true) = (object, depth > 0 && self.written < MOST) else {
            // `true` and `false` are schemas, too, which Google does not know.
            self.complete = false;
            self.w.text("type", "OBJECT");
            return;
        };
        if let Some(target) = object.peek("$ref").and_then(json::text) {
            match self.definition(&target) {
                Some(found) if references < MOST_REFERENCES => {
                    self.written += found.get().len();
                    self.members(found, depth - 1, references + 1);
                }
                _ => {
                    self.complete = false;
                    self.w.text("type", "OBJECT");
                }
            }
            return;
        }
        self.kind(&object);
        let mut nullable = object
            .peek("nullable")
            .is_some_and(|raw| raw.get() == "true")
            || names_null(&object);
        for (name, raw) in object.members() {
            match name {
                "type" | "nullable" => {}
                "properties" => self.properties(raw, depth, references),
                "items" => {
                    self.w.key(name);
                    self.schema(raw, depth - 1, references);
                }
                "anyOf" | "oneOf" => nullable |= self.choices(raw, depth, references),
                "allOf" => match json::array(raw).as_deref() {
                    Some([one]) if object.peek("properties").is_none() => {
                        self.members(one, depth - 1, references);
                    }
                    _ => self.complete = false,
                },
                "enum" => {
                    let values = json::array(raw).unwrap_or_default();
                    nullable |= self.values(&values);
                }
                "const" => nullable |= self.values(&[raw]),
                "format" => {
                    if json::text(raw).is_some_and(|word| FORMATS.contains(&word.as_ref())) {
                        self.put(name, raw);
                    } else {
                        self.complete = false;
                    }
                }
                _ if SAME.contains(&name) => self.put(name, raw),
                _ if IDLE.contains(&name) => {}
                "additionalProperties" if raw.get() == "false" => {}
                _ => self.complete = false,
            }
        }
        if nullable {
            self.w.member("nullable", &true);
        }
    }

    fn put(&mut self, name: &str, raw: &RawValue) {
        self.written += raw.get().len();
        self.w.key(name).raw(raw);
    }

    /// The type in capitals; several are one of several schemas.
    fn kind(&mut self, object: &Object<'_>) {
        self.written += 16;
        let Some(raw) = object.peek("type") else {
            if object.peek("properties").is_some() {
                self.w.text("type", "OBJECT");
            }
            return;
        };
        let words = match json::text(raw) {
            Some(word) => vec![word],
            None => json::array(raw)
                .unwrap_or_default()
                .into_iter()
                .filter_map(json::text)
                .collect(),
        };
        let kinds: Vec<String> = words
            .iter()
            .filter(|word| *word != "null")
            .map(|word| word.to_ascii_uppercase())
            .collect();
        match kinds.as_slice() {
            [] => {}
            [one] => {
                self.w.text("type", one);
            }
            _ if object.peek("anyOf").is_some() || object.peek("oneOf").is_some() => {
                self.complete = false;
            }
            several => {
                self.w.key("anyOf").open_list();
                for kind in several {
                    self.w.open().text("type", kind).close();
                }
                self.w.close_list();
            }
        }
    }

    fn properties(&mut self, raw: &'a RawValue, depth: usize, references: usize) {
        let properties = Object::of(raw).unwrap_or_default();
        self.w.key("properties").open();
        for (name, raw) in properties.members() {
            self.written += name.len();
            self.w.key(name);
            self.schema(raw, depth - 1, references);
        }
        self.w.close();
        let names: Vec<&str> = properties.members().map(|(name, _)| name).collect();
        if names.len() > 1 {
            // Without it these models order the keys by the alphabet.
            self.w.member("propertyOrdering", &names);
        }
    }

    /// One of several schemas; says whether one of them is null.
    fn choices(&mut self, raw: &'a RawValue, depth: usize, references: usize) -> bool {
        let (nulls, others): (Vec<_>, Vec<_>) = json::array(raw)
            .unwrap_or_default()
            .into_iter()
            .partition(|raw| {
                Object::of(raw)
                    .and_then(|object| json::text(object.peek("type")?))
                    .is_some_and(|word| word == "null")
            });
        self.w.key("anyOf").open_list();
        for raw in others {
            self.schema(raw, depth - 1, references);
        }
        self.w.close_list();
        !nulls.is_empty()
    }

    /// Values that are strings; says whether null is one.
    fn values(&mut self, values: &[&RawValue]) -> bool {
        let texts: Vec<_> = values.iter().filter_map(|raw| json::text(raw)).collect();
        let nulls = values.iter().filter(|raw| raw.get() == "null").count();
        if texts.len() + nulls == values.len() && !texts.is_empty() {
            self.written += texts.iter().map(|text| text.len()).sum::<usize>();
            self.w.member("enum", &texts);
        } else {
            self.complete = false;
        }
        nulls > 0
    }

    fn definition(&self, target: &str) -> Option<&'a RawValue> {
        let [newer, older] = &self.definitions;
        match target.strip_prefix("#/$defs/") {
            Some(name) => newer.as_ref()?.peek(name),
            None => older.as_ref()?.peek(target.strip_prefix("#/definitions/")?),
        }
    }
}

fn names_null(object: &Object<'_>) -> bool {
    object
        .peek("type")
        .and_then(json::array)
        .unwrap_or_default()
        .into_iter()
        .any(|raw| raw.get() == "\"null\"")
}
