//! Errors.

use ferrogate_llm::{Dialect, ErrorBody};
use serde_json::{Value, json};

use crate::streams::TARGETS;
use crate::support::{data, relay};

const ERROR: ErrorBody<'static> = ErrorBody {
    message: "slow down",
    kind: "rate_limit_error",
    param: None,
    code: "rate_limit_exceeded",
    request_id: None,
};

#[test]
fn errors_have_their_dialects_shape() {
    let check = |dialect: Dialect, expected: Value| {
        let body: Value = serde_json::from_slice(&dialect.protocol().error_body(&ERROR)).unwrap();
        assert_eq!(body, expected);
    };
    check(
        Dialect::Gemini,
        json!({"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED", "details": [
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "rate_limit_exceeded", "domain": "ferrogate"}]}}),
    );
    check(Dialect::Cohere, json!({"message": "slow down"}));
    check(Dialect::Ollama, json!({"error": "slow down"}));
}

#[test]
fn an_error_in_a_stream_ends_it() {
    for (from, path, error) in [
        (
            Dialect::Gemini,
            "gemini/stream.sse",
            "data: {\"error\":{\"code\":503,\"message\":\"overloaded\",\"status\":\"UNAVAILABLE\"}}\r\n\r\n",
        ),
        (
            Dialect::Cohere,
            "cohere/chat.stream.sse",
            "data: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"ERROR\",\"error\":\"overloaded\"}}\n\n",
        ),
        (
            Dialect::Ollama,
            "ollama/chat.ndjson",
            "{\"error\":\"overloaded\"}\n",
        ),
    ] {
        let body = data(path);
        let half = &body[..body.len() / 2];
        let blank: &[u8] = match from {
            Dialect::Gemini => b"\r\n\r\n",
            Dialect::Ollama => b"}\n",
            _ => b"\n\n",
        };
        let end = half
            .windows(blank.len())
            .rposition(|bytes| bytes == blank)
            .unwrap()
            + blank.len();
        for to in TARGETS {
            let relayed = relay(from, to, [&half[..end], error.as_bytes()]);
            assert_eq!(
                relayed.fault.as_deref(),
                Some("overloaded"),
                "{path} to {to:?}"
            );
            assert!(!relayed.whole);
            assert!(relayed.sent.contains("overloaded"), "{}", relayed.sent);
        }
    }
}
