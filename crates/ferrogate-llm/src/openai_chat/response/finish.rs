//! `finish_reason`.

use crate::chat::FinishReason;

/// Reads it. Servers that speak the dialect have words of their own, and some say `stop` although tools are called.
pub(in crate::openai_chat) fn read(word: &str, calls: bool) -> FinishReason {
    match word {
        "tool_calls" | "function_call" => FinishReason::ToolUse,
        "" | "stop" | "eos" | "end_turn" | "stop_sequence" | "COMPLETE" if calls => {
            FinishReason::ToolUse
        }
        "" | "stop" | "eos" | "end_turn" | "stop_sequence" | "COMPLETE" => FinishReason::Stop,
        "length" | "model_length" | "max_tokens" => FinishReason::Length,
        "content_filter" => FinishReason::ContentFilter,
        other => FinishReason::Other(other.to_owned()),
    }
}

/// The word for it.
pub(in crate::openai_chat) fn write(reason: &FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop
        | FinishReason::StopSequence
        | FinishReason::Pause
        | FinishReason::Other(_) => "stop",
        FinishReason::Length | FinishReason::ContextWindow => "length",
        FinishReason::ToolUse => "tool_calls",
        FinishReason::ContentFilter | FinishReason::Refusal => "content_filter",
    }
}
