//! `done_reason`.

use crate::chat::FinishReason;

/// Reads it. The server says `stop` although tools are called; `load` and `unload` answer a request without messages.
pub(super) fn read(word: &str, calls: bool) -> FinishReason {
    match word {
        "stop" | "" if calls => FinishReason::ToolUse,
        "stop" | "load" | "unload" | "" => FinishReason::Stop,
        "length" => FinishReason::Length,
        other => FinishReason::Other(other.to_owned()),
    }
}

/// The word for it.
pub(super) fn write(reason: &FinishReason) -> &'static str {
    match reason {
        FinishReason::Length | FinishReason::ContextWindow => "length",
        FinishReason::Stop
        | FinishReason::StopSequence
        | FinishReason::ToolUse
        | FinishReason::ContentFilter
        | FinishReason::Refusal
        | FinishReason::Pause
        | FinishReason::Other(_) => "stop",
    }
}
