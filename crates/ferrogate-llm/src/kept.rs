//! A whole answer for a caller of the provider's own dialect.

use bytes::Bytes;
use ferrogate_types::Usage;
use serde::de::IgnoredAny;

use crate::{Dialect, UpstreamFault, json, relayed, usage};

/// An answer in OpenAI's dialects that passes as it came, but for the name of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What the caller gets.
    pub body: Bytes,
    /// What it used, where it tells.
    pub usage: Option<Usage>,
}

/// Why an answer cannot pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unkept {
    /// It is the provider's error.
    Fault(UpstreamFault),
    /// It is not JSON.
    NotJson,
}

impl Kept {
    /// Checks an answer, reads its usage and puts in the model asked for, all in one look at its bytes.
    pub fn read(dialect: Dialect, body: &Bytes, asked_model: &str) -> Result<Self, Unkept> {
        if std::str::from_utf8(body).is_err() {
            return Err(Unkept::NotJson);
        }
        let names = [
            "error", "type", "usage", "model", "response", "x_groq", "choices",
        ];
        let Ok([error, kind, used, model, response, groq, choices]) = json::peek(body, names)
        else {
            // A list or a bare value is an answer too; nobody expects anything in it.
            let valid = serde_json::from_slice::<IgnoredAny>(body).is_ok();
            return valid
                .then(|| Self {
                    body: body.clone(),
                    usage: None,
                })
                .ok_or(Unkept::NotJson);
        };
        let within = choices
            .is_some_and(|raw| memchr::memmem::find(raw.get().as_bytes(), b"\"error\"").is_some());
        if (error.is_some() || kind.is_some() || groq.is_some() || within)
            && let Some(fault) = UpstreamFault::in_answer(body)
        {
            return Err(Unkept::Fault(fault));
        }
        let [inner_used, inner_model] = response
            .and_then(|inner| json::peek(inner.get().as_bytes(), ["usage", "model"]).ok())
            .unwrap_or_default();
        let inner = response.filter(|_| dialect == Dialect::OpenAiResponses);
        let model = inner.map_or(model, |_| inner_model);
        let span = model.and_then(|raw| relayed::text_span(body, raw));
        Ok(Self {
            body: relayed::with_model_at(body, span, asked_model),
            usage: used
                .filter(|raw| raw.get() != "null")
                .or(inner_used)
                .and_then(|raw| usage::read_object(raw.get().as_bytes())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{read_usage, with_model};

    #[test]
    fn says_what_the_looks_one_by_one_say() {
        for dialect in [Dialect::OpenAiChat, Dialect::OpenAiResponses] {
            for body in [
                r#"{"model":"a","choices":[],"usage":{"prompt_tokens":3,"total_tokens":5}}"#,
                r#"{"model":"a","error":null,"usage":null}"#,
                r#"{"type":"response.completed","response":{"model":"b","usage":{"input_tokens":7}},"model":"a"}"#,
                r#"{"response":null,"usage":{"prompt_tokens":"x"},"model":1}"#,
                "[1, 2]",
                "\"text\"",
            ] {
                let bytes = Bytes::copy_from_slice(body.as_bytes());
                let expected = Kept {
                    body: with_model(dialect, &bytes, "m"),
                    usage: read_usage(&bytes),
                };
                assert_eq!(Kept::read(dialect, &bytes, "m"), Ok(expected), "{body}");
            }
        }
    }

    #[test]
    fn refuses_errors_and_what_is_not_json() {
        let read = |body: &'static str| {
            Kept::read(
                Dialect::OpenAiChat,
                &Bytes::from_static(body.as_bytes()),
                "m",
            )
        };
        for body in [
            r#"{"error":{"message":"no"}}"#,
            r#"{"error":"no"}"#,
            r#"{"choices":[{"finish_reason":"error","error":{"message":"no"}}]}"#,
        ] {
            assert!(
                matches!(read(body), Err(Unkept::Fault(said)) if said.message == "no"),
                "{body}"
            );
        }
        for body in ["", "<html>", r#"{"model":"a""#, r#"{"model":"a"} x"#] {
            assert_eq!(read(body), Err(Unkept::NotJson), "{body}");
        }
    }
}
