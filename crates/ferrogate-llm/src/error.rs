//! Errors in OpenAI's shape, written and read.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::json;

mod meaning;

pub use meaning::Meaning;

/// The error envelope `{"error":{"message","type","param","code"}}`.
///
/// Source: OpenAI's OpenAPI document, `ErrorResponse`.
#[derive(Clone, Debug)]
pub struct ErrorBody<'a> {
    /// For people: what happened and what to do.
    pub message: &'a str,
    /// The class: `invalid_request_error`, `authentication_error`, `server_error`, …
    pub kind: &'a str,
    /// The request's member at fault.
    pub param: Option<&'a str>,
    /// The machine-readable reason.
    pub code: &'a str,
    /// The request's id, for dialects that tell it in the body.
    pub request_id: Option<&'a str>,
}

impl ErrorBody<'_> {
    /// The envelope as JSON.
    pub fn to_json(&self) -> Value {
        json!({ "error": { "message": self.message, "type": self.kind, "param": self.param, "code": self.code } })
    }
}

/// What a provider said went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamFault {
    /// Its message, or the start of a body that is no envelope.
    pub message: String,
    /// Its `type`, when it has one.
    pub kind: Option<String>,
    /// Its `param`, when it has one.
    pub param: Option<String>,
    /// Its `code`, when it has one; numbers are written out.
    pub code: Option<String>,
}

/// The code of an event that is not even JSON.
const JUNK: &str = "invalid_event";

impl UpstreamFault {
    /// What we say about an answer that makes no sense.
    pub fn because(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            kind: None,
            param: None,
            code: None,
        }
    }

    /// What we say about an event of a stream that is not even JSON.
    pub(crate) fn junk() -> Self {
        Self {
            code: Some(JUNK.to_owned()),
            ..Self::because("an event of the stream is not JSON")
        }
    }

    /// Whether it is about an event that is not even JSON, and so no word of the provider's.
    pub fn is_junk(&self) -> bool {
        self.code.as_deref() == Some(JUNK)
    }

    /// Reads an error answer. Whatever it is, something is said about it: a proxy's HTML page and an empty
    /// body are errors, too.
    pub fn read(body: &[u8]) -> Self {
        serde_json::from_slice::<Value>(body)
            .ok()
            .and_then(|json| Self::in_json(&json).or_else(|| Self::flat(&json)))
            .unwrap_or_else(|| Self {
                message: excerpt(body),
                kind: None,
                param: None,
                code: None,
            })
    }

    /// The error in a 200 answer or in a stream's event, if it is one: `{"error": …}` with anything but null, an event
    /// of the Responses API of type `error`, Groq's `x_groq.error`, or OpenRouter's `choices[].error`.
    ///
    /// Sources: Groq's API reference, `x_groq` of a chunk; OpenRouter's documentation, "Errors".
    pub fn in_answer(body: &[u8]) -> Option<Self> {
        // The word is in every whole answer of some servers, as `null`: the rest of the answer is not built for it.
        memchr::memmem::find(body, b"\"error\"")?;
        let names = ["error", "type", "x_groq", "choices"];
        let [error, kind, groq, choices] = json::peek(body, names).ok()?;
        let named = kind.is_some_and(|kind| kind.get() == "\"error\"");
        if !named && error.is_none_or(|error| error.get() == "null") {
            let choices = choices.and_then(json::array).unwrap_or_default();
            return groq.into_iter().chain(choices).find_map(Self::inner);
        }
        let json: Value = serde_json::from_slice(body).ok()?;
        Self::in_json(&json)
    }

    /// The error of a part of an answer, unless it is null.
    fn inner(part: &RawValue) -> Option<Self> {
        memchr::memmem::find(part.get().as_bytes(), b"\"error\"")?;
        let [error] = json::peek(part.get().as_bytes(), ["error"]).ok()?;
        let error = error.filter(|error| error.get() != "null")?;
        Self::in_json(&json!({ "error": error }))
    }

    /// The same as an envelope.
    pub(crate) fn body(&self) -> ErrorBody<'_> {
        ErrorBody {
            message: &self.message,
            kind: self.kind.as_deref().unwrap_or("server_error"),
            param: self.param.as_deref(),
            code: self.code.as_deref().unwrap_or("upstream_error"),
            request_id: None,
        }
    }

    /// Its texts rewritten, each by `rewrite`: what a provider says may hold what a caller must not see.
    #[must_use]
    pub fn map(self, rewrite: impl Fn(&str) -> String) -> Self {
        let each = |text: Option<String>| text.map(|text| rewrite(&text));
        Self {
            message: rewrite(&self.message),
            kind: each(self.kind),
            param: each(self.param),
            code: each(self.code),
        }
    }

    fn in_json(json: &Value) -> Option<Self> {
        let error = match json.get("error") {
            Some(Value::Null) | None => {
                return if json.get("type").and_then(Value::as_str) == Some("error") {
                    Some(Self::from_object(json))
                } else {
                    None
                };
            }
            Some(error) => error,
        };
        match error {
            Value::String(message) => Some(Self {
                message: message.clone(),
                kind: None,
                param: None,
                code: None,
            }),
            Value::Object(_) => Some(Self::from_object(error)),
            other => Some(Self {
                message: other.to_string(),
                kind: None,
                param: None,
                code: None,
            }),
        }
    }

    /// An error without an envelope: `message` (AWS, Cohere, Databricks), or `detail` (Replicate, RFC 9457).
    fn flat(json: &Value) -> Option<Self> {
        let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
        let message = text("message")
            .or_else(|| text("Message"))
            .or_else(|| text("detail"))
            .or_else(|| text("title"))?;
        // Source: Bedrock's `ValidationException`, which has no code for it.
        let too_long = message.contains("Input is too long for requested model");
        Some(Self {
            kind: text("__type").or_else(|| text("type")),
            param: None,
            code: too_long
                .then(|| "context_length_exceeded".to_owned())
                .or_else(|| text("error_code").or_else(|| text("code"))),
            message,
        })
    }

    fn from_object(error: &Value) -> Self {
        let written = |value: Option<&Value>| match value {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let text = |name: &str| written(error.get(name));
        Self {
            message: text("message").unwrap_or_else(|| error.to_string()),
            kind: text("type"),
            param: text("param"),
            // Anthropic's place for it is in `details`.
            code: text("code").or_else(|| written(error.get("details")?.get("error_code"))),
        }
    }
}

/// The start of a body that is no JSON, on one line.
fn excerpt(body: &[u8]) -> String {
    const LONGEST: usize = 200;
    let text = String::from_utf8_lossy(body.get(..body.len().min(4 * LONGEST)).unwrap_or_default());
    let line: Vec<&str> = text.split_whitespace().collect();
    let line: String = line.join(" ").chars().take(LONGEST).collect();
    if line.is_empty() {
        "the provider gave no reason".to_owned()
    } else {
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_envelopes_and_everything_else() {
        for (body, message, code) in [
            (
                r#"{"error":{"message":"no","type":"t","param":null,"code":"rate_limit_exceeded"}}"#,
                "no",
                Some("rate_limit_exceeded"),
            ),
            (
                r#"{"error":{"message":"no","code":429}}"#,
                "no",
                Some("429"),
            ),
            (r#"{"error":"model not found"}"#, "model not found", None),
            (
                "<html>\n<b>502</b> Bad\tGateway</html>",
                "<html> <b>502</b> Bad Gateway</html>",
                None,
            ),
            ("", "the provider gave no reason", None),
            (
                r#"{"message":"Input is too long for requested model."}"#,
                "Input is too long for requested model.",
                Some("context_length_exceeded"),
            ),
            (
                r#"{"title":"Input validation failed","detail":"- input: prompt is required","status":422}"#,
                "- input: prompt is required",
                None,
            ),
            (
                r#"{"type":"error","message":"x","code":"server_error"}"#,
                "x",
                Some("server_error"),
            ),
        ] {
            let fault = UpstreamFault::read(body.as_bytes());
            assert_eq!(
                (fault.message.as_str(), fault.code.as_deref()),
                (message, code),
                "{body}"
            );
        }
        assert_eq!(UpstreamFault::read(&[b'x'; 5000]).message.len(), 200);
    }

    #[test]
    fn finds_errors_in_answers_that_look_fine() {
        assert!(UpstreamFault::in_answer(br#"{"error":{"message":"overloaded"}}"#).is_some());
        assert!(UpstreamFault::in_answer(br#"{"choices":[],"error":null}"#).is_none());
        assert!(
            UpstreamFault::in_answer(br#"{"choices":[{"delta":{"content":"\"error\""}}]}"#)
                .is_none()
        );
        assert!(UpstreamFault::in_answer(b"data").is_none());
        for (body, message) in [
            (
                r#"{"choices":[{"index":0,"finish_reason":"error","error":{"code":502,"message":"gone"}}]}"#,
                Some("gone"),
            ),
            (
                r#"{"choices":[],"x_groq":{"id":"r","error":"over capacity"}}"#,
                Some("over capacity"),
            ),
            (
                r#"{"choices":[{"error":null}],"x_groq":{"error":null}}"#,
                None,
            ),
            (
                r#"{"choices":[{"message":{"content":"{\"error\":1}","annotations":[{"error":1}]}}]}"#,
                None,
            ),
        ] {
            let fault = UpstreamFault::in_answer(body.as_bytes());
            assert_eq!(
                fault.as_ref().map(|fault| fault.message.as_str()),
                message,
                "{body}"
            );
        }
    }
}
