//! Errors of Responses.

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::json::{Object, Writer};
use crate::{ErrorBody, UpstreamFault, encode_event};

/// As a whole body: OpenAI's envelope, as everywhere.
pub(super) fn body(error: &ErrorBody<'_>) -> Vec<u8> {
    error.to_json().to_string().into_bytes()
}

/// As the last event of a stream.
///
/// Source: OpenAI's OpenAPI document, `ResponseErrorEvent`. The envelope stands beside the event's own members:
/// the official SDKs raise on it, and on nothing else.
pub(super) fn frame(error: &ErrorBody<'_>) -> Bytes {
    let mut w = Writer::with_capacity(256);
    w.open().text("type", "error");
    members(error, &mut w);
    w.member("sequence_number", &0);
    w.key("error").open();
    w.text("type", error.kind);
    members(error, &mut w);
    w.close().close();
    encode_event(Some("error"), &w.into_text())
}

fn members(error: &ErrorBody<'_>, w: &mut Writer) {
    w.text("code", error.code).text("message", error.message);
    match error.param {
        Some(param) => w.text("param", param),
        None => w.key("param").literal("null"),
    };
}

/// The `code` of a response that failed; the list is closed.
pub(super) fn code_of(fault: &UpstreamFault) -> &'static str {
    let limited = |word: &Option<String>| {
        matches!(
            word.as_deref(),
            Some("rate_limit_exceeded" | "rate_limit_error" | "insufficient_quota")
        )
    };
    if limited(&fault.code) || limited(&fault.kind) {
        "rate_limit_exceeded"
    } else {
        "server_error"
    }
}

/// The `error` of a response that failed.
pub(super) fn read(raw: &RawValue) -> UpstreamFault {
    let mut object = Object::of(raw).unwrap_or_default();
    let mut text = |name| object.text(name).ok().flatten().map(Into::into);
    let code: Option<String> = text("code");
    let kind = match code.as_deref() {
        Some("rate_limit_exceeded") => "rate_limit_error",
        Some(code) if code.starts_with("invalid_") => "invalid_request_error",
        _ => "server_error",
    };
    UpstreamFault {
        message: text("message").unwrap_or_else(|| "the response failed".to_owned()),
        kind: text("type").or_else(|| Some(kind.to_owned())),
        param: text("param"),
        code,
    }
}
