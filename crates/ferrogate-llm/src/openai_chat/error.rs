//! OpenAI's error envelope.

use bytes::Bytes;

use crate::{ErrorBody, encode_event};

/// As a whole body.
pub(super) fn body(error: &ErrorBody<'_>) -> Vec<u8> {
    error.to_json().to_string().into_bytes()
}

/// In a stream: the envelope as data and no `[DONE]` behind it; SDKs raise on it.
pub(crate) fn frame(error: &ErrorBody<'_>) -> Bytes {
    encode_event(None, &error.to_json().to_string())
}
