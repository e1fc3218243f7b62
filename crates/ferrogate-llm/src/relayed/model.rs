//! The model's name in what passes.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use serde_json::value::RawValue;

use crate::{Dialect, json};

/// A whole answer with the model the caller asked for in place of the provider's name for it.
pub fn with_model(dialect: Dialect, body: &Bytes, model: &str) -> Bytes {
    with_model_at(body, model_span(dialect, body), model)
}

/// The same where it is known already at which bytes the model stands.
pub(crate) fn with_model_at(body: &Bytes, span: Option<Range<usize>>, model: &str) -> Bytes {
    match span {
        Some(span) => respell(body, &span, &serde_json::Value::from(model).to_string()),
        None => body.clone(),
    }
}

pub(super) fn respell(raw: &Bytes, span: &Range<usize>, quoted: &str) -> Bytes {
    if raw.get(span.clone()) == Some(quoted.as_bytes()) {
        return raw.clone();
    }
    let mut out = BytesMut::with_capacity(raw.len() + quoted.len());
    out.extend_from_slice(raw.get(..span.start).unwrap_or_default());
    out.extend_from_slice(quoted.as_bytes());
    out.extend_from_slice(raw.get(span.end..).unwrap_or_default());
    out.freeze()
}

/// Where a dialect names the model in an answer or an event.
pub(super) fn model_span(dialect: Dialect, data: &[u8]) -> Option<Range<usize>> {
    let (outer, name) = match dialect {
        Dialect::OpenAiChat | Dialect::OpenAiText | Dialect::Ollama => (None, "model"),
        Dialect::OpenAiResponses => (Some("response"), "model"),
        Dialect::Anthropic => (Some("message"), "model"),
        Dialect::Gemini => (None, "modelVersion"),
        Dialect::Converse | Dialect::Cohere | Dialect::Replicate => return None,
    };
    // Most events of most dialects do not name it, and looking is cheaper than parsing.
    memchr::memmem::find(data, name.as_bytes())?;
    let [own, inner] = json::peek(data, [name, outer.unwrap_or_default()]).ok()?;
    // A whole answer has it at the top, an event within.
    let raw = match inner.filter(|_| outer.is_some()) {
        Some(inner) => json::peek(inner.get().as_bytes(), [name]).ok()?[0]?,
        None => own?,
    };
    text_span(data, raw)
}

/// Where a string lies in the bytes it was parsed from.
pub(crate) fn text_span(data: &[u8], raw: &RawValue) -> Option<Range<usize>> {
    raw.get().starts_with('"').then(|| {
        let start = raw.get().as_ptr().addr() - data.as_ptr().addr();
        start..start + raw.get().len()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_model_asked_for_in_whole_answers() {
        for (dialect, body, expected) in [
            (
                Dialect::OpenAiChat,
                r#"{"model":"a","x":1.0}"#,
                r#"{"model":"m","x":1.0}"#,
            ),
            (Dialect::Anthropic, r#"{"model":"a"}"#, r#"{"model":"m"}"#),
            (
                Dialect::Anthropic,
                r#"{"message":{"model":"a"}}"#,
                r#"{"message":{"model":"m"}}"#,
            ),
            (
                Dialect::Gemini,
                r#"{"modelVersion":"a"}"#,
                r#"{"modelVersion":"m"}"#,
            ),
            (Dialect::Cohere, r#"{"model":"a"}"#, r#"{"model":"a"}"#),
            (
                Dialect::OpenAiChat,
                r#"{"model":null}"#,
                r#"{"model":null}"#,
            ),
        ] {
            assert_eq!(
                with_model(dialect, &Bytes::copy_from_slice(body.as_bytes()), "m"),
                expected
            );
        }
    }
}
