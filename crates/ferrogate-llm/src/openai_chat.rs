//! OpenAI's chat completions, the dialect most providers speak.
//!
//! Source: OpenAI's OpenAPI document, `CreateChatCompletionRequest`, `CreateChatCompletionResponse` and
//! `CreateChatCompletionStreamResponse`.

pub(crate) mod error;
mod request;
mod response;
mod stream;
pub(crate) mod usage;

use bytes::Bytes;

use crate::chat::{Answer, ChatRequest};
use crate::protocol::{
    Address, Caller, Protocol, ReadStream, TargetProfile, Untranslatable, WriteStream,
};
use crate::{DecodeError, ErrorBody, Lossy, UpstreamFault};

/// OpenAI's chat completions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenAiChat;

impl Protocol for OpenAiChat {
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
