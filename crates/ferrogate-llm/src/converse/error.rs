//! Errors of Bedrock: a message in the body, the type in a header or in the exception's name.

use bytes::Bytes;

use crate::json::Writer;
use crate::{ErrorBody, encode_exception};

/// The value of `x-amzn-errortype` for an error of this HTTP status and of OpenAI's `type` and `code`: what an AWS
/// SDK raises its exception classes by.
///
/// Source: the exception shapes of the service model; `UnrecognizedClientException` is among the errors common to
/// all services.
pub fn error_type(status: u16, kind: &str, code: &str) -> &'static str {
    if kind == "insufficient_quota" || code == "insufficient_quota" {
        return "ServiceQuotaExceededException";
    }
    match status {
        401 => "UnrecognizedClientException",
        403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        409 => "ConflictException",
        408 | 504 => "ModelTimeoutException",
        424 => "ModelErrorException",
        429 => "ThrottlingException",
        503 | 529 => "ServiceUnavailableException",
        500..=599 => "InternalServerException",
        _ => "ValidationException",
    }
}

/// As a whole body.
pub(super) fn body(error: &ErrorBody<'_>) -> Vec<u8> {
    let mut w = Writer::default();
    w.open().text("message", error.message).close();
    w.into_bytes()
}

/// In a stream: an exception, which SDKs raise.
pub(super) fn frame(error: &ErrorBody<'_>) -> Bytes {
    exception(error.kind, error.code, error.message)
}

/// The exception of a stream for a provider's or our own `type` and `code`. A stream knows five, fewer than a body.
pub(super) fn exception(kind: &str, code: &str, message: &str) -> Bytes {
    let own = STREAMED
        .into_iter()
        .find(|name| *name == kind || *name == code);
    let name = own.unwrap_or(match (kind, code) {
        ("rate_limit_error" | "insufficient_quota" | "RESOURCE_EXHAUSTED", _)
        | (_, "rate_limit_exceeded" | "429" | "insufficient_quota") => "throttlingException",
        ("overloaded_error" | "UNAVAILABLE", _)
        | (_, "provider_unavailable" | "503" | "529" | "overloaded") => {
            "serviceUnavailableException"
        }
        ("invalid_request_error" | "INVALID_ARGUMENT", _) => "validationException",
        (_, "upstream_error" | "upstream_timeout") => "modelStreamErrorException",
        _ => "internalServerException",
    });
    let mut w = Writer::default();
    w.open().text("message", message).close();
    encode_exception(name, &w.into_bytes())
}

/// Exceptions that a stream may end with. Source: the service model, `ConverseStreamOutput`.
const STREAMED: [&str; 5] = [
    "internalServerException",
    "modelStreamErrorException",
    "validationException",
    "throttlingException",
    "serviceUnavailableException",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_type_that_sdks_know() {
        for (status, kind, code, expected) in [
            (
                400,
                "invalid_request_error",
                "invalid_json",
                "ValidationException",
            ),
            (
                401,
                "authentication_error",
                "invalid_api_key",
                "UnrecognizedClientException",
            ),
            (
                402,
                "insufficient_quota",
                "budget_exceeded",
                "ServiceQuotaExceededException",
            ),
            (
                403,
                "permission_error",
                "scope_denied",
                "AccessDeniedException",
            ),
            (
                404,
                "invalid_request_error",
                "model_not_found",
                "ResourceNotFoundException",
            ),
            (
                413,
                "invalid_request_error",
                "request_too_large",
                "ValidationException",
            ),
            (
                429,
                "rate_limit_error",
                "rate_limit_exceeded",
                "ThrottlingException",
            ),
            (
                502,
                "server_error",
                "upstream_error",
                "InternalServerException",
            ),
            (
                503,
                "server_error",
                "provider_unavailable",
                "ServiceUnavailableException",
            ),
            (
                504,
                "server_error",
                "upstream_timeout",
                "ModelTimeoutException",
            ),
        ] {
            assert_eq!(error_type(status, kind, code), expected, "{status} {code}");
        }
    }
}
