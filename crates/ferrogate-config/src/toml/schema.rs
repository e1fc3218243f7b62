//! A JSON Schema of the TOML form, for editors.

use serde_json::{Map, Value, json};

use super::reference::{Section, SectionKey, sections};
use super::table::Shape;

/// The schema, in the draft of 2020-12. Keys that are refused are left out, so that an editor marks them.
pub fn toml_schema() -> Value {
    let sections = sections();
    let mut schema = table(&sections, "");
    let head = [
        (
            "$schema",
            json!("https://json-schema.org/draft/2020-12/schema"),
        ),
        ("title", json!("Ferrogate configuration")),
    ];
    if let Some(schema) = schema.as_object_mut() {
        for (key, value) in head {
            schema.insert(key.to_owned(), value);
        }
    }
    schema
}

/// The object of the table at a dotted path; the path of the file itself is empty.
fn table(sections: &[Section], path: &str) -> Value {
    let section = sections.iter().find(|section| path_of(section) == path);
    let keys = section.map(|section| section.keys.as_slice());
    let properties: Map<String, Value> = keys
        .unwrap_or_default()
        .iter()
        .filter(|key| key.available)
        .map(|key| (key.name.to_owned(), property(sections, path, key)))
        .collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn property(sections: &[Section], path: &str, key: &SectionKey) -> Value {
    let inner = || {
        let path = if path.is_empty() {
            key.name.to_owned()
        } else {
            format!("{path}.{}", key.name)
        };
        table(sections, &path)
    };
    let mut schema = match key.shape {
        Shape::Text => json!({ "type": "string" }),
        Shape::Number => json!({ "type": ["integer", "string"], "pattern": "^[0-9]+$" }),
        Shape::Decimal => {
            json!({ "type": ["number", "string"], "pattern": "^[0-9]+(\\.[0-9]+)?$" })
        }
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Duration => json!({
            "type": ["string", "integer"],
            "pattern": "^(0|([0-9]+(\\.[0-9]+)?(ns|us|µs|ms|s|m|h|d))+)$",
        }),
        Shape::Size => json!({
            "type": ["integer", "string"],
            "pattern": "^[0-9]+(\\.[0-9]+)? ?([kKmMgG]([iI]?[bB])?|[bB])?$",
        }),
        // A date of TOML is no string; editors show it as one.
        Shape::Time => json!({ "type": "string", "format": "date-time" }),
        Shape::List => json!({
            "type": "array",
            "items": { "type": ["string", "integer"] },
        }),
        Shape::Words => json!({ "type": ["string", "integer"] }),
        Shape::Table => inner(),
        Shape::Tables => json!({ "type": "array", "items": inner() }),
        Shape::Pairs => json!({
            "oneOf": [
                { "type": "object", "additionalProperties": { "type": ["string", "integer"] } },
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "name": { "type": "string" },
                            "value": { "type": ["string", "integer"] },
                        },
                        "required": ["name"],
                    },
                },
            ],
        }),
        Shape::TableOrOff => json!({ "oneOf": [{ "enum": [false, "off"] }, inner()] }),
        Shape::Any => json!({}),
    };
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), key.doc.into());
    }
    schema
}

/// `[[models.targets]]` is at `models.targets`.
fn path_of(section: &Section) -> &'static str {
    section.title.trim_matches(['[', ']'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_its_keys_in_the_schema() {
        let schema = toml_schema();
        for section in sections() {
            let mut at = &schema;
            for part in path_of(&section).split('.').filter(|part| !part.is_empty()) {
                at = &at["properties"][part];
                at = match at.get("items").or_else(|| at.pointer("/oneOf/1")) {
                    Some(inner) => inner,
                    None => at,
                };
            }
            for key in section.keys.iter().filter(|key| key.available) {
                assert_eq!(
                    at["properties"][key.name]["description"], key.doc,
                    "{} {}",
                    section.title, key.name
                );
            }
        }
    }
}
