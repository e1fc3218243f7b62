//! Chat and text completions.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Answer, SYSTEM_FINGERPRINT, Said, json_answer};
use crate::{StreamWatch, encode_event};

pub(super) fn chat_json(model: &str, said: &Said) -> Answer {
    json_answer(&json!({
        "id": format!("chatcmpl-{}", said.id),
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "system_fingerprint": SYSTEM_FINGERPRINT,
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": said.text, "refusal": null },
            "logprobs": null,
            "finish_reason": said.finish,
        }],
        "usage": said.chat_usage(),
    }))
}

pub(super) fn chat_stream(model: &str, said: &Said) -> Answer {
    let chunk = |choices: Value, usage: Value| {
        encode_event(
            None,
            &json!({
                "id": format!("chatcmpl-{}", said.id), "object": "chat.completion.chunk", "created": 0, "model": model,
                "system_fingerprint": SYSTEM_FINGERPRINT, "choices": choices, "usage": usage,
            })
            .to_string(),
        )
    };
    let delta = |delta: Value, finish: Value| {
        chunk(
            json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }]),
            Value::Null,
        )
    };
    let mut frames = vec![delta(
        json!({ "role": "assistant", "content": "", "refusal": null }),
        Value::Null,
    )];
    frames.extend(
        said.pieces
            .iter()
            .map(|piece| delta(json!({ "content": piece }), Value::Null)),
    );
    frames.push(delta(json!({}), said.finish.into()));
    frames.push(chunk(json!([]), said.chat_usage()));
    frames.push(StreamWatch::sentinel());
    Answer::Stream(frames)
}

pub(super) fn completion_json(model: &str, said: &Said) -> Answer {
    json_answer(&json!({
        "id": format!("cmpl-{}", said.id),
        "object": "text_completion",
        "created": 0,
        "model": model,
        "system_fingerprint": SYSTEM_FINGERPRINT,
        "choices": [{ "index": 0, "text": said.text, "logprobs": null, "finish_reason": said.finish }],
        "usage": said.chat_usage(),
    }))
}

pub(super) fn completion_stream(model: &str, said: &Said) -> Answer {
    let chunk = |choices: Value, usage: Value| {
        encode_event(
            None,
            &json!({
                "id": format!("cmpl-{}", said.id), "object": "text_completion", "created": 0, "model": model,
                "system_fingerprint": SYSTEM_FINGERPRINT, "choices": choices, "usage": usage,
            })
            .to_string(),
        )
    };
    let text = |text: &str, finish: Value| {
        chunk(
            json!([{ "index": 0, "text": text, "logprobs": null, "finish_reason": finish }]),
            Value::Null,
        )
    };
    let mut frames: Vec<Bytes> = said
        .pieces
        .iter()
        .map(|piece| text(piece, Value::Null))
        .collect();
    frames.push(text("", said.finish.into()));
    frames.push(chunk(json!([]), said.chat_usage()));
    frames.push(StreamWatch::sentinel());
    Answer::Stream(frames)
}
