//! Good answers in OpenAI's shapes. Source: OpenAI's OpenAPI document.

use serde_json::{Value, json};

/// What of the API is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surface {
    Chat,
    Completions,
    Embeddings,
    Responses,
}

/// The words of every answer: with characters of two, three and four bytes.
const WORDS: [&str; 4] = ["Grüß ", "Gott, ", "Oslo… ", "🌧"];
const INPUT_TOKENS: u64 = 11;
const OUTPUT_TOKENS: u64 = 7;

impl Surface {
    pub(super) fn at(target: &str) -> Option<Self> {
        match target.strip_prefix("/v1")? {
            "/chat/completions" => Some(Self::Chat),
            "/completions" => Some(Self::Completions),
            "/embeddings" => Some(Self::Embeddings),
            "/responses" => Some(Self::Responses),
            _ => None,
        }
    }

    pub(super) fn streams(self, request: &Value) -> bool {
        self != Self::Embeddings && request["stream"] == true
    }
}

/// A whole answer.
pub(super) fn json(surface: Surface, request: &Value) -> Value {
    let model = &request["model"];
    match surface {
        Surface::Chat => json!({
            "id": "chatcmpl-fake", "object": "chat.completion", "created": 1_790_000_001, "model": model,
            "choices": [{
                "index": 0, "finish_reason": "stop", "logprobs": null,
                "message": { "role": "assistant", "content": WORDS.concat(), "refusal": null },
            }],
            "usage": usage(),
        }),
        Surface::Completions => json!({
            "id": "cmpl-fake", "object": "text_completion", "created": 1_790_000_001, "model": model,
            "choices": [{ "index": 0, "text": WORDS.concat(), "finish_reason": "stop", "logprobs": null }],
            "usage": usage(),
        }),
        Surface::Embeddings => json!({
            "object": "list", "model": model,
            "data": [{ "object": "embedding", "index": 0, "embedding": [0.5, -0.25, 0.125, 1.0] }],
            "usage": { "prompt_tokens": INPUT_TOKENS, "total_tokens": INPUT_TOKENS },
        }),
        Surface::Responses => response(model, "completed"),
    }
}

/// The events of a stream, framed, the terminal one last.
pub(super) fn events(surface: Surface, request: &Value) -> Vec<String> {
    let model = &request["model"];
    if surface == Surface::Responses {
        return response_events(model);
    }
    let usage_asked = request["stream_options"]["include_usage"] == true;
    let object = if surface == Surface::Chat {
        "chat.completion.chunk"
    } else {
        "text_completion"
    };
    let event = |choices: Value, usage: Value| {
        let mut chunk = json!({
            "id": "fake-stream", "object": object, "created": 1_790_000_002, "model": model, "choices": choices,
        });
        // OpenAI sends the member in every chunk when usage was asked for, and in none otherwise.
        if usage_asked {
            chunk["usage"] = usage;
        }
        format!("data: {chunk}\n\n")
    };
    let piece = |text: &str, finish: Value| match surface {
        Surface::Chat => {
            json!([{ "index": 0, "delta": { "content": text }, "finish_reason": finish }])
        }
        _ => json!([{ "index": 0, "text": text, "finish_reason": finish }]),
    };
    let mut events: Vec<String> = WORDS
        .iter()
        .map(|word| event(piece(word, Value::Null), Value::Null))
        .collect();
    events.push(event(piece("", "stop".into()), Value::Null));
    if usage_asked {
        events.push(event(json!([]), usage()));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

fn response_events(model: &Value) -> Vec<String> {
    let mut number = 0;
    let mut event = |kind: &str, mut data: Value| {
        data["type"] = kind.into();
        data["sequence_number"] = number.into();
        number += 1;
        format!("event: {kind}\ndata: {data}\n\n")
    };
    let mut events = vec![event(
        "response.created",
        json!({ "response": response(model, "in_progress") }),
    )];
    for word in WORDS {
        let place =
            json!({ "item_id": "msg_fake", "output_index": 0, "content_index": 0, "delta": word });
        events.push(event("response.output_text.delta", place));
    }
    events.push(event(
        "response.completed",
        json!({ "response": response(model, "completed") }),
    ));
    events
}

fn response(model: &Value, status: &str) -> Value {
    let done = status == "completed";
    let message = json!({
        "id": "msg_fake", "type": "message", "role": "assistant", "status": "completed",
        "content": [{ "type": "output_text", "text": WORDS.concat(), "annotations": [] }],
    });
    let usage = json!({
        "input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS, "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
    });
    json!({
        "id": "resp_fake", "object": "response", "created_at": 1_790_000_003, "status": status, "error": null,
        "model": model, "output": if done { json!([message]) } else { json!([]) },
        "usage": if done { usage } else { Value::Null },
    })
}

fn usage() -> Value {
    usage_of(OUTPUT_TOKENS)
}

/// What was used up to an event of a stream, which is everything with the one that says why it finished.
pub(super) fn usage_so_far(index: usize) -> Value {
    let words = WORDS.len();
    usage_of(if index < words {
        u64::try_from(index).unwrap_or_default() + 1
    } else {
        OUTPUT_TOKENS
    })
}

fn usage_of(output: u64) -> Value {
    json!({
        "prompt_tokens": INPUT_TOKENS, "completion_tokens": output, "total_tokens": INPUT_TOKENS + output,
        "prompt_tokens_details": { "cached_tokens": 0 }, "completion_tokens_details": { "reasoning_tokens": 0 },
    })
}
