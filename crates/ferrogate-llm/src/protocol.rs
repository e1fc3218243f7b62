//! What every dialect can do.

use std::borrow::Cow;

use bytes::Bytes;

use crate::chat::{Answer, ChatRequest, Event};
use crate::traits::ModelTraits;
use crate::{DecodeError, Emulation, ErrorBody, Lossy, Quirk, ResponsesEcho, UpstreamFault};

/// A wire dialect of chat. One room each for request, answer, stream and errors; this is what they have in common.
///
/// Every dialect reads and writes both ways: as a caller's it reads requests and writes answers, as a provider's it
/// writes requests and reads answers. Nothing here opens a socket or looks at a clock.
pub trait Protocol: Sync {
    /// Reads a caller's request. `address` is what the path told, for dialects that put the model there.
    fn read_request<'a>(
        &self,
        body: &'a [u8],
        address: Address<'a>,
    ) -> Result<ChatRequest<'a>, DecodeError>;

    /// Writes a request for a provider, naming in `lossy` what it could not carry.
    fn write_request(
        &self,
        request: &ChatRequest<'_>,
        target: &TargetProfile<'_>,
        lossy: &mut Lossy,
    ) -> Result<Vec<u8>, Untranslatable>;

    /// What the request for this target says by other means: to be undone in the answer.
    fn emulation(&self, request: &ChatRequest<'_>, target: &TargetProfile<'_>) -> Emulation {
        let _ = (request, target);
        Emulation::default()
    }

    /// Reads a provider's whole answer; an error in a 200 body is a fault.
    fn read_answer<'a>(&self, body: &'a [u8]) -> Result<Answer<'a>, UpstreamFault>;

    /// Writes a whole answer for a caller.
    fn write_answer(&self, answer: &Answer<'_>, caller: &Caller<'_>) -> Vec<u8>;

    /// Reads a provider's stream.
    fn stream_reader(&self) -> Box<dyn ReadStream>;

    /// Writes a stream for a caller.
    fn stream_writer(&self, caller: &Caller<'_>) -> Box<dyn WriteStream>;

    /// An error as a whole body.
    fn error_body(&self, error: &ErrorBody<'_>) -> Vec<u8>;

    /// An error inside a stream that has begun, as the bytes of its last frame.
    fn error_frame(&self, error: &ErrorBody<'_>) -> Bytes;

    /// How a provider's stream is cut into frames.
    fn framing(&self) -> Framing {
        Framing::Sse
    }
}

/// What the path of a request told.
#[derive(Clone, Debug, Default)]
pub struct Address<'a> {
    /// The model, decoded.
    pub model: Option<Cow<'a, str>>,
    /// The path asks for a stream.
    pub stream: bool,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug)]
pub struct TargetProfile<'a> {
    /// What the provider calls the model.
    pub model: &'a str,
    /// What is known of the model.
    pub traits: &'a ModelTraits,
    /// How the provider departs from its dialect.
    pub quirks: &'a [Quirk],
}

impl TargetProfile<'_> {
    /// Whether the provider departs in this way.
    pub fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }
}

/// Who is answered, and what must be known of the request for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caller<'a> {
    /// The model asked for, which is the model of the answer.
    pub model: &'a str,
    /// Usage in the stream was asked for.
    pub usage_asked: bool,
    /// Seconds since 1970, where the provider does not tell when it answered.
    pub created: u64,
    /// For ids where the provider gives none: hexadecimal, one for each request.
    pub id: &'a str,
    /// Tokens of the prompt, estimated: dialects that begin with usage have none yet.
    pub input_estimate: u64,
    /// A stream of Gemini's is wanted as one JSON array, as it is without `alt=sse`.
    pub array: bool,
    /// What an answer of OpenAI's Responses repeats of its request.
    pub echo: Option<&'a ResponsesEcho>,
}

/// A request that the target's dialect cannot express at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Untranslatable {
    /// The member at fault, in the caller's words.
    pub param: String,
    /// What cannot be done and what to do instead.
    pub message: String,
}

impl Untranslatable {
    /// A member that has no counterpart.
    pub fn new(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            param: param.into(),
            message: message.into(),
        }
    }
}

/// How a stream is cut into frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Sse,
    /// A JSON value on each line.
    Lines,
    /// AWS's `application/vnd.amazon.eventstream`.
    EventStream,
}

impl Framing {
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Sse => "text/event-stream",
            Self::Lines => "application/x-ndjson",
            Self::EventStream => "application/vnd.amazon.eventstream",
        }
    }
}

/// One frame of a provider's stream.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The event's name, where the framing has one.
    pub name: Option<&'a str>,
    /// It is an exception of an event stream, and `name` its type.
    pub exception: bool,
    /// The payload.
    pub data: &'a [u8],
}

/// Reads a provider's stream frame by frame.
pub trait ReadStream: Send {
    /// Reads the next frame and appends what it says.
    fn read(&mut self, packet: Packet<'_>, events: &mut Vec<Event>);

    /// The bytes are over. Appends [`Event::End`] if the answer is whole although the dialect's own end is missing
    /// or there is none; appends nothing if it is not.
    fn finish(&mut self, events: &mut Vec<Event>);

    /// The stream is ended where it stands, because more of it is not paid for. Appends what closes the open blocks
    /// and finishes every choice that has not: with the reason it told already, otherwise with
    /// [`FinishReason::Length`](crate::chat::FinishReason::Length). At least one choice has finished then; usage and
    /// end are the caller's to add.
    fn cut(&mut self, events: &mut Vec<Event>);

    /// Appends the frames that close what is open, in the provider's own numbers, for a caller to whom the stream
    /// passed as it came. To be asked before [`cut`](Self::cut); most dialects close nothing but the answer.
    fn close_passed(&self, out: &mut Vec<u8>) {
        let _ = out;
    }
}

/// Writes a stream for a caller event by event.
pub trait WriteStream: Send {
    /// Appends the bytes that say it.
    fn write(&mut self, event: &Event, out: &mut Vec<u8>);

    /// Whether more had to be held back than there is room for: the caller was told of an error, and nothing that
    /// follows is written.
    fn is_overfull(&self) -> bool {
        false
    }
}
