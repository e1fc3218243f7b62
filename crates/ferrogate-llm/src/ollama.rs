//! Ollama's own chat.
//!
//! Source: Ollama's `docs/api.md`, "Generate a chat completion", and `api/types.go`.

mod error;
mod finish;
mod message;
mod request;
mod response;
mod stream;
mod usage;

use bytes::Bytes;

use crate::chat::{Answer, ChatRequest};
use crate::protocol::{
    Address, Caller, Framing, Protocol, ReadStream, TargetProfile, Untranslatable, WriteStream,
};
use crate::{DecodeError, Emulation, ErrorBody, Lossy, UpstreamFault};

/// Ollama's own chat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ollama;

impl Protocol for Ollama {
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

    fn emulation(&self, request: &ChatRequest<'_>, _target: &TargetProfile<'_>) -> Emulation {
        Emulation::of(request, false)
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
        error::body(error.message)
    }

    fn error_frame(&self, error: &ErrorBody<'_>) -> Bytes {
        error::line(error.message)
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }
}
