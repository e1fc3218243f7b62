//! Anthropic's Messages.
//!
//! Source: Anthropic's API reference, "Messages", versions 2023-06-01 and 2026-10-21, which differ in what they refuse
//! and not in shape.

mod block;
mod count;
mod error;
mod request;
mod response;
mod stream;
mod usage;

use bytes::Bytes;

pub(crate) use self::count::{count_tokens_json, read_count_tokens, write_count_tokens};
pub use self::error::is_error_word;

use crate::chat::{Answer, ChatRequest};
use crate::protocol::{
    Address, Caller, Protocol, ReadStream, TargetProfile, Untranslatable, WriteStream,
};
use crate::{DecodeError, Emulation, ErrorBody, Lossy, UpstreamFault};

/// Anthropic's Messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anthropic;

impl Protocol for Anthropic {
    fn read_request<'a>(
        &self,
        body: &'a [u8],
        address: Address<'a>,
    ) -> Result<ChatRequest<'a>, DecodeError> {
        request::read(body, address)
    }

    fn write_request(
        &self,
        request: &ChatRequest<'_>,
        target: &TargetProfile<'_>,
        lossy: &mut Lossy,
    ) -> Result<Vec<u8>, Untranslatable> {
        request::write(request, target, lossy, request::Purpose::Answer)
    }

    fn emulation(&self, request: &ChatRequest<'_>, target: &TargetProfile<'_>) -> Emulation {
        request::emulation(request, target)
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
