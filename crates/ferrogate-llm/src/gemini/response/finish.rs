//! `finishReason`.
//!
//! Source: the Gemini API's reference, `Candidate.FinishReason`; Vertex AI's for the words it has besides.

use crate::chat::FinishReason;

/// What a native word means.
pub(in crate::gemini) enum Native {
    /// The answer ended for this reason.
    Ended(FinishReason),
    /// The model made something that is no answer; without any other words the request failed.
    Failed,
}

/// Reads it. Google says `STOP` although tools are called.
pub(in crate::gemini) fn read(word: &str, calls: bool) -> Native {
    Native::Ended(match word {
        "STOP" | "FINISH_REASON_UNSPECIFIED" | "" if calls => FinishReason::ToolUse,
        "STOP" | "FINISH_REASON_UNSPECIFIED" | "" => FinishReason::Stop,
        "MAX_TOKENS" | "CONTINUATION" => FinishReason::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "IMAGE_OTHER"
        | "NO_IMAGE"
        | "MODEL_ARMOR"
        | "ESCALATION"
        | "PUP_LIMITED_DISABLED"
        | "OTHER" => FinishReason::ContentFilter,
        "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MALFORMED_RESPONSE"
        | "MISSING_THOUGHT_SIGNATURE" => return Native::Failed,
        other => FinishReason::Other(other.to_owned()),
    })
}

/// The word for it.
pub(in crate::gemini) fn write(reason: &FinishReason) -> &str {
    match reason {
        FinishReason::Length | FinishReason::ContextWindow => "MAX_TOKENS",
        FinishReason::ContentFilter | FinishReason::Refusal => "SAFETY",
        // Google's own words pass; to SDKs of others' they would be no member of the enumeration.
        FinishReason::Other(word) if matches!(read(word, false), Native::Failed) => word,
        FinishReason::Stop
        | FinishReason::StopSequence
        | FinishReason::ToolUse
        | FinishReason::Pause
        | FinishReason::Other(_) => "STOP",
    }
}
