//! Conversations, answers and streams of a wanted size, each in the words of its dialect.

use bytes::Bytes;
use ferrogate_llm::{Dialect, encode_message};
use serde_json::{Value, json};

/// From here on a request is one picture, not a long conversation.
const PICTURE: usize = 1 << 20;

/// A request of about `size` bytes: OpenAI's or Anthropic's.
pub(crate) fn request(dialect: Dialect, size: usize) -> Bytes {
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] });
    let (name, purpose) = ("get_weather", "Current weather for a place");
    let instructions = "Answer in one sentence.";
    let mut body = if dialect == Dialect::Anthropic {
        json!({
            "model": "asked", "max_tokens": 512, "temperature": 0.7, "system": instructions, "messages": [],
            "tools": [{ "name": name, "description": purpose, "input_schema": schema }],
        })
    } else {
        json!({
            "model": "asked", "max_completion_tokens": 512, "temperature": 0.7,
            "messages": [{ "role": "system", "content": instructions }],
            "tools": [{
                "type": "function", "function": { "name": name, "description": purpose, "parameters": schema },
            }],
        })
    };
    let room = size.saturating_sub(body.to_string().len());
    let messages = body["messages"]
        .as_array_mut()
        .expect("a list was put there");
    if size >= PICTURE {
        messages.push(picture(dialect, room));
    } else {
        let each = room.clamp(100, 800);
        for turn in 0..(room / each) | 1 {
            let role = if turn % 2 == 0 { "user" } else { "assistant" };
            messages.push(json!({ "role": role, "content": text(each.saturating_sub(40)) }));
        }
    }
    body.to_string().into()
}

/// A question about a picture.
fn picture(dialect: Dialect, size: usize) -> Value {
    let data = "iVBORw0K".repeat(size / 8);
    let image = if dialect == Dialect::Anthropic {
        json!({ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": data } })
    } else {
        let url = format!("data:image/png;base64,{data}");
        json!({ "type": "image_url", "image_url": { "url": url } })
    };
    json!({ "role": "user", "content": [{ "type": "text", "text": "What is this?" }, image] })
}

/// An answer of about `size` bytes.
pub(crate) fn answer(dialect: Dialect, size: usize) -> Bytes {
    let text = text(size.saturating_sub(250));
    let body = match dialect {
        Dialect::Anthropic => json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
            "content": [{ "type": "text", "text": text }], "stop_reason": "end_turn", "stop_sequence": null,
            "usage": { "input_tokens": 300, "output_tokens": 200 },
        }),
        Dialect::Gemini => json!({
            "candidates": [{
                "content": { "role": "model", "parts": [{ "text": text }] }, "finishReason": "STOP", "index": 0,
            }],
            "usageMetadata": { "promptTokenCount": 300, "candidatesTokenCount": 200, "totalTokenCount": 500 },
            "modelVersion": "m", "responseId": "r",
        }),
        Dialect::Converse => json!({
            "output": { "message": { "role": "assistant", "content": [{ "text": text }] } },
            "stopReason": "end_turn",
            "usage": { "inputTokens": 300, "outputTokens": 200, "totalTokens": 500 },
            "metrics": { "latencyMs": 734 },
        }),
        Dialect::Cohere => json!({
            "id": "c", "finish_reason": "COMPLETE",
            "message": { "role": "assistant", "content": [{ "type": "text", "text": text }] },
            "usage": { "tokens": { "input_tokens": 300.0, "output_tokens": 200.0 } },
        }),
        _ => json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{
                "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": "stop",
            }],
            "usage": { "prompt_tokens": 300, "completion_tokens": 200, "total_tokens": 500 },
        }),
    };
    body.to_string().into()
}

/// Prose of `size` bytes with the line ends and quotes that have to be escaped.
fn text(size: usize) -> String {
    const WORDS: &str =
        "The rain in Oslo falls \"softly\" on the roofs of the old town, and nobody minds.\n";
    WORDS.chars().cycle().take(size).collect()
}

/// A stream of `events` small pieces of text between what begins and ends it.
pub(crate) fn stream(dialect: Dialect, events: usize) -> Vec<Bytes> {
    let (begin, piece, end) = match dialect {
        Dialect::Anthropic => anthropic(),
        Dialect::Gemini => gemini(),
        Dialect::Converse => converse(),
        Dialect::Cohere => cohere(),
        Dialect::Ollama => ollama(),
        Dialect::OpenAiResponses => responses(),
        _ => chat(),
    };
    let pieces = std::iter::repeat_n(piece, events);
    begin.into_iter().chain(pieces).chain(end).collect()
}

/// What begins a stream, one piece of text, what ends it.
type Parts = (Vec<Bytes>, Bytes, Vec<Bytes>);

fn data(event: &Value) -> Bytes {
    format!("data: {event}\n\n").into()
}

fn named(event: &Value) -> Bytes {
    let name = event["type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {event}\n\n").into()
}

fn chat() -> Parts {
    let chunk = |delta: Value, finish: Value| {
        data(&json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
        }))
    };
    let usage = json!({ "prompt_tokens": 300, "completion_tokens": 200, "total_tokens": 500 });
    (
        vec![chunk(
            json!({ "role": "assistant", "content": "" }),
            Value::Null,
        )],
        chunk(json!({ "content": "token " }), Value::Null),
        vec![
            chunk(json!({}), "stop".into()),
            data(&json!({ "id": "chatcmpl-1", "model": "m", "choices": [], "usage": usage })),
            Bytes::from_static(b"data: [DONE]\n\n"),
        ],
    )
}

fn responses() -> Parts {
    let response = |status: &str, usage: Value| json!({ "id": "resp_1", "object": "response", "status": status, "model": "m", "output": [], "usage": usage });
    let text = |kind: &str| json!({ "type": kind, "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": "token " });
    let item = |kind: &str| {
        let item = json!({ "id": "msg_1", "type": "message", "role": "assistant", "content": [] });
        named(&json!({ "type": kind, "output_index": 0, "item": item }))
    };
    let usage = json!({ "input_tokens": 300, "output_tokens": 200, "total_tokens": 500 });
    (
        vec![
            named(
                &json!({ "type": "response.created", "response": response("in_progress", Value::Null) }),
            ),
            item("response.output_item.added"),
        ],
        named(&text("response.output_text.delta")),
        vec![
            item("response.output_item.done"),
            named(
                &json!({ "type": "response.completed", "response": response("completed", usage) }),
            ),
        ],
    )
}

fn anthropic() -> Parts {
    let message = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
        "usage": { "input_tokens": 300, "output_tokens": 1 },
    });
    let block = json!({ "type": "text", "text": "" });
    let delta = json!({ "type": "text_delta", "text": "token " });
    (
        vec![
            named(&json!({ "type": "message_start", "message": message })),
            named(&json!({ "type": "content_block_start", "index": 0, "content_block": block })),
        ],
        named(&json!({ "type": "content_block_delta", "index": 0, "delta": delta })),
        vec![
            named(&json!({ "type": "content_block_stop", "index": 0 })),
            named(&json!({
                "type": "message_delta", "delta": { "stop_reason": "end_turn" }, "usage": { "output_tokens": 200 },
            })),
            named(&json!({ "type": "message_stop" })),
        ],
    )
}

fn gemini() -> Parts {
    let event = |text: &str, finish: Value| {
        data(&json!({
            "candidates": [{
                "content": { "role": "model", "parts": [{ "text": text }] }, "index": 0, "finishReason": finish,
            }],
            "usageMetadata": { "promptTokenCount": 300, "candidatesTokenCount": 200, "totalTokenCount": 500 },
            "modelVersion": "m", "responseId": "r",
        }))
    };
    (
        Vec::new(),
        event("token ", Value::Null),
        vec![event("", "STOP".into())],
    )
}

fn converse() -> Parts {
    let event = |name: &str, payload: Value| encode_message(name, payload.to_string().as_bytes());
    let usage = json!({ "inputTokens": 300, "outputTokens": 200, "totalTokens": 500 });
    (
        vec![event("messageStart", json!({ "role": "assistant" }))],
        event(
            "contentBlockDelta",
            json!({ "contentBlockIndex": 0, "delta": { "text": "token " } }),
        ),
        vec![
            event("contentBlockStop", json!({ "contentBlockIndex": 0 })),
            event("messageStop", json!({ "stopReason": "end_turn" })),
            event(
                "metadata",
                json!({ "usage": usage, "metrics": { "latencyMs": 734 } }),
            ),
        ],
    )
}

fn cohere() -> Parts {
    let message = |content: Value| json!({ "message": { "content": content } });
    let begun = message(json!({ "type": "text", "text": "" }));
    let usage = json!({ "tokens": { "input_tokens": 300.0, "output_tokens": 200.0 } });
    (
        vec![
            named(
                &json!({ "type": "message-start", "id": "c", "delta": { "message": { "role": "assistant" } } }),
            ),
            named(&json!({ "type": "content-start", "index": 0, "delta": begun })),
        ],
        named(
            &json!({ "type": "content-delta", "index": 0, "delta": message(json!({ "text": "token " })) }),
        ),
        vec![
            named(&json!({ "type": "content-end", "index": 0 })),
            named(
                &json!({ "type": "message-end", "delta": { "finish_reason": "COMPLETE", "usage": usage } }),
            ),
        ],
    )
}

fn ollama() -> Parts {
    let line = |text: &str| {
        let message = json!({ "role": "assistant", "content": text });
        json!({ "model": "m", "created_at": "2026-11-03T10:00:00.000000Z", "message": message, "done": false })
    };
    let mut last = line("");
    last["done"] = true.into();
    last["done_reason"] = "stop".into();
    last["prompt_eval_count"] = 300.into();
    last["eval_count"] = 200.into();
    (
        Vec::new(),
        format!("{}\n", line("token ")).into(),
        vec![format!("{last}\n").into()],
    )
}
