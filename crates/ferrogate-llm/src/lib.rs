//! Wire protocols of model APIs, sans-IO: bytes in, events out.
//!
//! A request body is [decoded](OpenAiRequest) only as far as routing needs it and [rewritten](OpenAiRequest::rewrite)
//! by splicing bytes; an answer is read for its [usage](read_usage) and its [errors](UpstreamFault); a stream is cut
//! into [frames](SseDecoder) and [watched](StreamWatch) for usage, errors and its terminal event. The built-in
//! [`echo`] provider answers in the same shapes.
//!
//! Refuses: sockets, clocks, and re-serialising what can pass as it is.

pub mod echo;
mod error;
mod estimate;
mod models;
mod request;
mod sse;
mod stream;
mod surface;
mod usage;

pub use error::{ErrorBody, UpstreamFault};
pub use estimate::estimate_tokens;
pub use models::{ModelEntry, model_json, model_list_json};
pub use request::{DecodeError, OpenAiRequest};
pub use sse::{Frame, SseDecoder, SseError, encode_event};
pub use stream::{FrameAction, StreamEnd, StreamWatch};
pub use surface::Surface;
pub use usage::read_usage;
