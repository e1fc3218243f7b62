//! Cohere's errors.

use bytes::Bytes;

use crate::json::Writer;
use crate::{ErrorBody, encode_event};

/// As a whole body: a message and no kind. SDKs choose their exception by the status.
pub(super) fn body(error: &ErrorBody<'_>) -> Vec<u8> {
    let mut w = Writer::default();
    w.open().text("message", error.message).close();
    w.into_bytes()
}

/// In a stream: the end of the message, with the reason. Source: `ChatMessageEndEventDelta.error`.
pub(super) fn frame(message: &str) -> Bytes {
    let mut w = Writer::default();
    w.open().text("type", "message-end").key("delta").open();
    w.text("error", message).text("finish_reason", "ERROR");
    w.close().close();
    encode_event(Some("message-end"), &w.into_text())
}
