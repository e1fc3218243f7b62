//! Replicate's predictions, which are no chat: a prompt goes in, text comes out.
//!
//! Only providers speak it, so no request is read. Answers and streams are written all the same, because every
//! dialect can be asked to; the shape is the one that is read. Source: Replicate's HTTP API reference, "Create a
//! prediction" and "Streaming output".

mod error;
mod prediction;
mod request;
mod response;
mod stream;

use bytes::Bytes;

pub use self::prediction::{Prediction, PredictionStatus};
pub(crate) use self::request::write_version;
use crate::chat::{Answer, ChatRequest};
use crate::protocol::{
    Address, Caller, Protocol, ReadStream, TargetProfile, Untranslatable, WriteStream,
};
use crate::{DecodeError, Dialect, ErrorBody, Lossy, UpstreamFault};

/// Replicate's predictions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replicate;

impl Protocol for Replicate {
    fn read_request<'a>(
        &self,
        _body: &'a [u8],
        _address: Address<'a>,
    ) -> Result<ChatRequest<'a>, DecodeError> {
        Err(DecodeError::NotServed {
            dialect: Dialect::Replicate.as_str(),
        })
    }

    fn write_request(
        &self,
        request: &ChatRequest<'_>,
        target: &TargetProfile<'_>,
        lossy: &mut Lossy,
    ) -> Result<Vec<u8>, Untranslatable> {
        request::write(request, target, lossy)
    }

    fn read_answer<'a>(&self, body: &'a [u8]) -> Result<Answer<'a>, UpstreamFault> {
        response::read(body)
    }

    fn write_answer(&self, answer: &Answer<'_>, caller: &Caller<'_>) -> Vec<u8> {
        response::write(answer, caller)
    }

    fn stream_reader(&self) -> Box<dyn ReadStream> {
        Box::new(stream::Reader::default())
    }

    fn stream_writer(&self, _caller: &Caller<'_>) -> Box<dyn WriteStream> {
        Box::new(stream::Writer::default())
    }

    fn error_body(&self, error: &ErrorBody<'_>) -> Vec<u8> {
        error::body(error.message)
    }

    fn error_frame(&self, error: &ErrorBody<'_>) -> Bytes {
        error::frame(error.message)
    }
}
