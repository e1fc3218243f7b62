//! Cohere's `usage`.

use ferrogate_types::Usage;
use serde_json::value::RawValue;

use crate::json::{Object, Writer};

/// Reads it; `None` where it says nothing. The tokens the model saw count, with the vendor's own preamble; only where
/// they are missing, those that are billed. Numbers are floats.
pub(super) fn read(raw: &RawValue) -> Option<Usage> {
    let mut object = Object::of(raw)?;
    let mut pair = |name| {
        let mut tokens = object.object(name).ok()??;
        let input = tokens.unsigned("input_tokens").ok().flatten();
        let output = tokens.unsigned("output_tokens").ok().flatten();
        (input.is_some() || output.is_some())
            .then(|| (input.unwrap_or_default(), output.unwrap_or_default()))
    };
    let (input, output) = pair("tokens").or_else(|| pair("billed_units"))?;
    let cached = object.unsigned("cached_tokens").ok().flatten();
    Some(Usage {
        input,
        cached_input: cached.unwrap_or_default().min(input),
        output,
        ..Usage::default()
    })
}

/// Writes it.
pub(super) fn write(usage: &Usage, w: &mut Writer) {
    w.open();
    for name in ["billed_units", "tokens"] {
        w.key(name).open();
        w.member("input_tokens", &usage.input);
        w.member("output_tokens", &usage.output).close();
    }
    w.member("cached_tokens", &usage.cached_input).close();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_floats_and_tokens_come_first() {
        for (json, expected) in [
            (
                r#"{"billed_units":{"input_tokens":5.0},"tokens":{"input_tokens":12.0,"output_tokens":3.0},"cached_tokens":4.0}"#,
                Some((12, 3, 4)),
            ),
            (
                r#"{"billed_units":{"input_tokens":5,"output_tokens":2}}"#,
                Some((5, 2, 0)),
            ),
            (r#"{"billed_units":{"search_units":1}}"#, None),
            ("null", None),
        ] {
            let usage = read(serde_json::from_str(json).unwrap());
            let found = usage.map(|usage| (usage.input, usage.output, usage.cached_input));
            assert_eq!(found, expected, "{json}");
        }
    }
}
