//! An answer for a caller.

use std::borrow::Cow;

use crate::Dialect;
use crate::chat::{Answer, Block, Choice, FinishReason};
use crate::cohere::{citation, finish, logprobs, usage};
use crate::json::Writer;
use crate::protocol::Caller;

/// Cohere gives one answer: the first counts.
pub(in crate::cohere) fn write(answer: &Answer<'_>, caller: &Caller<'_>) -> Vec<u8> {
    let own = answer.dialect == Dialect::Cohere;
    let none = Choice::new(Vec::new(), FinishReason::Stop);
    let choice = answer.choices.first().unwrap_or(&none);
    let mut w = Writer::with_capacity(answer.room());
    w.open();
    w.text(
        "id",
        if answer.id.is_empty() {
            caller.id
        } else {
            &answer.id
        },
    );
    match &choice.finish {
        FinishReason::Other(word) if own => w.text("finish_reason", word),
        reason => w.text("finish_reason", finish::write(reason)),
    };
    w.key("message").open().text("role", "assistant");
    content(choice, own, &mut w);
    calls(choice, &mut w);
    citations(choice, own, &mut w);
    if own {
        w.rest(&choice.extra);
    }
    w.close();
    w.key("usage");
    usage::write(&answer.usage.unwrap_or_default(), &mut w);
    if let Some(raw) = choice.extra.twin("logprobs").filter(|_| own) {
        w.key("logprobs").raw(raw);
    } else if let Some(raw) = &choice.logprobs {
        w.key("logprobs");
        logprobs::write(raw, &mut w);
    }
    if own {
        w.rest(&answer.extra);
    }
    w.close();
    w.into_bytes()
}

fn content(choice: &Choice<'_>, own: bool, w: &mut Writer) {
    let plan = choice
        .parts
        .iter()
        .find_map(|part| part.extra.twin("tool_plan").filter(|_| own));
    w.raw_if("tool_plan", plan);
    w.key("content").open_list();
    for part in &choice.parts {
        match &part.block {
            Block::Text { text, .. } | Block::Refusal(text) => {
                w.open().text("type", "text").text("text", text).close();
            }
            Block::Thinking { text, .. } if part.extra.twin("tool_plan").is_none() => {
                w.open()
                    .text("type", "thinking")
                    .text("thinking", text)
                    .close();
            }
            Block::Foreign { raw, .. } if own => {
                w.raw(raw);
            }
            _ => {}
        }
    }
    w.close_list();
}

fn calls(choice: &Choice<'_>, w: &mut Writer) {
    let mut begun = false;
    for part in &choice.parts {
        let Block::ToolUse {
            id,
            name,
            arguments,
            ..
        } = &part.block
        else {
            continue;
        };
        if !std::mem::replace(&mut begun, true) {
            w.key("tool_calls").open_list();
        }
        let arguments = if arguments.is_empty() {
            Cow::Borrowed("{}")
        } else {
            Cow::Borrowed(arguments.as_ref())
        };
        w.open().text("id", id).text("type", "function");
        w.key("function").open().text("name", name);
        w.text("arguments", &arguments).close().close();
    }
    if begun {
        w.close_list();
    }
}

fn citations(choice: &Choice<'_>, own: bool, w: &mut Writer) {
    let (mut begun, mut characters, mut number, mut place) = (false, 0, 0, 0);
    for part in &choice.parts {
        let text = match &part.block {
            Block::Text { text, citations } => {
                for citation in citations {
                    if !std::mem::replace(&mut begun, true) {
                        w.key("citations").open_list();
                    }
                    match citation.raw.as_deref().filter(|_| own) {
                        Some(raw) => {
                            w.raw(raw);
                        }
                        None => citation::write(citation, number, characters, place, w),
                    }
                    place += 1;
                }
                characters += text.chars().count();
                true
            }
            Block::Thinking { .. } | Block::Refusal(_) => true,
            _ => false,
        };
        number += u64::from(text);
    }
    if begun {
        w.close_list();
    }
}
