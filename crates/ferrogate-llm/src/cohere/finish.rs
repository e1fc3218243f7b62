//! `finish_reason`.

use crate::chat::FinishReason;

/// Reads it. Source: Cohere's `ChatFinishReason`.
pub(super) fn read(word: &str) -> FinishReason {
    match word {
        "COMPLETE" | "" => FinishReason::Stop,
        "STOP_SEQUENCE" => FinishReason::StopSequence,
        // The time is a limit of the answer, too: what came so far is good.
        "MAX_TOKENS" | "TIMEOUT" => FinishReason::Length,
        "TOOL_CALL" => FinishReason::ToolUse,
        "ERROR_TOXIC" => FinishReason::ContentFilter,
        other => FinishReason::Other(other.to_owned()),
    }
}

/// The word for it. There is none for what a filter cut: it did not complete.
pub(super) fn write(reason: &FinishReason) -> &'static str {
    match reason {
        FinishReason::StopSequence => "STOP_SEQUENCE",
        FinishReason::Length | FinishReason::ContextWindow => "MAX_TOKENS",
        FinishReason::ToolUse => "TOOL_CALL",
        FinishReason::ContentFilter => "ERROR",
        FinishReason::Stop
        | FinishReason::Pause
        | FinishReason::Refusal
        | FinishReason::Other(_) => "COMPLETE",
    }
}
