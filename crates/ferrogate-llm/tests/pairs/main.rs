//! Every dialect to every dialect: requests, whole answers and streams, as they come out.
//!
//! The snapshots are what a reviewer reads; the properties below them hold for any stream and any split of its bytes.

use std::fmt::Write as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ferrogate_llm::{
    Address, Caller, Dialect, EventStreamDecoder, Lossy, ModelTraits, RelayedStream, Step,
    TargetProfile,
};
use serde_json::Value;

/// Dialects that callers speak.
const CALLERS: [Dialect; 7] = [
    Dialect::OpenAiChat,
    Dialect::OpenAiResponses,
    Dialect::OpenAiText,
    Dialect::Anthropic,
    Dialect::Gemini,
    Dialect::Converse,
    Dialect::Cohere,
];

/// Dialects that providers speak.
const PROVIDERS: [Dialect; 8] = [
    Dialect::OpenAiChat,
    Dialect::OpenAiResponses,
    Dialect::Anthropic,
    Dialect::Gemini,
    Dialect::Converse,
    Dialect::Cohere,
    Dialect::Ollama,
    Dialect::Replicate,
];

const REQUESTS: [(Dialect, &str); 7] = [
    (Dialect::OpenAiText, "openai/completions.request.json"),
    (Dialect::OpenAiChat, "openai/chat.request.json"),
    (Dialect::OpenAiResponses, "openai/responses.request.json"),
    (Dialect::Anthropic, "anthropic/messages.request.json"),
    (Dialect::Gemini, "gemini/generate.request.json"),
    (Dialect::Converse, "bedrock/converse.request.json"),
    (Dialect::Cohere, "cohere/chat.request.json"),
];

const ANSWERS: [(Dialect, &str); 13] = [
    (Dialect::OpenAiText, "openai/completions.response.json"),
    (Dialect::OpenAiChat, "openai/chat.response.json"),
    (Dialect::OpenAiResponses, "openai/responses.response.json"),
    (Dialect::Anthropic, "anthropic/messages.response.json"),
    (
        Dialect::Anthropic,
        "anthropic/messages.response.refusal.json",
    ),
    (Dialect::Anthropic, "anthropic/search.response.json"),
    (Dialect::Gemini, "gemini/generate.response.json"),
    (Dialect::Gemini, "gemini/blocked.response.json"),
    (Dialect::Converse, "bedrock/converse.response.json"),
    (Dialect::Converse, "bedrock/converse.response.tools.json"),
    (Dialect::Cohere, "cohere/chat.response.json"),
    (Dialect::Ollama, "ollama/chat.whole.json"),
    (Dialect::Replicate, "replicate/prediction.json"),
];

const STREAMS: [(Dialect, &str); 15] = [
    (Dialect::OpenAiText, "openai/completions.stream.sse"),
    (Dialect::OpenAiChat, "openai/chat.stream.sse"),
    (Dialect::OpenAiChat, "openai/chat.stream.tools.sse"),
    (Dialect::OpenAiChat, "openai/chat.stream.error.sse"),
    (Dialect::OpenAiResponses, "openai/responses.stream.sse"),
    (Dialect::Anthropic, "anthropic/messages.stream.sse"),
    (Dialect::Anthropic, "anthropic/messages.stream.error.sse"),
    (Dialect::Anthropic, "anthropic/search.stream.sse"),
    (Dialect::Gemini, "gemini/stream.sse"),
    (Dialect::Converse, "bedrock/converse-stream.json"),
    (Dialect::Converse, "bedrock/converse-stream-exception.json"),
    (Dialect::Cohere, "cohere/chat.stream.sse"),
    (Dialect::Cohere, "cohere/chat.stream.text.sse"),
    (Dialect::Ollama, "ollama/chat.ndjson"),
    (Dialect::Replicate, "replicate/stream.sse"),
];

const CALLER: Caller<'static> = Caller {
    model: "asked-for",
    usage_asked: true,
    created: 1_790_000_200,
    id: "0123abcd",
    input_estimate: 7,
    array: false,
    echo: None,
};

/// A recorded body; what is no text is kept as base64 in JSON.
fn data(path: &str) -> Vec<u8> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(path);
    let bytes = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    match serde_json::from_slice::<Value>(&bytes) {
        Ok(Value::Object(members)) if members.contains_key("base64") => STANDARD
            .decode(members["base64"].as_str().expect("base64 is a text"))
            .expect("it is base64"),
        _ => bytes,
    }
}

fn pretty(bytes: &[u8]) -> String {
    let value: Value = serde_json::from_slice(bytes)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)));
    serde_json::to_string_pretty(&value).expect("a value can be written")
}

/// Frames of an event stream as lines; other streams as they are.
fn shown(dialect: Dialect, bytes: &[u8]) -> String {
    if dialect != Dialect::Converse {
        return String::from_utf8(bytes.to_vec()).expect("a stream of text is UTF-8");
    }
    let mut decoder = EventStreamDecoder::new(1 << 20);
    decoder
        .push(bytes.to_vec().into())
        .expect("no message is too large");
    let mut lines = String::new();
    while let Some(message) = decoder.next_message() {
        let payload = String::from_utf8_lossy(&message.payload);
        writeln!(lines, "{:?} {}: {payload}", message.kind, message.name)
            .expect("a text takes what is written");
    }
    assert!(decoder.remainder().is_empty(), "no half message is sent");
    lines
}

fn title(path: &str) -> String {
    path.replace(['/', '.'], "-")
}

struct Relayed {
    sent: Vec<u8>,
    whole: bool,
    fault: Option<String>,
}

fn relay<'p>(from: Dialect, to: Dialect, pieces: impl IntoIterator<Item = &'p [u8]>) -> Relayed {
    let mut stream = RelayedStream::translating(from, to, &CALLER, 1 << 20);
    let mut sent = Vec::new();
    let mut fault = None;
    for piece in pieces {
        stream
            .push(Bytes::copy_from_slice(piece))
            .expect("no frame is too large");
        while let Some(step) = stream.next_step() {
            match step {
                Step::Send(bytes) | Step::Last(bytes) => sent.extend_from_slice(&bytes),
                Step::Fault(found, bytes) => {
                    sent.extend_from_slice(&bytes);
                    fault = Some(found.message);
                }
            }
        }
    }
    let rest = stream.finish().whole();
    sent.extend_from_slice(rest.as_deref().unwrap_or_default());
    Relayed {
        sent,
        whole: rest.is_some() && fault.is_none(),
        fault,
    }
}

#[test]
fn requests() {
    let traits = ModelTraits::default();
    for (from, path) in REQUESTS {
        let body = data(path);
        let address = Address {
            model: matches!(from, Dialect::Gemini | Dialect::Converse).then(|| "asked-for".into()),
            stream: false,
        };
        let mut request = from.protocol().read_request(&body, address).unwrap();
        request.unfold_thought_ids();
        let mut text = String::new();
        for to in PROVIDERS {
            writeln!(text, "=== to {}", to.as_str()).unwrap();
            let target = TargetProfile {
                model: "sent-to",
                traits: &traits,
                quirks: &[],
            };
            let mut lossy = Lossy::new(from);
            let request = request.for_models_of(to, &mut lossy);
            match to.protocol().write_request(&request, &target, &mut lossy) {
                Ok(written) => {
                    for lost in lossy.fields() {
                        writeln!(text, "lost: {lost}").unwrap();
                    }
                    writeln!(text, "{}", pretty(&written)).unwrap();
                }
                Err(refused) => {
                    writeln!(text, "refused at {}: {refused}", refused.param).unwrap();
                }
            }
        }
        insta::assert_snapshot!(format!("request.{}", title(path)), text);
    }
}

#[test]
fn answers() {
    for (from, path) in ANSWERS {
        let body = data(path);
        let mut text = String::new();
        for to in CALLERS {
            let mut answer = from.protocol().read_answer(&body).unwrap();
            if from != to {
                answer.mark_thoughts();
            }
            let written = to.protocol().write_answer(&answer, &CALLER);
            writeln!(text, "=== to {}\n{}", to.as_str(), pretty(&written)).unwrap();
        }
        insta::assert_snapshot!(format!("answer.{}", title(path)), text);
    }
}

#[test]
fn streams() {
    for (from, path) in STREAMS {
        let body = data(path);
        let mut text = String::new();
        for to in CALLERS {
            let relayed = relay(from, to, [body.as_slice()]);
            assert_ne!(
                relayed.whole,
                relayed.fault.is_some(),
                "{path} to {to:?} is whole, or something is wrong with it"
            );
            writeln!(text, "=== to {}", to.as_str()).unwrap();
            if let Some(fault) = relayed.fault {
                writeln!(text, "fault: {fault}").unwrap();
            }
            text.push_str(&shown(to, &relayed.sent));
        }
        insta::assert_snapshot!(format!("stream.{}", title(path)), text);
    }
}

/// Where the network cuts a stream changes nothing of what is sent.
#[test]
fn a_split_at_any_byte_changes_nothing() {
    for (from, path) in STREAMS {
        let body = data(path);
        for to in CALLERS {
            let expected = relay(from, to, [body.as_slice()]);
            // Who reads a stream does not know who it is written for: one caller stands for all.
            let places = if to == Dialect::OpenAiChat {
                body.len()
            } else {
                0
            };
            for at in 0..places {
                let (head, tail) = body.split_at(at);
                let split = relay(from, to, [head, tail]);
                assert!(split.sent == expected.sent, "{path} to {to:?} at {at}");
            }
            for size in [1, 7, 1460] {
                let split = relay(from, to, body.chunks(size));
                assert!(split.sent == expected.sent, "{path} to {to:?} by {size}");
            }
        }
    }
}

/// A stream that lacks its last frame is told from one that is whole, wherever it broke.
#[test]
fn a_stream_that_breaks_is_never_whole() {
    for (from, path) in STREAMS {
        let body = data(path);
        let end = relay(from, Dialect::OpenAiChat, [body.as_slice()]);
        for to in CALLERS {
            // The shortest part that is whole: behind it come usage and ends at most, which a server may forget.
            let first_whole = (0..=body.len()).find(|&at| relay(from, to, [&body[..at]]).whole);
            match first_whole {
                None => assert!(!end.whole, "{path} to {to:?}"),
                Some(at) => {
                    let text = String::from_utf8_lossy(&body[at..]).into_owned();
                    assert!(
                        !text.contains("delta") && !text.contains("finish"),
                        "{path} to {to:?} was whole at {at} of {}, before {text}",
                        body.len()
                    );
                }
            }
        }
    }
}
