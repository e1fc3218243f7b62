//! A prompt as a conversation.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::chat::{Block, ChatRequest, Message, Role, Sampling};
use crate::json::{self, Object};
use crate::{DecodeError, Dialect};

/// Reads a request. What is left unread has the same name and sense in chat, so that is the dialect it is kept as.
pub(super) fn read(body: &[u8]) -> Result<ChatRequest<'_>, DecodeError> {
    let mut object = Object::parse(body)?;
    let model = object.text("model")?.ok_or(DecodeError::Model)?;
    let prompt = object.take("prompt").and_then(prompt).ok_or_else(|| {
        DecodeError::wrong(
            "prompt",
            "one text: this model's provider holds conversations, one at a time, and takes no tokens",
        )
    })?;
    let n = object.unsigned("n")?;
    if object.flag("echo")?.unwrap_or(false) {
        return Err(DecodeError::wrong(
            "echo",
            "false: this model's provider holds conversations and repeats no prompts",
        ));
    }
    if object.text("suffix")?.is_some_and(|text| !text.is_empty()) {
        return Err(DecodeError::wrong(
            "suffix",
            "absent: this model's provider holds conversations and fills no gaps",
        ));
    }
    if object.unsigned("best_of")?.unwrap_or(1) > n.unwrap_or(1) {
        return Err(DecodeError::wrong(
            "best_of",
            "at most `n`: this model's provider chooses among no answers",
        ));
    }
    let top_logprobs = object.unsigned("logprobs")?;
    let usage_asked = usage_asked(&mut object)?;
    let message = Message {
        plain: true,
        ..Message::new(Role::User, vec![Block::text(prompt).into()])
    };
    Ok(ChatRequest {
        model,
        messages: vec![message],
        sampling: Sampling {
            temperature: object.number("temperature")?,
            top_p: object.number("top_p")?,
            top_k: object.unsigned("top_k")?,
            frequency_penalty: object.number("frequency_penalty")?,
            presence_penalty: object.number("presence_penalty")?,
            seed: object.integer("seed")?,
            stop: object.texts("stop")?,
            n,
            logprobs: top_logprobs.map(|_| true),
            top_logprobs,
        },
        max_tokens: object.unsigned("max_tokens")?,
        user: object.text("user")?,
        stream: object.flag("stream")?.unwrap_or(false),
        usage_asked,
        extra: object,
        ..ChatRequest::new(Dialect::OpenAiChat)
    })
}

/// A text, or a list of one.
fn prompt(raw: &RawValue) -> Option<Cow<'_, str>> {
    if let Some(text) = json::text(raw) {
        return Some(text);
    }
    match json::array(raw)?.as_slice() {
        [one] => json::text(one),
        _ => None,
    }
}

fn usage_asked(object: &mut Object<'_>) -> Result<bool, DecodeError> {
    let Some(raw) = object.take("stream_options") else {
        return Ok(false);
    };
    let mut options = Object::of(raw).ok_or(DecodeError::StreamOptions)?;
    let asked = options
        .flag("include_usage")
        .map_err(|error| error.within("stream_options"))?;
    Ok(asked.unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_conversation_can_do_is_refused_by_name() {
        for (members, param) in [
            (r#""prompt":["a","b"]"#, "prompt"),
            (r#""prompt":[1,2]"#, "prompt"),
            (r#""prompt":null"#, "prompt"),
            (r#""prompt":"a","echo":true"#, "echo"),
            (r#""prompt":"a","suffix":"b""#, "suffix"),
            (r#""prompt":"a","n":2,"best_of":3"#, "best_of"),
            (r#""prompt":"a","logprobs":"two""#, "logprobs"),
        ] {
            let body = format!(r#"{{"model":"m",{members}}}"#);
            let error = read(body.as_bytes()).unwrap_err();
            assert_eq!(error.param(), Some(param), "{members}");
        }
    }

    #[test]
    fn what_asks_for_nothing_is_taken() {
        let body =
            br#"{"model":"m","prompt":["a"],"echo":false,"suffix":"","best_of":1,"logprobs":null}"#;
        let request = read(body).unwrap();
        assert!(request.extra.is_empty());
        assert_eq!(request.sampling.logprobs, None);
    }
}
