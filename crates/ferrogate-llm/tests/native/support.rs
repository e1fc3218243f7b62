//! Bodies from files, and what is done with them in every test.

use std::path::PathBuf;

use bytes::Bytes;
use ferrogate_llm::chat::{Answer, Block, BlockKind, ChatRequest, Delta, Event, Part};
use ferrogate_llm::{
    Address, Caller, Dialect, Lossy, ModelTraits, RelayedStream, Step, TargetProfile,
    Untranslatable,
};
use ferrogate_types::Usage;
use serde_json::Value;

/// A recorded body.
pub(crate) fn data(path: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}

pub(crate) const CALLER: Caller<'static> = Caller {
    model: "asked-for",
    usage_asked: true,
    created: 1_790_000_200,
    id: "f00d",
    input_estimate: 0,
    array: false,
    echo: None,
};

/// Reads a request as the facade does.
pub(crate) fn read(dialect: Dialect, body: &[u8]) -> ChatRequest<'_> {
    let address = Address {
        model: (dialect == Dialect::Gemini).then(|| "asked-for".into()),
        stream: false,
    };
    let mut request = dialect
        .protocol()
        .read_request(body, address)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(body)));
    request.unfold_thought_ids();
    request
}

/// A request in another dialect, and what was lost of it.
pub(crate) fn translate(
    from: Dialect,
    to: Dialect,
    traits: &ModelTraits,
    body: &[u8],
) -> Result<(Value, Vec<String>), Untranslatable> {
    let request = read(from, body);
    let mut lossy = Lossy::new(from);
    let target = TargetProfile {
        model: "sent-to",
        traits,
        quirks: &[],
    };
    let written = to.protocol().write_request(&request, &target, &mut lossy)?;
    Ok((
        json(&written),
        lossy.fields().map(ToOwned::to_owned).collect(),
    ))
}

/// What came of a stream.
pub(crate) struct Relayed {
    pub(crate) sent: String,
    pub(crate) whole: bool,
    pub(crate) fault: Option<String>,
    pub(crate) usage: Option<Usage>,
}

/// Sends a stream from one dialect to another in these pieces.
pub(crate) fn relay<'p>(
    from: Dialect,
    to: Dialect,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> Relayed {
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
        sent: String::from_utf8(sent).expect("what is sent is text"),
        whole: rest.is_some() && fault.is_none(),
        fault,
        usage: stream.usage(),
    }
}

/// What an answer says, for comparison: each block as one line, neighbours of one kind joined.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) lines: Vec<(String, String)>,
    pub(crate) finish: String,
    pub(crate) usage: Option<Usage>,
}

impl Said {
    fn say(&mut self, kind: &str, text: &str) {
        match self.lines.last_mut() {
            Some((last, said)) if last == kind && !kind.starts_with("call") => said.push_str(text),
            _ => self.lines.push((kind.to_owned(), text.to_owned())),
        }
    }

    /// Of a whole answer's first choice.
    pub(crate) fn of_answer(answer: &Answer<'_>) -> Self {
        let mut said = Self::default();
        let choice = &answer.choices[0];
        for Part { block, .. } in &choice.parts {
            match block {
                Block::Text { text, .. } => said.say("text", text),
                Block::Thinking { text, .. } => said.say("thinking", text),
                Block::ToolUse {
                    id,
                    name,
                    arguments,
                    ..
                } => said.say(&format!("call {id} {name}"), compact(arguments).as_str()),
                other => said.say("other", &format!("{other:?}")),
            }
        }
        said.finish = format!("{:?}", choice.finish);
        said.usage = answer.usage;
        said
    }

    /// Of a stream's events.
    pub(crate) fn of_events(events: &[Event]) -> Self {
        let mut said = Self::default();
        let mut kinds: Vec<(u32, String, String)> = Vec::new();
        for event in events {
            match event {
                Event::Open { block, kind, .. } => {
                    let kind = match kind {
                        BlockKind::Text => "text".to_owned(),
                        BlockKind::Thinking => "thinking".to_owned(),
                        BlockKind::ToolUse { id, name, .. } => format!("call {id} {name}"),
                        other => format!("{other:?}"),
                    };
                    kinds.push((*block, kind, String::new()));
                }
                Event::Delta {
                    block,
                    delta: Delta::Text(text) | Delta::Arguments(text),
                    ..
                } => {
                    let open = kinds.iter_mut().find(|(number, ..)| number == block);
                    open.expect("a delta is of an open block").2.push_str(text);
                }
                Event::Close { block, .. } => {
                    let at = kinds.iter().position(|(number, ..)| number == block);
                    let (_, kind, text) = kinds.remove(at.expect("only what is open is closed"));
                    let text = if kind.starts_with("call") {
                        compact(&text)
                    } else {
                        text
                    };
                    said.say(&kind, &text);
                }
                Event::Finish { reason, .. } => {
                    assert!(kinds.is_empty(), "every block is closed before the end");
                    said.finish = format!("{reason:?}");
                }
                Event::Usage(usage) => said.usage = Some(*usage),
                _ => {}
            }
        }
        said
    }
}

fn compact(arguments: &str) -> String {
    if arguments.is_empty() {
        return "{}".to_owned();
    }
    serde_json::from_str::<Value>(arguments)
        .map_or_else(|_| arguments.to_owned(), |json| json.to_string())
}

/// The events of a stream, frame by frame.
pub(crate) fn events(dialect: Dialect, frames: &[(Option<String>, Vec<u8>)]) -> Vec<Event> {
    let mut reader = dialect.protocol().stream_reader();
    let mut events = Vec::new();
    for (name, data) in frames {
        let packet = ferrogate_llm::Packet {
            name: name.as_deref(),
            exception: false,
            data,
        };
        reader.read(packet, &mut events);
    }
    reader.finish(&mut events);
    events
}

/// The frames of a recorded stream: names and payloads.
pub(crate) fn frames(dialect: Dialect, body: &[u8]) -> Vec<(Option<String>, Vec<u8>)> {
    if dialect == Dialect::Ollama {
        let lines = body
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        return lines.map(|line| (None, line.to_vec())).collect();
    }
    let mut decoder = ferrogate_llm::SseDecoder::new(1 << 20);
    decoder
        .push(Bytes::copy_from_slice(body))
        .expect("no frame is too large");
    let mut frames = Vec::new();
    while let Some(frame) = decoder.next_frame() {
        if let Some(data) = frame.data() {
            frames.push((frame.event().map(ToOwned::to_owned), data.into_owned()));
        }
    }
    frames
}
