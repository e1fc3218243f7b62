//! Google's error envelope.
//!
//! Source: `google.rpc.Status` and `google.rpc.Code`; google.aip.dev/193.

use bytes::Bytes;

use crate::json::Writer;
use crate::{ErrorBody, encode_event};

/// What OpenAI's types and codes are called by Google: part of the code or the type, HTTP status, canonical code. The
/// first that fits counts.
const STATUSES: [(&str, u16, &str); 22] = [
    ("timeout", 504, "DEADLINE_EXCEEDED"),
    ("too_large", 413, "INVALID_ARGUMENT"),
    ("unprocessable", 422, "INVALID_ARGUMENT"),
    ("method_not_allowed", 405, "UNIMPLEMENTED"),
    ("not_found", 404, "NOT_FOUND"),
    ("budget_exceeded", 402, "RESOURCE_EXHAUSTED"),
    ("insufficient_quota", 429, "RESOURCE_EXHAUSTED"),
    ("rate_limit", 429, "RESOURCE_EXHAUSTED"),
    ("RESOURCE_EXHAUSTED", 429, "RESOURCE_EXHAUSTED"),
    ("upstream_auth", 502, "UNAVAILABLE"),
    ("authentication_busy", 503, "UNAVAILABLE"),
    ("authentication", 401, "UNAUTHENTICATED"),
    ("api_key", 401, "UNAUTHENTICATED"),
    ("permission", 403, "PERMISSION_DENIED"),
    ("unavailable", 503, "UNAVAILABLE"),
    ("UNAVAILABLE", 503, "UNAVAILABLE"),
    ("overloaded", 503, "UNAVAILABLE"),
    ("upstream_error", 502, "UNAVAILABLE"),
    ("DEADLINE_EXCEEDED", 504, "DEADLINE_EXCEEDED"),
    ("invalid_request", 400, "INVALID_ARGUMENT"),
    ("INVALID_ARGUMENT", 400, "INVALID_ARGUMENT"),
    ("cancelled", 499, "CANCELLED"),
];

/// As a whole body.
pub(super) fn body(error: &ErrorBody<'_>) -> Vec<u8> {
    let (code, status) = status(error);
    let mut w = Writer::default();
    w.open().key("error").open();
    w.member("code", &code)
        .text("message", error.message)
        .text("status", status);
    w.key("details").open_list();
    w.open()
        .text("@type", "type.googleapis.com/google.rpc.ErrorInfo");
    w.text("reason", error.code)
        .text("domain", "ferrogate")
        .close();
    if let Some(param) = error.param {
        w.open()
            .text("@type", "type.googleapis.com/google.rpc.BadRequest");
        w.key("fieldViolations").open_list().open();
        w.text("field", param).text("description", error.message);
        w.close().close_list().close();
    }
    w.close_list().close().close();
    w.into_bytes()
}

/// In a stream: the envelope as data; SDKs raise on it.
pub(super) fn frame(error: &ErrorBody<'_>) -> Bytes {
    encode_event(None, &String::from_utf8_lossy(&body(error)))
}

fn status(error: &ErrorBody<'_>) -> (u16, &'static str) {
    let found = |text: &str| STATUSES.iter().find(|(part, ..)| text.contains(part));
    found(error.code)
        .or_else(|| found(error.kind))
        .map_or((500, "INTERNAL"), |row| (row.1, row.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openais_words_become_googles() {
        for (kind, code, expected) in [
            (
                "authentication_error",
                "invalid_api_key",
                "401 UNAUTHENTICATED",
            ),
            (
                "permission_error",
                "model_not_allowed",
                "403 PERMISSION_DENIED",
            ),
            ("invalid_request_error", "model_not_found", "404 NOT_FOUND"),
            (
                "invalid_request_error",
                "invalid_json",
                "400 INVALID_ARGUMENT",
            ),
            (
                "rate_limit_error",
                "upstream_rate_limited",
                "429 RESOURCE_EXHAUSTED",
            ),
            ("server_error", "provider_unavailable", "503 UNAVAILABLE"),
            ("server_error", "upstream_error", "502 UNAVAILABLE"),
            ("server_error", "gateway_timeout", "504 DEADLINE_EXCEEDED"),
            (
                "insufficient_quota",
                "budget_exceeded",
                "402 RESOURCE_EXHAUSTED",
            ),
            ("server_error", "internal_error", "500 INTERNAL"),
        ] {
            let error = ErrorBody {
                message: "no",
                kind,
                param: Some("contents"),
                code,
                request_id: None,
            };
            let json: serde_json::Value = serde_json::from_slice(&body(&error)).unwrap();
            let error = &json["error"];
            assert_eq!(
                format!("{} {}", error["code"], error["status"].as_str().unwrap()),
                expected
            );
            assert_eq!(error["details"][0]["reason"], code);
            assert_eq!(
                error["details"][1]["fieldViolations"][0]["field"],
                "contents"
            );
        }
    }
}
