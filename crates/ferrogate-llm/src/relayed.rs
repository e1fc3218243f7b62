//! A provider's stream on its way to a caller.

use std::borrow::Cow;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use ferrogate_types::Usage;
use serde_json::value::RawValue;

use crate::chat::OVERFULL;
use crate::chat::{Event, Marking};
use crate::frames::{AnyFrame, FrameError, Frames};
use crate::json;
use crate::protocol::{Caller, Framing, ReadStream, WriteStream};
use crate::{Dialect, EmulatedStream, Emulation, FrameAction, StreamWatch, UpstreamFault};

/// A stream that is passed on as it came, or translated, and watched either way for usage, errors and its end.
///
/// Bytes in, steps out: the caller of [`next_step`](Self::next_step) sends what it is given and stops at the last
/// step. Passed on, a frame's bytes are those that came, but for the name of the model, which is the caller's.
pub struct RelayedStream {
    frames: Frames,
    mode: Mode,
    /// The model asked for, as JSON.
    quoted_model: String,
    seen: Seen,
    ended: bool,
    /// Room for the events of a frame, and for the bytes that say them.
    events: Vec<Event>,
    out: Vec<u8>,
}

/// What went by so far.
#[derive(Default)]
struct Seen {
    usage: Option<Usage>,
    content: bool,
    output_bytes: usize,
    /// Content went by behind the last report of usage.
    unreported: bool,
}

/// What is known of a stream whose bytes are over.
#[derive(Debug)]
pub enum Finish {
    /// It is whole; what is still to be sent.
    Whole(Bytes),
    /// It is cut: its caller must be told.
    Cut,
    /// Its last words are an error; what tells it.
    Broken(UpstreamFault, Bytes),
}

impl Finish {
    /// What is still to be sent of a whole stream.
    pub fn whole(self) -> Option<Bytes> {
        match self {
            Self::Whole(rest) => Some(rest),
            Self::Cut | Self::Broken(..) => None,
        }
    }
}

enum Mode {
    /// OpenAI's chunks, as they come: the common case, read as little as possible.
    Watch(StreamWatch),
    /// Another dialect's frames, as they come, read to know what they are.
    Pass {
        dialect: Dialect,
        reader: Box<dyn ReadStream>,
    },
    /// From one dialect to another.
    Translate {
        reader: Box<dyn ReadStream>,
        marking: Marking,
        emulated: Box<EmulatedStream>,
        writer: Box<dyn WriteStream>,
    },
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this.
    Send(Bytes),
    /// Send this and stop: the answer is whole.
    Last(Bytes),
    /// The provider failed. Send this if anything went before, and stop.
    Fault(UpstreamFault, Bytes),
}

impl RelayedStream {
    /// A stream of OpenAI's chunks (or completions) for a caller of the same dialect.
    pub fn watching(watch: StreamWatch, asked_model: &str, limit: usize) -> Self {
        Self::new(Framing::Sse, Mode::Watch(watch), asked_model, limit)
    }

    /// A stream for a caller of the provider's own dialect.
    pub fn passing(dialect: Dialect, asked_model: &str, limit: usize) -> Self {
        let protocol = dialect.protocol();
        let mode = Mode::Pass {
            dialect,
            reader: protocol.stream_reader(),
        };
        Self::new(protocol.framing(), mode, asked_model, limit)
    }

    /// A stream for a caller of another dialect.
    pub fn translating(from: Dialect, to: Dialect, caller: &Caller<'_>, limit: usize) -> Self {
        let mode = Mode::Translate {
            reader: from.protocol().stream_reader(),
            marking: Marking::new(from, to),
            emulated: Box::new(Emulation::default().stream()),
            writer: to.protocol().stream_writer(caller),
        };
        Self::new(from.protocol().framing(), mode, caller.model, limit)
    }

    /// The same, with what the request said by other means undone in its answer.
    #[must_use]
    pub fn undoing(mut self, emulation: &Emulation) -> Self {
        if let Mode::Translate { emulated, .. } = &mut self.mode {
            **emulated = emulation.stream();
        }
        self
    }

    fn new(framing: Framing, mode: Mode, asked_model: &str, limit: usize) -> Self {
        Self {
            frames: Frames::new(framing, limit),
            mode,
            quoted_model: serde_json::Value::from(asked_model).to_string(),
            seen: Seen::default(),
            ended: false,
            events: Vec::new(),
            out: Vec::new(),
        }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, chunk: Bytes) -> Result<(), FrameError> {
        self.frames.push(chunk)
    }

    /// What to do with what came, one step at a time; `None` when more is needed or all is done.
    pub fn next_step(&mut self) -> Option<Step> {
        while !self.ended {
            let frame = self.frames.next_frame()?;
            if let Some(step) = self.step(&frame) {
                return Some(step);
            }
        }
        None
    }

    /// The bytes are over: whether the answer is whole nevertheless.
    pub fn finish(&mut self) -> Finish {
        if self.ended {
            return Finish::Whole(Bytes::new());
        }
        let mut sent = BytesMut::new();
        if let Some(frame) = self.frames.finish() {
            match self.step(&frame) {
                Some(Step::Send(bytes)) => sent.extend_from_slice(&bytes),
                Some(Step::Last(bytes)) => {
                    sent.extend_from_slice(&bytes);
                    return Finish::Whole(sent.freeze());
                }
                Some(Step::Fault(fault, bytes)) => return Finish::Broken(fault, bytes),
                None => {}
            }
        }
        let whole = match &mut self.mode {
            Mode::Watch(watch) => {
                let whole = watch.only_sentinel_missing();
                if whole {
                    sent.extend_from_slice(&StreamWatch::sentinel());
                }
                whole
            }
            Mode::Pass { reader, .. } => {
                reader.finish(&mut self.events);
                self.seen.note_all(self.events.drain(..)).end
            }
            Mode::Translate {
                reader,
                marking,
                emulated,
                writer,
            } => {
                reader.finish(&mut self.events);
                let events = self.events.drain(..).map(|event| marking.mark(event));
                let noted = write(
                    events,
                    emulated,
                    writer.as_mut(),
                    &mut self.seen,
                    &mut self.out,
                );
                sent.extend_from_slice(&self.out);
                if let Some(fault) = noted.fault {
                    return Finish::Broken(fault, sent.freeze());
                }
                noted.end
            }
        };
        self.ended = whole;
        if whole {
            Finish::Whole(sent.freeze())
        } else {
            Finish::Cut
        }
    }

    /// What tells the caller that the stream broke, where only its writer knows how: numbered events, an array.
    /// `None` where the dialect's own error frame will do.
    pub fn fail(&mut self, fault: UpstreamFault) -> Option<Bytes> {
        let Mode::Translate { writer, .. } = &mut self.mode else {
            return None;
        };
        self.ended = true;
        let mut out = Vec::new();
        writer.write(&Event::Fault(fault), &mut out);
        Some(out.into())
    }

    /// Whether bytes of a frame wait for its rest.
    pub fn is_between_frames(&self) -> bool {
        self.frames.remainder().is_empty()
    }

    /// Usage as last reported.
    pub fn usage(&self) -> Option<Usage> {
        self.seen.usage
    }

    /// Whether content went by that the usage, as last reported, knows nothing of: some report the input and a first
    /// token with the first event, and the rest with the last.
    pub fn usage_is_behind(&self) -> bool {
        match &self.mode {
            Mode::Watch(watch) => watch.usage_is_behind(),
            _ => self.seen.unreported,
        }
    }

    /// Whether content went by.
    pub fn has_content(&self) -> bool {
        self.seen.content
    }

    /// Whether it came to its own end.
    pub fn is_complete(&self) -> bool {
        self.ended
    }

    /// Bytes of text and arguments that went by, or in OpenAI's chunks the bytes around them as well: what an
    /// estimate of the output rests on, with how many of them are about a token.
    pub fn output_bytes(&self) -> (usize, usize) {
        match &self.mode {
            // The JSON around a token of text is some 200 bytes: one chunk, about one token.
            Mode::Watch(watch) => (watch.output_bytes(), 200),
            _ => (self.seen.output_bytes, 4),
        }
    }

    fn step(&mut self, frame: &AnyFrame) -> Option<Step> {
        if let (Mode::Watch(watch), AnyFrame::Sse(sse)) = (&mut self.mode, frame) {
            let action = watch.see(sse);
            self.seen.usage = watch.usage();
            self.seen.content = watch.has_content();
            let span = watch.model_span();
            return match action {
                FrameAction::Hide => None,
                FrameAction::Forward => Some(Step::Send(self.respelt(frame, span))),
                FrameAction::Terminal => {
                    self.ended = true;
                    Some(Step::Last(frame.raw().clone()))
                }
                FrameAction::Fault(fault) => {
                    let bytes = if fault.is_junk() {
                        let protocol = watch.dialect().protocol();
                        protocol.error_frame(&fault.body())
                    } else {
                        frame.raw().clone()
                    };
                    Some(Step::Fault(fault, bytes))
                }
            };
        }
        let data = frame.data();
        match &mut self.mode {
            Mode::Watch(_) => None,
            Mode::Pass { dialect, reader } => {
                let span = data.as_ref().and_then(|data| model_span(*dialect, data));
                let mut readable = true;
                if let Some(data) = data {
                    readable = json::peek(&data, []).is_ok();
                    reader.read(frame.packet(&data), &mut self.events);
                }
                let noted = self.seen.note_all(self.events.drain(..));
                let dialect = *dialect;
                let bytes = self.respelt(frame, span);
                Some(match noted.fault {
                    // Junk tells a caller nothing, so that its SDK would take the end for a whole answer's.
                    Some(fault) if !readable => {
                        let frame = dialect.protocol().error_frame(&fault.body());
                        Step::Fault(fault, frame)
                    }
                    Some(fault) => Step::Fault(fault, bytes),
                    None if noted.end => {
                        self.ended = true;
                        Step::Last(bytes)
                    }
                    None => Step::Send(bytes),
                })
            }
            Mode::Translate {
                reader,
                marking,
                emulated,
                writer,
            } => {
                match data {
                    Some(data) => reader.read(frame.packet(&data), &mut self.events),
                    None => self.events.push(Event::KeepAlive),
                }
                let events = self.events.drain(..).map(|event| marking.mark(event));
                let noted = write(
                    events,
                    emulated,
                    writer.as_mut(),
                    &mut self.seen,
                    &mut self.out,
                );
                let bytes = take_bytes(&mut self.out);
                match noted.fault {
                    Some(fault) => Some(Step::Fault(fault, bytes)),
                    None if noted.end => {
                        self.ended = true;
                        Some(Step::Last(bytes))
                    }
                    None => (!bytes.is_empty()).then_some(Step::Send(bytes)),
                }
            }
        }
    }

    /// The frame with the model the caller asked for in place of the provider's name for it, which stands at `span`
    /// of its data.
    fn respelt(&self, frame: &AnyFrame, span: Option<Range<usize>>) -> Bytes {
        let raw = frame.raw();
        let (Some(span), Some(Cow::Borrowed(data))) = (span, frame.data()) else {
            return raw.clone();
        };
        let offset = data.as_ptr().addr() - raw.as_ptr().addr();
        respell(
            raw,
            &(span.start + offset..span.end + offset),
            &self.quoted_model,
        )
    }
}

/// What the events of one frame say about the stream itself.
#[derive(Default)]
struct Noted {
    end: bool,
    usage: bool,
    fault: Option<UpstreamFault>,
}

impl Seen {
    fn note_all(&mut self, events: impl Iterator<Item = Event>) -> Noted {
        let mut noted = Noted::default();
        for event in events {
            self.note(event, &mut noted);
        }
        self.frame_over(&noted);
        noted
    }

    /// A report of usage covers what came with it in one frame, whichever stands first.
    fn frame_over(&mut self, noted: &Noted) {
        self.unreported &= !noted.usage;
    }

    fn note(&mut self, event: Event, noted: &mut Noted) {
        match event {
            Event::Usage(usage) => {
                self.usage = Some(usage);
                noted.usage = true;
            }
            Event::Open { kind, .. } => {
                self.content = true;
                self.unreported = true;
                self.output_bytes += kind.len();
            }
            Event::Delta { delta, .. } => {
                self.content = true;
                self.unreported = true;
                self.output_bytes += delta.len();
            }
            Event::Finish { .. } => self.content = true,
            Event::Fault(fault) => noted.fault = Some(fault),
            Event::End => noted.end = true,
            Event::Start(_) | Event::Close { .. } | Event::Logprobs { .. } | Event::KeepAlive => {}
        }
    }
}

/// Writes what was read, with emulations undone, and notes it.
fn write(
    events: impl Iterator<Item = Event>,
    emulated: &mut EmulatedStream,
    writer: &mut dyn WriteStream,
    seen: &mut Seen,
    out: &mut Vec<u8>,
) -> Noted {
    let mut noted = Noted::default();
    for event in events {
        emulated.pass(event, |event| {
            writer.write(&event, out);
            seen.note(event, &mut noted);
        });
    }
    seen.frame_over(&noted);
    if writer.is_overfull() && noted.fault.is_none() {
        // The writer has told the caller.
        noted.fault = Some(UpstreamFault::because(OVERFULL));
    }
    noted
}

/// Up to this size bytes are copied and their room is used again; more are given away with it.
const SMALL: usize = 4 << 10;

fn take_bytes(out: &mut Vec<u8>) -> Bytes {
    if out.len() > SMALL {
        return std::mem::take(out).into();
    }
    let bytes = Bytes::copy_from_slice(out);
    out.clear();
    bytes
}

/// A whole answer with the model the caller asked for in place of the provider's name for it.
pub fn with_model(dialect: Dialect, body: &Bytes, model: &str) -> Bytes {
    with_model_at(body, model_span(dialect, body), model)
}

/// The same where it is known already at which bytes the model stands.
pub(crate) fn with_model_at(body: &Bytes, span: Option<Range<usize>>, model: &str) -> Bytes {
    match span {
        Some(span) => respell(body, &span, &serde_json::Value::from(model).to_string()),
        None => body.clone(),
    }
}

fn respell(raw: &Bytes, span: &Range<usize>, quoted: &str) -> Bytes {
    if raw.get(span.clone()) == Some(quoted.as_bytes()) {
        return raw.clone();
    }
    let mut out = BytesMut::with_capacity(raw.len() + quoted.len());
    out.extend_from_slice(raw.get(..span.start).unwrap_or_default());
    out.extend_from_slice(quoted.as_bytes());
    out.extend_from_slice(raw.get(span.end..).unwrap_or_default());
    out.freeze()
}

/// Where a dialect names the model in an answer or an event.
fn model_span(dialect: Dialect, data: &[u8]) -> Option<Range<usize>> {
    let (outer, name) = match dialect {
        Dialect::OpenAiChat | Dialect::OpenAiText | Dialect::Ollama => (None, "model"),
        Dialect::OpenAiResponses => (Some("response"), "model"),
        Dialect::Anthropic => (Some("message"), "model"),
        Dialect::Gemini => (None, "modelVersion"),
        Dialect::Converse | Dialect::Cohere | Dialect::Replicate => return None,
    };
    // Most events of most dialects do not name it, and looking is cheaper than parsing.
    memchr::memmem::find(data, name.as_bytes())?;
    let [own, inner] = json::peek(data, [name, outer.unwrap_or_default()]).ok()?;
    // A whole answer has it at the top, an event within.
    let raw = match inner.filter(|_| outer.is_some()) {
        Some(inner) => json::peek(inner.get().as_bytes(), [name]).ok()?[0]?,
        None => own?,
    };
    text_span(data, raw)
}

/// Where a string lies in the bytes it was parsed from.
pub(crate) fn text_span(data: &[u8], raw: &RawValue) -> Option<Range<usize>> {
    raw.get().starts_with('"').then(|| {
        let start = raw.get().as_ptr().addr() - data.as_ptr().addr();
        start..start + raw.get().len()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Surface;

    fn steps(stream: &mut RelayedStream, text: &str) -> Vec<Step> {
        stream
            .push(Bytes::copy_from_slice(text.as_bytes()))
            .unwrap();
        std::iter::from_fn(|| stream.next_step()).collect()
    }

    #[test]
    fn passes_bytes_with_the_model_asked_for() {
        let watch = StreamWatch::new(Surface::CHAT, true);
        let mut stream = RelayedStream::watching(watch, "fast", 1 << 20);
        let chunk = |model: &str| {
            format!(
                "data: {{\"id\": \"x\",  \"model\":\"{model}\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"model\"}}}}]}}\r\n\r\n"
            )
        };
        assert_eq!(
            steps(&mut stream, &chunk("gpt-9")),
            [Step::Send(chunk("fast").into())]
        );
        assert_eq!(
            steps(&mut stream, "data: [DONE]\n\n"),
            [Step::Last("data: [DONE]\n\n".into())]
        );
        assert!(stream.has_content() && stream.is_complete());
    }

    #[test]
    fn knows_when_more_was_said_than_its_usage_tells() {
        let begun = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n\
            event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
            event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a lot\"}}\n\n";
        let told = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":7}}\n\n";
        let gemini = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}],\"usageMetadata\":{\"promptTokenCount\":1}}\n\n";
        let caller = Caller::default();
        for (from, text, expected) in [
            (Dialect::Anthropic, begun.to_owned(), true),
            (Dialect::Anthropic, format!("{begun}{told}"), false),
            (Dialect::Gemini, gemini.to_owned(), false),
        ] {
            for mut stream in [
                RelayedStream::passing(from, "m", 1 << 20),
                RelayedStream::translating(from, Dialect::OpenAiChat, &caller, 1 << 20),
            ] {
                let seen = steps(&mut stream, &text);
                assert_eq!(stream.usage_is_behind(), expected, "{from:?} {seen:?}");
            }
        }
    }

    #[test]
    fn junk_is_told_as_an_error_and_not_passed() {
        for (dialect, junk) in [
            (Dialect::Anthropic, "data: <html>\n\n"),
            (Dialect::Gemini, "data: {\"candidates\":[{\r\n\r\n"),
            (Dialect::Cohere, "data: [1]\n\n"),
        ] {
            let mut stream = RelayedStream::passing(dialect, "m", 1 << 20);
            let told = steps(&mut stream, junk);
            let [Step::Fault(fault, frame)] = told.as_slice() else {
                panic!("{dialect:?}: {told:?}")
            };
            assert_eq!(frame, &dialect.protocol().error_frame(&fault.body()));
        }
    }

    #[test]
    fn a_writer_that_has_no_room_left_fails_the_stream() {
        let caller = Caller::default();
        for to in [
            Dialect::Anthropic,
            Dialect::Converse,
            Dialect::Cohere,
            Dialect::OpenAiResponses,
            Dialect::Gemini,
        ] {
            let mut stream = RelayedStream::translating(Dialect::OpenAiChat, to, &caller, 32 << 20);
            let call = |index: u32, arguments: &str| {
                format!(
                    "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{{\"index\":{index},\"id\":\"c{index}\",\"function\":{{\"name\":\"f\",\"arguments\":\"{arguments}\"}}}}]}}}}]}}\n\n"
                )
            };
            let mut told = steps(&mut stream, &call(0, "{"));
            let piece = call(1, &"x".repeat(1 << 20));
            for _ in 0..18 {
                told.extend(steps(&mut stream, &piece));
            }
            assert!(
                told.iter().any(|step| matches!(step, Step::Fault(..))),
                "{to:?}"
            );
            assert!(!told.iter().any(|step| matches!(step, Step::Last(_))));
        }
    }

    #[test]
    fn names_the_model_asked_for_in_whole_answers() {
        for (dialect, body, expected) in [
            (
                Dialect::OpenAiChat,
                r#"{"model":"a","x":1.0}"#,
                r#"{"model":"m","x":1.0}"#,
            ),
            (Dialect::Anthropic, r#"{"model":"a"}"#, r#"{"model":"m"}"#),
            (
                Dialect::Anthropic,
                r#"{"message":{"model":"a"}}"#,
                r#"{"message":{"model":"m"}}"#,
            ),
            (
                Dialect::Gemini,
                r#"{"modelVersion":"a"}"#,
                r#"{"modelVersion":"m"}"#,
            ),
            (Dialect::Cohere, r#"{"model":"a"}"#, r#"{"model":"a"}"#),
            (
                Dialect::OpenAiChat,
                r#"{"model":null}"#,
                r#"{"model":null}"#,
            ),
        ] {
            assert_eq!(
                with_model(dialect, &Bytes::copy_from_slice(body.as_bytes()), "m"),
                expected
            );
        }
    }
}
