//! Wire protocols of model APIs, sans-IO: bytes in, events out.
//!
//! A request body is [decoded](ModelRequest) only as far as routing needs it and [rewritten](ModelRequest::rewrite)
//! by splicing bytes; an answer is read for its [usage](read_usage) and its [errors](UpstreamFault); a stream is cut
//! into [frames](SseDecoder) and [watched](StreamWatch) for usage, errors and its terminal event. The built-in
//! [`echo`] provider answers in the same shapes.
//!
//! Refuses: sockets, clocks, and re-serialising what can pass as it is.

mod anthropic;
pub mod chat;
mod cohere;
mod converse;
pub mod count;
mod date;
mod dialect;
pub mod echo;
pub mod embeddings;
mod emulation;
mod error;
mod estimate;
mod event_stream;
mod form;
mod frames;
mod gemini;
mod id;
pub mod images;
pub mod json;
mod kept;
mod lossy;
mod models;
mod ollama;
mod openai_chat;
mod openai_responses;
mod openai_text;
mod portable;
mod protocol;
mod quirk;
mod realtime;
mod relayed;
mod replicate;
mod request;
pub mod rerank;
pub mod sound;
mod sse;
mod stream;
mod surface;
mod traits;
mod units;
mod usage;
mod wait;

pub use anthropic::is_error_word;
pub use converse::error_type as bedrock_error_type;
pub use dialect::Dialect;
pub use emulation::{EmulatedStream, Emulation};
pub use error::{ErrorBody, Meaning, UpstreamFault};
pub use estimate::estimate_tokens;
pub use event_stream::{
    EventMessage, EventStreamDecoder, EventStreamError, MessageKind, encode_exception,
    encode_message,
};
pub use frames::FrameError;
pub use images::ImageDialect;
pub use kept::{Kept, Unkept};
pub use lossy::{Field, Lossy};
pub use models::{ListShape, ModelEntry, model_json, model_list_json};
pub use openai_responses::ResponsesEcho;
pub use protocol::{
    Address, Caller, Framing, Packet, Protocol, ReadStream, TargetProfile, Untranslatable,
    WriteStream,
};
pub use quirk::Quirk;
pub use realtime::RealtimeMeter;
pub use relayed::{Finish, RelayedStream, Step, with_model};
pub use replicate::{Prediction, PredictionStatus};
pub use request::{DecodeError, ModelRequest};
pub use rerank::RerankDialect;
pub use sound::{HearingDialect, SpeechDialect};
pub use sse::{Frame, SseDecoder, SseError, encode_event};
pub use stream::{FrameAction, StreamEnd, StreamWatch};
pub use surface::{EmbeddingDialect, Operation, Surface};
pub use traits::{Efforts, ModelTraits, ThinkingStyle};
pub use units::read_spent;
pub use usage::read_usage;
pub use wait::read_wait;
