//! What only the servers of a dialect's own vendor can do for a request.

use crate::Dialect;
use crate::chat::{Block, ChatRequest, ToolKind};
use crate::protocol::Untranslatable;

/// Members of a Responses request that refer to what OpenAI keeps.
const OPENAI_KEEPS: [(&str, &str); 4] = [
    (
        "previous_response_id",
        "this model's provider keeps no answers: send the conversation in `input`",
    ),
    (
        "conversation",
        "this model's provider keeps no conversations: send it in `input`",
    ),
    (
        "prompt",
        "this model's provider keeps no prompts: send its text in `instructions`",
    ),
    (
        "background",
        "this model's provider answers in the foreground only: leave `background` out",
    ),
];

/// Members of a Messages request that refer to what Anthropic keeps. A request that continues a thread has its new
/// messages only, so nobody else can answer it.
/// Source: `@anthropic-ai/sdk` 1.11, `BetaThreadContinueParams`.
const ANTHROPIC_KEEPS: [(&str, &str); 1] = [(
    THREAD,
    "this model's provider keeps no threads: send the whole conversation without `thread`",
)];

/// The member of a Messages request that begins or continues a conversation that Anthropic keeps.
pub(crate) const THREAD: &str = "thread";

impl ChatRequest<'_> {
    /// Refuses what a target of another dialect cannot even ignore: answers, conversations and prompts that OpenAI
    /// keeps, tools that it runs itself, and threads that Anthropic keeps.
    pub fn check_portable(&self, target: Dialect) -> Result<(), Untranslatable> {
        if self.dialect == target {
            return Ok(());
        }
        let kept: &[_] = match self.dialect {
            Dialect::OpenAiResponses => &OPENAI_KEEPS,
            Dialect::Anthropic => &ANTHROPIC_KEEPS,
            _ => return Ok(()),
        };
        for &(name, message) in kept {
            let asked = self.extra.peek(name).map(serde_json::value::RawValue::get);
            if asked.is_some_and(|value| !matches!(value, "null" | "false")) {
                return Err(Untranslatable::new(name, message));
            }
        }
        if self.dialect != Dialect::OpenAiResponses {
            return Ok(());
        }
        let parts = self.messages.iter().flat_map(|message| &message.parts);
        for part in parts {
            if let Block::Foreign { kind, .. } = &part.block {
                return Err(Untranslatable::new(
                    "input",
                    format!("this model's provider knows no items of type `{kind}`"),
                ));
            }
        }
        for tool in &self.tools {
            if let ToolKind::Foreign { kind, .. } = &tool.kind {
                return Err(Untranslatable::new(
                    "tools",
                    format!(
                        "this model's provider has no tool of type `{kind}`: define a function instead"
                    ),
                ));
            }
        }
        Ok(())
    }
}
