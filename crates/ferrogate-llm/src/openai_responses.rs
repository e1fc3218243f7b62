//! OpenAI's Responses.
//!
//! Source: OpenAI's OpenAPI document, `CreateResponse`, `Response` and `ResponseStreamEvent`.

mod echo;
mod error;
mod request;
mod response;
mod stream;
mod usage;

use bytes::Bytes;

pub use self::echo::ResponsesEcho;
pub(crate) use self::stream::Outline;

use crate::chat::{Answer, ChatRequest};
use crate::protocol::{
    Address, Caller, Protocol, ReadStream, TargetProfile, Untranslatable, WriteStream,
};
use crate::{DecodeError, ErrorBody, Lossy, UpstreamFault};

/// OpenAI's Responses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenAiResponses;

impl Protocol for OpenAiResponses {
    fn read_request<'a>(
        &self,
        body: &'a [u8],
        _address: Address<'a>,
    ) -> Result<ChatRequest<'a>, DecodeError> {
        request::read(body)
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

    fn stream_writer(&self, caller: &Caller<'_>) -> Box<dyn WriteStream> {
        Box::new(stream::Writer::new(caller))
    }

    fn error_body(&self, error: &ErrorBody<'_>) -> Vec<u8> {
        error::body(error)
    }

    fn error_frame(&self, error: &ErrorBody<'_>) -> Bytes {
        error::frame(error)
    }
}
