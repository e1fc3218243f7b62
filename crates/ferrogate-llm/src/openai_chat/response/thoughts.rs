//! Thoughts of a model, which OpenAI's chat has no place for and its servers have several.

use std::borrow::Cow;

use crate::chat::Block;
use crate::json::{self, Object};

/// Takes the thoughts of a message: the richest form counts, every form is kept in `twins`.
///
/// `thinking_blocks` is what gateways hand out for Anthropic's blocks; `reasoning_details` is OpenRouter's;
/// `reasoning_content` (DeepSeek, xAI, Qwen, Moonshot) or `reasoning` (Groq, Cerebras, Ollama) is bare text.
pub(in crate::openai_chat) fn take<'a>(
    message: &mut Object<'a>,
    twins: &mut Object<'a>,
) -> Vec<Block<'a>> {
    let mut found: Vec<Block<'a>> = Vec::new();
    for (name, read) in [
        (
            "thinking_blocks",
            blocks as fn(&mut Object<'a>) -> Option<Block<'a>>,
        ),
        ("reasoning_details", details),
    ] {
        let Some(raw) = message.take(name) else {
            continue;
        };
        twins.put(name, raw);
        if found.is_empty() {
            let list = json::array(raw).unwrap_or_default();
            found.extend(
                list.into_iter()
                    .filter_map(|raw| read(&mut Object::of(raw)?)),
            );
        }
    }
    for name in ["reasoning_content", "reasoning"] {
        let Some(raw) = message.take(name) else {
            continue;
        };
        twins.put(name, raw);
        if let (true, Some(text)) = (found.is_empty(), json::text(raw))
            && !text.is_empty()
        {
            found.push(Block::Thinking {
                text,
                signature: None,
            });
        }
    }
    found
}

fn blocks<'a>(object: &mut Object<'a>) -> Option<Block<'a>> {
    let kind = object.text("type").ok()??;
    if kind == "redacted_thinking" {
        return Some(Block::RedactedThinking {
            data: object.text("data").ok()??,
        });
    }
    Some(Block::Thinking {
        text: object.text("thinking").ok()?.unwrap_or_default(),
        signature: object
            .text("signature")
            .ok()?
            .filter(|text| !text.is_empty()),
    })
}

fn details<'a>(object: &mut Object<'a>) -> Option<Block<'a>> {
    let kind = object.text("type").ok()??;
    match kind.as_ref() {
        "reasoning.encrypted" => Some(Block::RedactedThinking {
            data: object.text("data").ok()??,
        }),
        "reasoning.summary" => Some(Block::Thinking {
            text: object.text("summary").ok()??,
            signature: None,
        }),
        "reasoning.text" => Some(Block::Thinking {
            text: object.text("text").ok()?.unwrap_or(Cow::Borrowed("")),
            signature: object.text("signature").ok()?,
        }),
        _ => None,
    }
}
