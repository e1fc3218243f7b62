//! OpenAI's text completions, the form before chat: a prompt goes in, its continuation comes out.
//!
//! Callers speak it to providers that only converse: the prompt becomes the turn of a user. No conversation is sent
//! to a provider in it. Source: OpenAI's OpenAPI document, `CreateCompletionRequest`, `CreateCompletionResponse`.

mod logprobs;
mod request;
mod response;
mod stream;

use bytes::Bytes;

use crate::chat::{Answer, ChatRequest};
use crate::openai_chat::OpenAiChat;
use crate::protocol::{
    Address, Caller, Protocol, ReadStream, TargetProfile, Untranslatable, WriteStream,
};
use crate::{DecodeError, ErrorBody, Lossy, UpstreamFault};

/// OpenAI's text completions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenAiText;

impl Protocol for OpenAiText {
    fn read_request<'a>(
        &self,
        body: &'a [u8],
        _address: Address<'a>,
    ) -> Result<ChatRequest<'a>, DecodeError> {
        request::read(body)
    }

    fn write_request(
        &self,
        _request: &ChatRequest<'_>,
        _target: &TargetProfile<'_>,
        _lossy: &mut Lossy,
    ) -> Result<Vec<u8>, Untranslatable> {
        Err(Untranslatable::new(
            "model",
            "this model's provider continues texts and holds no conversations: use `/v1/completions`",
        ))
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
        OpenAiChat.error_body(error)
    }

    fn error_frame(&self, error: &ErrorBody<'_>) -> Bytes {
        OpenAiChat.error_frame(error)
    }
}
