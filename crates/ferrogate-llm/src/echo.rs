//! The built-in provider: answers with what it was asked, deterministically, in OpenAI's shapes.
//!
//! For trying the gateway without an account, and for tests. Every answer says what it is. Tokens are counted
//! as words, so that numbers can be checked by eye.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{OpenAiRequest, StreamWatch, Surface, encode_event};

/// The name of the model it claims to be.
pub const SYSTEM_FINGERPRINT: &str = "ferrogate-echo";

/// An answer of the echo provider.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A JSON body.
    Json(Bytes),
    /// Frames of a stream, the terminal one last.
    Stream(Vec<Bytes>),
}

/// Answers a request. The same request gives the same answer, `created` included.
pub fn answer(request: &OpenAiRequest, model: &str) -> Answer {
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    match request.surface() {
        Surface::Chat => {
            let said = Said::about(&chat_text(&body), &body);
            if request.stream() {
                chat_stream(model, &said)
            } else {
                chat_json(model, &said)
            }
        }
        Surface::Completions => {
            let said = Said::about(&prompt_text(body.get("prompt")), &body);
            if request.stream() {
                completion_stream(model, &said)
            } else {
                completion_json(model, &said)
            }
        }
        Surface::Responses => {
            let said = Said::about(&input_text(body.get("input")), &body);
            if request.stream() {
                responses_stream(model, &said)
            } else {
                responses_json(model, &said)
            }
        }
        Surface::Embeddings => embeddings_json(model, &body),
    }
}

/// What is said, cut into pieces as it is streamed, with its token counts.
struct Said {
    id: String,
    pieces: Vec<String>,
    text: String,
    input: usize,
    finish: &'static str,
}

impl Said {
    fn about(asked: &str, body: &Value) -> Self {
        let full =
            format!("Echo from Ferrogate's built-in provider (no model was called): {asked}");
        let limit = ["max_completion_tokens", "max_output_tokens", "max_tokens"]
            .iter()
            .find_map(|name| body.get(name).and_then(Value::as_u64))
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(usize::MAX);
        let all: Vec<String> = full.split_inclusive(' ').map(str::to_owned).collect();
        let cut = all.len() > limit;
        let pieces: Vec<String> = all.into_iter().take(limit).collect();
        Self {
            id: format!("{:016x}", fnv1a(body.to_string().as_bytes())),
            text: pieces.concat(),
            pieces,
            input: words(asked),
            finish: if cut { "length" } else { "stop" },
        }
    }

    fn output(&self) -> usize {
        self.pieces.len()
    }

    fn chat_usage(&self) -> Value {
        json!({
            "prompt_tokens": self.input,
            "completion_tokens": self.output(),
            "total_tokens": self.input + self.output(),
            "prompt_tokens_details": { "cached_tokens": 0 },
            "completion_tokens_details": { "reasoning_tokens": 0 },
        })
    }
}

fn chat_json(model: &str, said: &Said) -> Answer {
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

fn chat_stream(model: &str, said: &Said) -> Answer {
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

fn completion_json(model: &str, said: &Said) -> Answer {
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

fn completion_stream(model: &str, said: &Said) -> Answer {
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

fn response_object(model: &str, said: &Said, status: &str, output: &Value, usage: &Value) -> Value {
    let incomplete = if status == "incomplete" {
        json!({ "reason": "max_output_tokens" })
    } else {
        Value::Null
    };
    json!({
        "id": format!("resp_{}", said.id),
        "object": "response",
        "created_at": 0,
        "status": status,
        "error": null,
        "incomplete_details": incomplete,
        "instructions": null,
        "metadata": { "provider": SYSTEM_FINGERPRINT },
        "model": model,
        "output": output,
        "parallel_tool_calls": true,
        "temperature": null,
        "tool_choice": "auto",
        "tools": [],
        "top_p": null,
        "usage": usage,
    })
}

fn message_item(said: &Said, status: &str, content: &Value) -> Value {
    json!({ "id": format!("msg_{}", said.id), "type": "message", "role": "assistant", "status": status, "content": content })
}

fn text_part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [] })
}

fn responses_usage(said: &Said) -> Value {
    json!({
        "input_tokens": said.input,
        "input_tokens_details": { "cached_tokens": 0 },
        "output_tokens": said.output(),
        "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": said.input + said.output(),
    })
}

fn responses_status(said: &Said) -> &'static str {
    if said.finish == "length" {
        "incomplete"
    } else {
        "completed"
    }
}

fn responses_json(model: &str, said: &Said) -> Answer {
    let status = responses_status(said);
    let output = json!([message_item(said, status, &json!([text_part(&said.text)]))]);
    json_answer(&response_object(
        model,
        said,
        status,
        &output,
        &responses_usage(said),
    ))
}

/// The event sequence of OpenAI's Responses API for one text message.
fn responses_stream(model: &str, said: &Said) -> Answer {
    let status = responses_status(said);
    let item_id = format!("msg_{}", said.id);
    let started = response_object(model, said, "in_progress", &json!([]), &Value::Null);
    let item = message_item(said, status, &json!([text_part(&said.text)]));
    let finished = response_object(model, said, status, &json!([item]), &responses_usage(said));
    let place = |mut event: Value| {
        if let Some(event) = event.as_object_mut() {
            event.insert("item_id".to_owned(), item_id.clone().into());
            event.insert("output_index".to_owned(), 0.into());
            event.insert("content_index".to_owned(), 0.into());
        }
        event
    };
    let mut events = vec![
        ("response.created", json!({ "response": started })),
        ("response.in_progress", json!({ "response": started })),
        (
            "response.output_item.added",
            json!({ "output_index": 0, "item": message_item(said, "in_progress", &json!([])) }),
        ),
        (
            "response.content_part.added",
            place(json!({ "part": text_part("") })),
        ),
    ];
    events.extend(said.pieces.iter().map(|piece| {
        (
            "response.output_text.delta",
            place(json!({ "delta": piece, "logprobs": [] })),
        )
    }));
    events.push((
        "response.output_text.done",
        place(json!({ "text": said.text, "logprobs": [] })),
    ));
    events.push((
        "response.content_part.done",
        place(json!({ "part": text_part(&said.text) })),
    ));
    events.push((
        "response.output_item.done",
        json!({ "output_index": 0, "item": item }),
    ));
    let last = if status == "completed" {
        "response.completed"
    } else {
        "response.incomplete"
    };
    events.push((last, json!({ "response": finished })));
    let frames = events
        .into_iter()
        .enumerate()
        .map(|(number, (name, mut event))| {
            if let Some(event) = event.as_object_mut() {
                event.insert("type".to_owned(), name.into());
                event.insert("sequence_number".to_owned(), number.into());
            }
            encode_event(Some(name), &event.to_string())
        });
    Answer::Stream(frames.collect())
}

/// Vectors of eight numbers, derived from the text: equal texts are equal, others differ.
fn embeddings_json(model: &str, body: &Value) -> Answer {
    const DIMENSIONS: usize = 8;
    let base64 = body.get("encoding_format").and_then(Value::as_str) == Some("base64");
    let wanted = body
        .get("dimensions")
        .and_then(Value::as_u64)
        .and_then(|n| usize::try_from(n).ok());
    let dimensions = wanted.unwrap_or(DIMENSIONS).clamp(1, 4096);
    let inputs = embedding_inputs(body.get("input"));
    let mut tokens = 0;
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, (text, count))| {
            tokens += count;
            let vector = unit_vector(text, dimensions);
            let embedding = if base64 {
                let bytes: Vec<u8> = vector
                    .iter()
                    .flat_map(|number| number.to_le_bytes())
                    .collect();
                Value::from(encode_base64(&bytes))
            } else {
                Value::from(vector)
            };
            json!({ "object": "embedding", "index": index, "embedding": embedding })
        })
        .collect();
    json_answer(&json!({
        "object": "list", "data": data, "model": model, "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    }))
}

/// Each input with its token count: texts by words, token arrays by length.
fn embedding_inputs(input: Option<&Value>) -> Vec<(String, usize)> {
    let one = |value: &Value| match value {
        Value::String(text) => (text.clone(), words(text)),
        Value::Array(tokens) => (value.to_string(), tokens.len()),
        other => (other.to_string(), 1),
    };
    match input {
        Some(Value::Array(items)) if items.iter().all(Value::is_number) => {
            vec![(Value::from(items.clone()).to_string(), items.len())]
        }
        Some(Value::Array(items)) => items.iter().map(one).collect(),
        Some(value) => vec![one(value)],
        None => Vec::new(),
    }
}

fn unit_vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut state = fnv1a(text.as_bytes()) | 1;
    let raw: Vec<f32> = (0..dimensions)
        .map(|_| {
            // xorshift64: spreads the hash over the dimensions.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let byte = u8::try_from(state >> 56).unwrap_or_default();
            f32::from(byte) / 127.5 - 1.0
        })
        .collect();
    let length = raw
        .iter()
        .map(|number| number * number)
        .sum::<f32>()
        .sqrt()
        .max(f32::MIN_POSITIVE);
    raw.into_iter().map(|number| number / length).collect()
}

/// The last user message of a chat, whatever its content is made of.
fn chat_text(body: &Value) -> String {
    let messages = body
        .get("messages")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let last = messages
        .iter()
        .rev()
        .find(|message| message.get("role").and_then(Value::as_str) == Some("user"));
    last.or(messages.last())
        .map(|message| content_text(message.get("content")))
        .unwrap_or_default()
}

fn input_text(input: Option<&Value>) -> String {
    match input {
        Some(Value::Array(items)) => items
            .iter()
            .rev()
            .find(|item| item.get("role").and_then(Value::as_str) == Some("user"))
            .or(items.last())
            .map(|item| content_text(item.get("content")))
            .unwrap_or_default(),
        other => content_text(other),
    }
}

fn content_text(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts: Vec<&str> = parts
                .iter()
                .map(|part| {
                    part.get("text")
                        .and_then(Value::as_str)
                        .unwrap_or("[not text]")
                })
                .collect();
            texts.join(" ")
        }
        _ => String::new(),
    }
}

fn prompt_text(prompt: Option<&Value>) -> String {
    match prompt {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| {
                item.as_str()
                    .map_or_else(|| item.to_string(), str::to_owned)
            })
            .collect::<Vec<_>>()
            .join(" "),
        _ => String::new(),
    }
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

fn json_answer(value: &Value) -> Answer {
    Answer::Json(value.to_string().into())
}

/// FNV-1a, 64 bits. Source: draft-eastlake-fnv, section 5.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Standard base64 with padding. Source: RFC 4648, section 4.
fn encode_base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| {
            (bits << 8) | u32::from(group.get(at).copied().unwrap_or_default())
        });
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place)) & 0x3f;
            let digit = usize::try_from(index)
                .ok()
                .and_then(|index| ALPHABET.get(index))
                .copied()
                .unwrap_or(b'=');
            text.push(if place > group.len() {
                '='
            } else {
                char::from(digit)
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SseDecoder, StreamEnd, read_usage};

    fn ask(surface: Surface, body: &Value) -> Answer {
        let request = OpenAiRequest::decode(surface, body.to_string().into()).unwrap();
        answer(&request, "echo-1")
    }

    fn json_of(answer: Answer) -> Value {
        match answer {
            Answer::Json(body) => serde_json::from_slice(&body).unwrap(),
            Answer::Stream(_) => panic!("a stream"),
        }
    }

    #[test]
    fn echoes_the_last_user_message() {
        let body = json!({ "model": "e", "messages": [
            { "role": "user", "content": "first" }, { "role": "assistant", "content": "x" },
            { "role": "user", "content": [{ "type": "text", "text": "hello there" }, { "type": "image_url" }] },
        ]});
        let json = json_of(ask(Surface::Chat, &body));
        let text = json["choices"][0]["message"]["content"].as_str().unwrap();
        assert!(
            text.ends_with("hello there [not text]") && text.contains("built-in"),
            "{text}"
        );
        assert_eq!(json["usage"]["prompt_tokens"], 4);
        assert_eq!(json_of(ask(Surface::Chat, &body)), json);
    }

    #[test]
    fn streams_end_as_their_surface_does_and_carry_usage() {
        for (surface, body) in [
            (
                Surface::Chat,
                json!({ "model": "e", "stream": true, "messages": [{ "role": "user", "content": "a b" }] }),
            ),
            (
                Surface::Completions,
                json!({ "model": "e", "stream": true, "prompt": "a b" }),
            ),
            (
                Surface::Responses,
                json!({ "model": "e", "stream": true, "input": "a b" }),
            ),
            (
                Surface::Responses,
                json!({ "model": "e", "stream": true, "input": "a b", "max_output_tokens": 2 }),
            ),
        ] {
            let Answer::Stream(frames) = ask(surface, &body) else {
                panic!("no stream")
            };
            let mut decoder = SseDecoder::new(1 << 20);
            let mut watch = StreamWatch::new(surface, true);
            for frame in frames {
                decoder.push(frame).unwrap();
                while let Some(frame) = decoder.next_frame() {
                    watch.see(&frame);
                }
            }
            assert_eq!(watch.end(), Some(StreamEnd::Complete), "{surface:?}");
            assert_eq!(watch.usage().map(|usage| usage.input), Some(2));
        }
    }

    #[test]
    fn honours_the_output_limit() {
        let json = json_of(ask(
            Surface::Chat,
            &json!({ "model": "e", "max_tokens": 3, "messages": [{ "role": "user", "content": "x" }] }),
        ));
        assert_eq!(json["choices"][0]["finish_reason"], "length");
        assert_eq!(json["usage"]["completion_tokens"], 3);
    }

    #[test]
    fn embeds_every_form_of_input() {
        for (input, count, tokens) in [
            (json!("a b"), 1, 2),
            (json!(["a", "b c"]), 2, 3),
            (json!([1, 2, 3]), 1, 3),
            (json!([[1], [2, 3]]), 2, 3),
        ] {
            let json = json_of(ask(
                Surface::Embeddings,
                &json!({ "model": "e", "input": input }),
            ));
            assert_eq!(json["data"].as_array().unwrap().len(), count);
            assert_eq!(
                read_usage(json.to_string().as_bytes()).unwrap().input,
                tokens
            );
            assert_eq!(json["data"][0]["embedding"].as_array().unwrap().len(), 8);
        }
        let json = json_of(ask(
            Surface::Embeddings,
            &json!({ "model": "e", "input": "a", "encoding_format": "base64", "dimensions": 2 }),
        ));
        assert_eq!(json["data"][0]["embedding"].as_str().unwrap().len(), 12);
    }

    #[test]
    fn base64_is_the_standard_one() {
        for (text, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode_base64(text.as_bytes()), encoded);
        }
    }
}
