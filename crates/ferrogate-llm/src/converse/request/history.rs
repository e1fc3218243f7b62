//! What a writer must know of the conversation as a whole.

use crate::Dialect;
use crate::chat::{Block, ChatRequest, Message, Part, Role};

/// Whether it is instructions.
pub(super) fn is_system(message: &Message<'_>) -> bool {
    matches!(message.role, Role::System | Role::Developer)
}

/// Whether callers of a dialect send back the signatures they were given; those of Google's sign for Gemini.
pub(super) fn replays(dialect: Dialect) -> bool {
    matches!(
        dialect,
        Dialect::Anthropic | Dialect::OpenAiChat | Dialect::OpenAiResponses | Dialect::Converse
    )
}

/// Whether tools were called before.
pub(super) fn calls_tools(request: &ChatRequest<'_>) -> bool {
    request
        .messages
        .iter()
        .flat_map(|message| &message.parts)
        .any(|part| matches!(part.block, Block::ToolUse { .. } | Block::ToolResult { .. }))
}

/// Whether the last turn with calls misses the signed thought that a model with a budget wants to see there.
pub(super) fn lacks_thoughts(request: &ChatRequest<'_>) -> bool {
    let last = request
        .messages
        .iter()
        .rev()
        .take_while(|message| message.role != Role::User || has_result(message))
        .find(|message| message.role == Role::Assistant);
    last.is_some_and(|message| {
        let calls = |part: &Part<'_>| matches!(part.block, Block::ToolUse { .. });
        let signed = match message.parts.first().map(|part| &part.block) {
            Some(Block::Thinking { signature, .. }) => {
                signature.is_some() && replays(request.dialect)
            }
            Some(Block::RedactedThinking { .. }) => replays(request.dialect),
            _ => false,
        };
        message.parts.iter().any(calls) && !signed
    })
}

fn has_result(message: &Message<'_>) -> bool {
    message
        .parts
        .iter()
        .any(|part| matches!(part.block, Block::ToolResult { .. }))
}
