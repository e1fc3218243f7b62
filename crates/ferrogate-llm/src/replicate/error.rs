//! Errors of Replicate: a problem (RFC 9457), of which a stream has the detail alone.

use bytes::Bytes;

use crate::encode_event;
use crate::json::Writer;

/// As a whole body.
pub(super) fn body(message: &str) -> Vec<u8> {
    let mut w = Writer::default();
    w.open().text("detail", message).close();
    w.into_bytes()
}

/// In a stream.
pub(super) fn frame(message: &str) -> Bytes {
    let mut w = Writer::default();
    w.open().text("detail", message).close();
    encode_event(Some("error"), &w.into_text())
}
