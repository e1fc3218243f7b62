//! `POST /v1/messages/count_tokens`.
//!
//! Source: Anthropic's API reference, "Count tokens in a Message". A caller's request is read like any other: what
//! it lacks is optional there, too.

use crate::chat::ChatRequest;
use crate::json::{Object, Writer};
use crate::protocol::{TargetProfile, Untranslatable};
use crate::{Lossy, UpstreamFault};

use super::request::{self, Purpose};

/// Writes a request to count the tokens of a conversation: what only concerns the answer is left out.
pub(crate) fn write_count_tokens(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    request::write(request, target, lossy, Purpose::Count)
}

/// Reads how many tokens a provider counted.
pub(crate) fn read_count_tokens(body: &[u8]) -> Result<u64, UpstreamFault> {
    if let Some(fault) = UpstreamFault::in_answer(body) {
        return Err(super::error::normal(fault));
    }
    Object::parse(body)
        .ok()
        .and_then(|mut object| object.unsigned("input_tokens").ok()?)
        .ok_or_else(|| UpstreamFault::because("the answer has no `input_tokens`"))
}

/// The answer to a caller that asked for a count.
pub(crate) fn count_tokens_json(input_tokens: u64) -> Vec<u8> {
    let mut w = Writer::with_capacity(32);
    w.open().member("input_tokens", &input_tokens).close();
    w.into_bytes()
}
