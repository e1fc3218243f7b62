//! Anthropic's errors.

use bytes::Bytes;

use crate::json::Writer;
use crate::portable::THREAD;
use crate::{ErrorBody, UpstreamFault, encode_event};

/// As a whole body.
///
/// Source: Anthropic's API reference, "Errors". SDKs choose their exception by the status, which is set elsewhere;
/// the `type` is for people and for code that looks closer.
pub(super) fn body(error: &ErrorBody<'_>) -> Vec<u8> {
    let mut w = Writer::with_capacity(128 + error.message.len());
    w.open().text("type", "error").key("error").open();
    w.text("type", kind_of(error));
    w.text("message", error.message);
    if let Some(code) = code_of(error) {
        w.key("details").open().text("error_code", code).close();
    }
    w.close();
    w.text_if("request_id", error.request_id).close();
    w.into_bytes()
}

/// As the last event of a stream.
pub(super) fn frame(error: &ErrorBody<'_>) -> Bytes {
    encode_event(Some("error"), &String::from_utf8_lossy(&body(error)))
}

/// Codes about threads. SDKs that read one send the whole conversation again, with another thread or without.
/// Source: `@anthropic-ai/sdk` 1.11, the `error_code` of `ThreadNotFoundErrorDetails` and its like.
const OF_THREADS: [&str; 5] = [
    THREADLESS,
    "thread_not_found",
    "thread_already_continued",
    "thread_continue_in_flight",
    "thread_fingerprint_mismatch",
];
const THREADLESS: &str = "thread_unsupported_request";

/// The code that Anthropic puts into `details`: its own, or that a model of another vendor has no threads.
fn code_of(error: &ErrorBody<'_>) -> Option<&'static str> {
    let code = if error.param == Some(THREAD) {
        THREADLESS
    } else {
        error.code
    };
    OF_THREADS.into_iter().find(|known| *known == code)
}

/// OpenAI's word, a kind or a code, and Anthropic's for it.
const KINDS: [(&str, &str); 25] = [
    ("overloaded_error", "overloaded_error"),
    ("service_unavailable_error", "overloaded_error"),
    ("server_is_overloaded", "overloaded_error"),
    ("provider_unavailable", "overloaded_error"),
    ("insufficient_quota", "billing_error"),
    ("billing_error", "billing_error"),
    ("rate_limit_exceeded", "rate_limit_error"),
    ("rate_limit_error", "rate_limit_error"),
    ("requests", "rate_limit_error"),
    ("tokens", "rate_limit_error"),
    ("invalid_api_key", "authentication_error"),
    ("authentication_error", "authentication_error"),
    ("model_not_allowed", "permission_error"),
    ("permission_error", "permission_error"),
    ("model_not_found", "not_found_error"),
    ("unknown_url", "not_found_error"),
    ("not_found_error", "not_found_error"),
    ("request_too_large", "request_too_large"),
    ("conflict", "conflict_error"),
    ("conflict_error", "conflict_error"),
    ("timeout", "timeout_error"),
    ("timeout_error", "timeout_error"),
    ("upstream_timeout", "timeout_error"),
    ("context_length_exceeded", "invalid_request_error"),
    ("invalid_request_error", "invalid_request_error"),
];

/// Whether a word says something to those who do not speak the dialect it comes from.
pub fn is_error_word(word: &str) -> bool {
    KINDS.iter().any(|(known, _)| *known == word) || OF_THREADS.contains(&word)
}

fn kind_of(error: &ErrorBody<'_>) -> &'static str {
    let find = |word: &str| KINDS.iter().find(|(known, _)| *known == word);
    // The code says more than the kind, which is `invalid_request_error` for a wrong key as well.
    find(error.code)
        .or_else(|| find(error.kind))
        .map_or("api_error", |(_, kind)| kind)
}

/// Anthropic's word, and the kind and code that say it to everybody else.
const NORMAL: [(&str, &str, Option<&str>); 9] = [
    (
        "overloaded_error",
        "service_unavailable_error",
        Some("server_is_overloaded"),
    ),
    (
        "rate_limit_error",
        "rate_limit_error",
        Some("rate_limit_exceeded"),
    ),
    (
        "authentication_error",
        "authentication_error",
        Some("invalid_api_key"),
    ),
    (
        "billing_error",
        "insufficient_quota",
        Some("insufficient_quota"),
    ),
    (
        "not_found_error",
        "invalid_request_error",
        Some("model_not_found"),
    ),
    (
        "request_too_large",
        "invalid_request_error",
        Some("request_too_large"),
    ),
    ("timeout_error", "server_error", Some("timeout")),
    ("conflict_error", "invalid_request_error", Some("conflict")),
    ("api_error", "server_error", None),
];

/// A provider's error in the words that writers of every dialect know.
pub(super) fn normal(mut fault: UpstreamFault) -> UpstreamFault {
    let known = NORMAL
        .iter()
        .find(|row| fault.kind.as_deref() == Some(row.0));
    if let Some((_, kind, code)) = known {
        fault.kind = Some((*kind).to_owned());
        fault.code = fault.code.or_else(|| code.map(str::to_owned));
    } else if fault.kind.as_deref() == Some("invalid_request_error")
        && fault.message.starts_with("prompt is too long")
    {
        fault.code = Some("context_length_exceeded".to_owned());
    }
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &str, code: &str, expected: &str) {
        let error = ErrorBody {
            message: "m",
            kind,
            param: None,
            code,
            request_id: None,
        };
        let body = String::from_utf8(body(&error)).unwrap();
        assert_eq!(
            body,
            format!(r#"{{"type":"error","error":{{"type":"{expected}","message":"m"}}}}"#)
        );
        assert_eq!(
            frame(&error),
            format!("event: error\ndata: {body}\n\n").as_bytes()
        );
    }

    #[test]
    fn every_error_has_the_dialects_own_word() {
        check(
            "invalid_request_error",
            "invalid_api_key",
            "authentication_error",
        );
        check(
            "invalid_request_error",
            "model_not_found",
            "not_found_error",
        );
        check("invalid_request_error", "", "invalid_request_error");
        check("requests", "rate_limit_exceeded", "rate_limit_error");
        check("insufficient_quota", "", "billing_error");
        check("server_error", "upstream_error", "api_error");
        check("upstream_error", "upstream_timeout", "timeout_error");
    }

    #[test]
    fn what_is_wrong_with_a_thread_is_told_as_anthropic_tells_it() {
        for (param, code, expected) in [
            (Some("thread"), "unsupported_parameter", THREADLESS),
            (None, "thread_not_found", "thread_not_found"),
        ] {
            let error = ErrorBody {
                message: "m",
                kind: "invalid_request_error",
                param,
                code,
                request_id: None,
            };
            let body = body(&error);
            assert_eq!(
                String::from_utf8_lossy(&body),
                format!(
                    r#"{{"type":"error","error":{{"type":"invalid_request_error","message":"m","details":{{"error_code":"{expected}"}}}}}}"#
                )
            );
            let read = UpstreamFault::read(&body);
            assert_eq!(read.code.as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_read_is_written_as_it_was() {
        for (word, kind, code) in NORMAL {
            let fault = normal(UpstreamFault {
                kind: Some(word.to_owned()),
                ..UpstreamFault::because("m")
            });
            assert_eq!(fault.kind.as_deref(), Some(kind));
            check(kind, code.unwrap_or_default(), word);
        }
    }
}
