//! `stopReason`.

use crate::chat::FinishReason;

/// Each word with what it says; the first of a meaning is written for it.
const WORDS: [(&str, FinishReason); 9] = [
    ("end_turn", FinishReason::Stop),
    ("tool_use", FinishReason::ToolUse),
    ("max_tokens", FinishReason::Length),
    ("stop_sequence", FinishReason::StopSequence),
    ("content_filtered", FinishReason::ContentFilter),
    ("content_filtered", FinishReason::Refusal),
    ("guardrail_intervened", FinishReason::ContentFilter),
    ("model_context_window_exceeded", FinishReason::ContextWindow),
    ("end_turn", FinishReason::Pause),
];

/// Reads it.
pub(in crate::converse) fn read(word: &str) -> FinishReason {
    WORDS
        .into_iter()
        .find(|(known, _)| *known == word)
        .map_or_else(|| FinishReason::Other(word.to_owned()), |row| row.1)
}

/// The word for it; SDKs with closed enumerations know no others than these.
pub(in crate::converse) fn write(reason: &FinishReason) -> &'static str {
    match reason {
        FinishReason::Other(word) if word == "malformed_model_output" => "malformed_model_output",
        FinishReason::Other(word) if word == "malformed_tool_use" => "malformed_tool_use",
        known => WORDS
            .iter()
            .find(|(_, reason)| reason == known)
            .map_or("end_turn", |row| row.0),
    }
}
