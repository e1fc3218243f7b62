//! Recorded streams, how they are cut, and how the outcome is read.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ferrogate_llm::chat::{Event, FinishReason};
use ferrogate_llm::{
    Caller, Dialect, EventStreamDecoder, Framing, MessageKind, Packet, RelayedStream, SseDecoder,
    Step,
};
use ferrogate_types::Usage;
use serde_json::Value;

pub(crate) const DIALECTS: [Dialect; 9] = [
    Dialect::OpenAiChat,
    Dialect::OpenAiText,
    Dialect::OpenAiResponses,
    Dialect::Anthropic,
    Dialect::Gemini,
    Dialect::Converse,
    Dialect::Cohere,
    Dialect::Ollama,
    Dialect::Replicate,
];

pub(crate) const STREAMS: [(Dialect, &str); 17] = [
    (Dialect::OpenAiText, "openai/completions.stream.sse"),
    (Dialect::OpenAiChat, "openai/chat.stream.sse"),
    (Dialect::OpenAiChat, "openai/chat.stream.tools.sse"),
    (Dialect::OpenAiChat, "openai/chat.stream.error.sse"),
    (Dialect::OpenAiChat, "openai/chat.stream.choices.sse"),
    (Dialect::OpenAiResponses, "openai/responses.stream.sse"),
    (Dialect::OpenAiResponses, "openai/responses.hosted.sse"),
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

pub(crate) const CALLER: Caller<'static> = Caller {
    model: "asked-for",
    usage_asked: true,
    created: 1_790_000_200,
    id: "0123abcd",
    input_estimate: 7,
    array: false,
    echo: None,
};

pub(crate) const LIMIT: usize = 1 << 20;

/// What the ledger says that was used.
pub(crate) fn used() -> Usage {
    Usage {
        input: 4321,
        output: 1234,
        ..Usage::default()
    }
}

/// A recorded body; what is no text is kept as base64 in JSON.
pub(crate) fn data(path: &str) -> Vec<u8> {
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

/// One frame of a stream as it came.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    pub(crate) raw: Bytes,
    pub(crate) name: Option<String>,
    pub(crate) exception: bool,
    /// None for a comment.
    pub(crate) data: Option<Vec<u8>>,
}

impl Cut {
    pub(crate) fn json(&self) -> Value {
        let data = self.data.as_deref().unwrap_or_default();
        serde_json::from_slice(data).unwrap_or_default()
    }
}

/// The frames of a stream; half a frame at its end is a mistake.
pub(crate) fn frames(dialect: Dialect, bytes: &[u8]) -> Vec<Cut> {
    let bytes = Bytes::copy_from_slice(bytes);
    match dialect.protocol().framing() {
        Framing::Sse => {
            let mut decoder = SseDecoder::new(LIMIT);
            decoder.push(bytes).expect("no event is too large");
            let all = std::iter::from_fn(|| decoder.next_frame())
                .map(|frame| Cut {
                    raw: frame.raw().clone(),
                    name: frame.event().map(ToOwned::to_owned),
                    exception: false,
                    data: frame.data().map(std::borrow::Cow::into_owned),
                })
                .collect();
            assert!(decoder.remainder().is_empty(), "half an event was sent");
            all
        }
        Framing::Lines => {
            assert!(bytes.is_empty() || bytes.ends_with(b"\n"), "half a line");
            bytes
                .split_inclusive(|byte| *byte == b'\n')
                .map(|line| Cut {
                    raw: bytes.slice_ref(line),
                    name: None,
                    exception: false,
                    data: Some(line.trim_ascii().to_vec()),
                })
                .collect()
        }
        Framing::EventStream => {
            let mut decoder = EventStreamDecoder::new(LIMIT);
            decoder.push(bytes).expect("no message is too large");
            let all = std::iter::from_fn(|| decoder.next_message())
                .map(|message| Cut {
                    raw: message.raw.clone(),
                    name: Some(message.name),
                    exception: message.kind != MessageKind::Event,
                    data: Some(message.payload.to_vec()),
                })
                .collect();
            assert!(decoder.remainder().is_empty(), "half a message was sent");
            all
        }
    }
}

/// What a stream says to a reader of its dialect.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) finishes: Vec<(u32, FinishReason)>,
    pub(crate) usage: Option<Usage>,
    pub(crate) ends: usize,
    pub(crate) faults: usize,
    /// Blocks that were opened and not closed.
    pub(crate) open: Vec<(u32, u32)>,
    pub(crate) starts: usize,
}

pub(crate) fn hear(dialect: Dialect, frames: &[Cut]) -> Heard {
    let mut reader = dialect.protocol().stream_reader();
    let mut events = Vec::new();
    for frame in frames {
        if let Some(data) = &frame.data {
            reader.read(
                Packet {
                    name: frame.name.as_deref(),
                    exception: frame.exception,
                    data,
                },
                &mut events,
            );
        }
    }
    reader.finish(&mut events);
    let mut heard = Heard::default();
    for event in events {
        match event {
            Event::Start(_) => heard.starts += 1,
            Event::Open { choice, block, .. } => heard.open.push((choice, block)),
            Event::Close { choice, block } => heard.open.retain(|at| *at != (choice, block)),
            Event::Finish { choice, reason, .. } => heard.finishes.push((choice, reason)),
            Event::Usage(usage) => heard.usage = Some(usage),
            Event::Fault(_) => heard.faults += 1,
            Event::End => heard.ends += 1,
            Event::Delta { .. } | Event::Logprobs { .. } | Event::KeepAlive => {}
        }
    }
    heard
}

/// What was sent until the stream was ended, and what ended it.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) before: Vec<u8>,
    pub(crate) ending: Bytes,
    /// The stream had failed, or come to its own end, before.
    pub(crate) was_over: bool,
}

impl Ended {
    pub(crate) fn whole(&self) -> Vec<u8> {
        [self.before.as_slice(), &self.ending].concat()
    }
}

/// Relays these bytes as far as they go and ends the stream there.
pub(crate) fn end<'p>(
    mut stream: RelayedStream,
    caller: &Caller<'_>,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> Ended {
    let mut before = Vec::new();
    let mut failed = false;
    for piece in pieces {
        stream
            .push(Bytes::copy_from_slice(piece))
            .expect("no frame is too large");
        while let Some(step) = stream.next_step() {
            failed |= matches!(step, Step::Fault(..));
            match step {
                Step::Send(bytes) | Step::Last(bytes) | Step::Fault(_, bytes) => {
                    before.extend_from_slice(&bytes);
                }
            }
        }
    }
    let was_over = failed || stream.is_complete();
    let ending = stream.end_for_length(used(), caller);
    if was_over {
        assert!(ending.is_empty(), "nothing is said behind an end");
    } else {
        assert_eq!(stream.usage(), Some(used()));
        assert!(stream.is_complete() && !stream.usage_is_behind());
        stream
            .push(Bytes::from_static(b"data: {}\n\n"))
            .unwrap_or_default();
        assert_eq!(stream.next_step(), None);
        let rest = stream.finish().whole();
        assert_eq!(rest, Some(Bytes::new()));
        let again = stream.end_for_length(used(), caller);
        assert!(again.is_empty(), "it ends once");
    }
    Ended {
        before,
        ending,
        was_over,
    }
}

/// Whether these frames tell already why an answer finished; Anthropic's reader says it with the end.
pub(crate) fn has_told(dialect: Dialect, frames: &[Cut]) -> bool {
    let of_event = |cut: &Cut| cut.json()["delta"]["stop_reason"].is_string();
    !hear(dialect, frames).finishes.is_empty() || frames.iter().any(of_event)
}

/// Asserts that a caller of this dialect has read a whole answer that was ended for its length, or for another reason
/// if the provider `told` it before.
pub(crate) fn assert_ended(dialect: Dialect, whole: &[u8], told: bool, case: &str) {
    let frames = frames(dialect, whole);
    let heard = hear(dialect, &frames);
    let text = String::from_utf8_lossy(whole);
    assert_eq!((heard.faults, heard.ends), (0, 1), "{case}: {text}");
    assert!(heard.open.is_empty(), "{case}: {heard:?} {text}");
    assert_eq!(heard.starts, 1, "{case}: {text}");
    assert!(!heard.finishes.is_empty(), "{case}: {text}");
    // Predictions know no reason but that they are done, and no usage.
    if dialect != Dialect::Replicate {
        let usage = heard.usage.expect("usage is told");
        assert_eq!(
            (usage.input, usage.output),
            (used().input, used().output),
            "{case}: {text}"
        );
        for (_, reason) in &heard.finishes {
            let length = *reason == FinishReason::Length;
            assert!(length || told, "{case}: {reason:?} {text}");
        }
    }
    crate::wire::check(dialect, &frames, told, case);
}
