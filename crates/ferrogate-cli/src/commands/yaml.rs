//! JSON values as YAML.
//!
//! A writer of our own: what is written is JSON's six kinds of values and nothing else, which is less than the settings
//! of a crate, and the widely used one is no longer maintained. Strings are plain where nobody could take them for
//! something else, and JSON strings elsewhere, which YAML 1.2 reads as they are (section 7.3.1).

use serde_json::Value;

/// A value as a YAML document.
pub(super) fn document(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, 0);
    text.trim_start_matches('\n').to_owned()
}

/// JSON for a terminal, which must not obey the control characters that JSON lets through.
pub(super) fn json(value: &Value) -> String {
    escaped(&format!("{value:#}"))
}

/// Control characters that JSON may hold bare: they stand in strings only, and are escaped there.
pub(super) fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                text.extend(format!("\\u{:04x}", u32::from(c)).chars());
            }
            c => text.push(c),
        }
    }
    text
}

/// Adds a value behind `name:` or `-`: on the same line, or in lines of its own that are this far in.
fn write(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                begin(text, depth);
                text.push_str(&scalar(name));
                text.push(':');
                write(text, value, depth + 1);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                begin(text, depth);
                text.push('-');
                write(text, item, depth + 1);
            }
        }
        simple => {
            let word = match simple {
                Value::String(string) => scalar(string),
                other => other.to_string(),
            };
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&word);
            text.push('\n');
        }
    }
}

/// Begins a line, or goes on behind `- `, where the first member of an item stands.
fn begin(text: &mut String, depth: usize) {
    if text.ends_with('-') {
        text.push(' ');
        return;
    }
    if text.ends_with(':') {
        text.push('\n');
    }
    text.extend(std::iter::repeat_n("  ", depth));
}

fn scalar(string: &str) -> String {
    let first = string.chars().next();
    let plain = first.is_some_and(|first| first.is_ascii_alphabetic())
        && string
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-./@+".contains(c))
        && !WORDS.contains(&string.to_ascii_lowercase().as_str());
    if plain {
        string.to_owned()
    } else {
        escaped(&Value::from(string).to_string())
    }
}

/// Words that some reader takes for a value of another kind; YAML 1.1 section 10.3.2 has more than 1.2.
const WORDS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn values_are_written_in_blocks() {
        let value = json!({
            "data": [{ "id": "ci", "scopes": ["a.b", "*"], "limits": { "per": "day" } }, "x", [], [1, [2]]],
            "empty": {},
            "no": "no",
            "odd": "a: b\n\u{9b}",
            "when": "2026-11-20T00:00:00Z",
            "zero": null,
        });
        let expected = "\
data:
  - id: ci
    limits:
      per: day
    scopes:
      - a.b
      - \"*\"
  - x
  - []
  - - 1
    - - 2
empty: {}
\"no\": \"no\"
odd: \"a: b\\n\\u009b\"
when: \"2026-11-20T00:00:00Z\"
zero: null
";
        assert_eq!(super::document(&value), expected);
        assert_eq!(super::document(&json!("x")), "x\n");
        assert_eq!(super::document(&json!([{ "a": 1 }])), "- a: 1\n");
    }
}
