//! Ollama's errors.

use bytes::Bytes;

use crate::json::Writer;

/// As a whole body: a text and no kind.
pub(super) fn body(message: &str) -> Vec<u8> {
    let mut w = Writer::default();
    w.open().text("error", message).close();
    w.into_bytes()
}

/// In a stream: the same as its last line.
pub(super) fn line(message: &str) -> Bytes {
    let mut line = body(message);
    line.push(b'\n');
    line.into()
}
