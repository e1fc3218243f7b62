//! What an answer repeats of its request.

use serde_json::value::RawValue;

use crate::DecodeError;
use crate::json::{Object, Writer};

/// Members of a request as its answer repeats them: SDKs insist on several.
#[derive(Clone, Debug)]
pub struct ResponsesEcho {
    /// JSON members, a comma between each two.
    members: String,
}

/// Members repeated as they were written, and what stands for those that were not.
const REPEATED: [(&str, &str); 9] = [
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("temperature", "null"),
    ("tool_choice", "\"auto\""),
    ("tools", "[]"),
    ("top_p", "null"),
    ("truncation", "\"disabled\""),
];

/// Members repeated only where they were written.
const OPTIONAL: [&str; 6] = [
    "max_tool_calls",
    "moderation",
    "prompt_cache_key",
    "safety_identifier",
    "top_logprobs",
    "user",
];

impl ResponsesEcho {
    /// Takes from a request what its answer repeats.
    pub fn of(body: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self::from_object(&mut Object::parse(body)?))
    }

    fn from_object(request: &mut Object<'_>) -> Self {
        let mut w = Writer::default();
        for (name, absent) in REPEATED {
            w.key(name);
            match request.take(name) {
                Some(raw) => w.raw(raw),
                None => w.literal(absent),
            };
        }
        for name in OPTIONAL {
            w.raw_if(name, request.take(name));
        }
        w.key("previous_response_id").literal("null");
        // Nothing is kept here, whatever was asked.
        w.member("store", &false);
        object(
            request.take("reasoning"),
            &[("effort", "null"), ("summary", "null")],
            w.key("reasoning"),
        );
        object(
            request.take("text"),
            &[("format", r#"{"type":"text"}"#)],
            w.key("text"),
        );
        Self {
            members: w.into_text(),
        }
    }

    /// JSON members, a comma between each two.
    pub(super) fn members(&self) -> &str {
        &self.members
    }
}

impl Default for ResponsesEcho {
    fn default() -> Self {
        Self::from_object(&mut Object::default())
    }
}

/// An object with members that are never absent.
fn object(written: Option<&RawValue>, always: &[(&str, &str)], w: &mut Writer) {
    let mut object = written.and_then(Object::of).unwrap_or_default();
    w.open();
    for (name, absent) in always {
        w.key(name);
        match object.take(name) {
            Some(raw) => w.raw(raw),
            None => w.literal(absent),
        };
    }
    w.rest(&object).close();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_what_was_written_and_says_what_was_not() {
        let body = br#"{"model":"m","input":"x","temperature":0.5,"store":true,"reasoning":{"effort":"low"},"text":{"verbosity":"low"},"user":"u"}"#;
        let echo = ResponsesEcho::of(body).unwrap();
        assert_eq!(
            echo.members(),
            r#""instructions":null,"max_output_tokens":null,"metadata":{},"parallel_tool_calls":true,"temperature":0.5,"tool_choice":"auto","tools":[],"top_p":null,"truncation":"disabled","user":"u","previous_response_id":null,"store":false,"reasoning":{"effort":"low","summary":null},"text":{"format":{"type":"text"},"verbosity":"low"}"#
        );
    }
}
