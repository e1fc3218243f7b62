//! Google's `generateContent`, of the Gemini API and of Vertex AI.
//!
//! Source: the discovery document of `generativelanguage.googleapis.com` v1beta (`GenerateContentRequest`,
//! `GenerateContentResponse`) and Vertex AI's reference of the same names.

mod count;
mod error;
mod logprobs;
mod name;
mod part;
mod request;
mod response;
mod schema;
mod stream;
mod usage;

use bytes::Bytes;

pub(crate) use self::count::{read_count_tokens, write_count_tokens};
use crate::chat::{Answer, ChatRequest};
use crate::protocol::{
    Address, Caller, Protocol, ReadStream, TargetProfile, Untranslatable, WriteStream,
};
use crate::{DecodeError, Emulation, ErrorBody, Lossy, UpstreamFault, sound};

/// Google's `generateContent`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gemini;

impl Protocol for Gemini {
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
        request::write(request, target, lossy)
    }

    fn emulation(&self, request: &ChatRequest<'_>, _target: &TargetProfile<'_>) -> Emulation {
        let wanted = sound::Wanted::of(request);
        Emulation::of(request, false).with_sound(wanted.map(|wanted| wanted.form))
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
        Box::new(if caller.array {
            stream::Writer::array(caller)
        } else {
            stream::Writer::events(caller)
        })
    }

    fn error_body(&self, error: &ErrorBody<'_>) -> Vec<u8> {
        error::body(error)
    }

    fn error_frame(&self, error: &ErrorBody<'_>) -> Bytes {
        error::frame(error)
    }
}
