//! The built-in provider: answers with what it was asked, deterministically, in OpenAI's shapes.
//!
//! For trying the gateway without an account, and for tests. Every answer says what it is. Tokens are counted
//! as words, so that numbers can be checked by eye.

mod asked;
mod chat;
mod embeddings;
mod responses;

use bytes::Bytes;
use serde_json::{Value, json};

use self::asked::{chat_text, input_text, prompt_text};
use self::chat::{chat_json, chat_stream, completion_json, completion_stream};
use self::embeddings::embeddings_json;
use self::responses::{responses_json, responses_stream};
use crate::{Dialect, ModelRequest, Operation};

/// The name of the model it claims to be.
pub const SYSTEM_FINGERPRINT: &str = "ferrogate-echo";

/// An answer of the echo provider.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A JSON body.
    Json(Bytes),
    /// Frames of a stream, the terminal one last.
    Stream(Vec<Bytes>),
    /// An error envelope: more was asked for than is made.
    Refused(Bytes),
}

/// Pieces of an answer, as a model has a largest output: each becomes an event, many times its size.
const MOST_PIECES: usize = 4096;

/// Answers a request. The same request gives the same answer, `created` included.
pub fn answer(request: &ModelRequest, model: &str) -> Answer {
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    match request.surface().operation() {
        Operation::Chat(Dialect::OpenAiResponses) => {
            let said = Said::about(&input_text(body.get("input")), &body);
            if request.stream() {
                responses_stream(model, &said)
            } else {
                responses_json(model, &said)
            }
        }
        Operation::Embeddings(_) => embeddings_json(model, &body),
        Operation::Completions => {
            let said = Said::about(&prompt_text(body.get("prompt")), &body);
            if request.stream() {
                completion_stream(model, &said)
            } else {
                completion_json(model, &said)
            }
        }
        _ => {
            let said = Said::about(&chat_text(&body), &body);
            if request.stream() {
                chat_stream(model, &said)
            } else {
                chat_json(model, &said)
            }
        }
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
            .unwrap_or(usize::MAX)
            .min(MOST_PIECES);
        let mut all = full.split_inclusive(' ');
        let pieces: Vec<String> = all.by_ref().take(limit).map(str::to_owned).collect();
        let cut = all.next().is_some();
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

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

fn json_answer(value: &Value) -> Answer {
    Answer::Json(value.to_string().into())
}

/// FNV-1a, 64 bits. Source: draft-eastlake-fnv, section 5.
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SseDecoder, StreamEnd, StreamWatch, Surface, read_usage};

    fn ask(surface: Surface, body: &Value) -> Answer {
        let request = ModelRequest::decode(surface, None, body.to_string().into()).unwrap();
        answer(&request, "echo-1")
    }

    fn json_of(answer: Answer) -> Value {
        match answer {
            Answer::Json(body) => serde_json::from_slice(&body).unwrap(),
            Answer::Stream(_) | Answer::Refused(_) => panic!("not JSON"),
        }
    }

    #[test]
    fn echoes_the_last_user_message() {
        let body = json!({ "model": "e", "messages": [
            { "role": "user", "content": "first" }, { "role": "assistant", "content": "x" },
            { "role": "user", "content": [{ "type": "text", "text": "hello there" }, { "type": "image_url" }] },
        ]});
        let json = json_of(ask(Surface::CHAT, &body));
        let text = json["choices"][0]["message"]["content"].as_str().unwrap();
        assert!(
            text.ends_with("hello there [not text]") && text.contains("built-in"),
            "{text}"
        );
        assert_eq!(json["usage"]["prompt_tokens"], 4);
        assert_eq!(json_of(ask(Surface::CHAT, &body)), json);
    }

    #[test]
    fn streams_end_as_their_surface_does_and_carry_usage() {
        for (surface, body) in [
            (
                Surface::CHAT,
                json!({ "model": "e", "stream": true, "messages": [{ "role": "user", "content": "a b" }] }),
            ),
            (
                Surface::COMPLETIONS,
                json!({ "model": "e", "stream": true, "prompt": "a b" }),
            ),
            (
                Surface::RESPONSES,
                json!({ "model": "e", "stream": true, "input": "a b" }),
            ),
            (
                Surface::RESPONSES,
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
            Surface::CHAT,
            &json!({ "model": "e", "max_tokens": 3, "messages": [{ "role": "user", "content": "x" }] }),
        ));
        assert_eq!(json["choices"][0]["finish_reason"], "length");
        assert_eq!(json["usage"]["completion_tokens"], 3);
    }

    #[test]
    fn a_small_request_does_not_make_a_huge_answer() {
        let text = " ".repeat(1 << 20);
        let body = json!({ "model": "e", "stream": true, "messages": [{ "role": "user", "content": text }] });
        let Answer::Stream(frames) = ask(Surface::CHAT, &body) else {
            panic!("no stream")
        };
        assert!(frames.len() < MOST_PIECES + 10);
        for body in [
            json!({ "model": "e", "input": vec![""; 2049] }),
            json!({ "model": "e", "input": vec!["a"; 2048], "dimensions": 4096 }),
        ] {
            assert!(matches!(
                ask(Surface::EMBEDDINGS, &body),
                Answer::Refused(_)
            ));
        }
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
                Surface::EMBEDDINGS,
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
            Surface::EMBEDDINGS,
            &json!({ "model": "e", "input": "a", "encoding_format": "base64", "dimensions": 2 }),
        ));
        assert_eq!(json["data"][0]["embedding"].as_str().unwrap().len(), 12);
    }
}
