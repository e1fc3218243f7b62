//! A provider's stream on its way to a caller.

mod finish;
mod length;
mod model;
mod seen;

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use ferrogate_types::Usage;

pub use self::finish::Finish;
pub(crate) use self::length::Passed;
pub use self::model::with_model;
use self::model::{model_span, respell};
pub(crate) use self::model::{text_span, with_model_at};
use self::seen::{Noted, Seen};
use crate::chat::OVERFULL;
use crate::chat::{Event, Marking};
use crate::frames::{AnyFrame, FrameError, Frames};
use crate::json;
use crate::openai_responses::Outline;
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
    /// The caller was told of an error.
    failed: bool,
    /// Room for the events of a frame, and for the bytes that say them.
    events: Vec<Event>,
    out: Vec<u8>,
}

enum Mode {
    /// OpenAI's chunks, as they come: the common case, read as little as possible.
    Watch(Box<StreamWatch>),
    /// Another dialect's frames, as they come, read to know what they are.
    Pass {
        dialect: Dialect,
        reader: Box<dyn ReadStream>,
        /// What its end has to repeat, where that is more than the reader knows.
        outline: Option<Box<Outline>>,
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
        Self::new(
            Framing::Sse,
            Mode::Watch(Box::new(watch)),
            asked_model,
            limit,
        )
    }

    /// A stream for a caller of the provider's own dialect.
    pub fn passing(dialect: Dialect, asked_model: &str, limit: usize) -> Self {
        let protocol = dialect.protocol();
        let mode = Mode::Pass {
            dialect,
            reader: protocol.stream_reader(),
            outline: Outline::of(dialect),
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
            failed: false,
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
                self.failed |= matches!(step, Step::Fault(..));
                return Some(step);
            }
        }
        None
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
            Mode::Pass {
                dialect,
                reader,
                outline,
            } => {
                let span = data.as_ref().and_then(|data| model_span(*dialect, data));
                if let Some(data) = &data {
                    let packet = frame.packet(data);
                    if let Some(outline) = outline {
                        outline.see(packet.name, packet.data);
                    }
                    reader.read(packet, &mut self.events);
                }
                let noted = self.seen.note_all(self.events.drain(..));
                let dialect = *dialect;
                let bytes = self.respelt(frame, span);
                Some(match noted.fault {
                    // Junk tells a caller nothing, so that its SDK would take the end for a whole answer's.
                    Some(fault) if data.is_none_or(|data| json::peek(&data, []).is_err()) => {
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

#[cfg(test)]
mod tests;
