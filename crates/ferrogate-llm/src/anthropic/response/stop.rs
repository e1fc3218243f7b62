//! `stop_reason`.

use crate::chat::FinishReason;

/// Reads it.
pub(in crate::anthropic) fn read(word: &str) -> FinishReason {
    match word {
        "end_turn" => FinishReason::Stop,
        "stop_sequence" => FinishReason::StopSequence,
        "tool_use" => FinishReason::ToolUse,
        "max_tokens" => FinishReason::Length,
        "model_context_window_exceeded" | "compaction" => FinishReason::ContextWindow,
        "pause_turn" => FinishReason::Pause,
        "refusal" => FinishReason::Refusal,
        other => FinishReason::Other(other.to_owned()),
    }
}

/// The word for it. Models of some vendors say that they are done although tools are to be called.
pub(in crate::anthropic) fn write(reason: &FinishReason, calls: bool) -> &'static str {
    match reason {
        FinishReason::ToolUse => "tool_use",
        FinishReason::Stop | FinishReason::Other(_) if calls => "tool_use",
        FinishReason::Stop | FinishReason::Other(_) => "end_turn",
        FinishReason::StopSequence => "stop_sequence",
        FinishReason::Length => "max_tokens",
        FinishReason::ContextWindow => "model_context_window_exceeded",
        FinishReason::ContentFilter | FinishReason::Refusal => "refusal",
        FinishReason::Pause => "pause_turn",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_and_written() {
        for word in [
            "end_turn",
            "stop_sequence",
            "tool_use",
            "max_tokens",
            "model_context_window_exceeded",
            "pause_turn",
            "refusal",
        ] {
            assert_eq!(write(&read(word), false), word);
        }
        assert_eq!(write(&read("next_year"), false), "end_turn");
        assert_eq!(write(&FinishReason::Stop, true), "tool_use");
    }
}
