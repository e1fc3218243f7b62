//! An answer for a caller.

use serde_json::value::RawValue;

use crate::chat::{Answer, Block, Choice, FinishReason, Source};
use crate::json::{Object, Writer};
use crate::ollama::message::write_call;
use crate::ollama::{finish, usage};
use crate::protocol::Caller;
use crate::{Dialect, date};

/// Ollama gives one answer: the first counts.
pub(in crate::ollama) fn write(answer: &Answer<'_>, caller: &Caller<'_>) -> Vec<u8> {
    let none = Choice::new(Vec::new(), FinishReason::Stop);
    let choice = answer.choices.first().unwrap_or(&none);
    let mut w = Writer::with_capacity(answer.room());
    head(
        caller.model,
        answer.created.unwrap_or(caller.created),
        &mut w,
    );
    message(choice, &mut w);
    if let Some(raw) = &choice.logprobs {
        write_logprobs(raw, &mut w);
    }
    w.member("done", &true)
        .text("done_reason", finish::write(&choice.finish));
    usage::write(&answer.usage.unwrap_or_default(), &mut w);
    if answer.dialect == Dialect::Ollama {
        w.rest(&answer.extra);
    }
    w.close();
    w.into_bytes()
}

/// Opens an answer or a line of a stream.
pub(in crate::ollama) fn head(model: &str, created: u64, w: &mut Writer) {
    w.open()
        .text("model", model)
        .text("created_at", &date::text(created));
}

fn message(choice: &Choice<'_>, w: &mut Writer) {
    let (mut text, mut thoughts) = (String::new(), String::new());
    let mut pictures: Vec<&str> = Vec::new();
    let mut calls = Writer::default();
    for part in &choice.parts {
        match &part.block {
            Block::Text { text: said, .. } | Block::Refusal(said) => text.push_str(said),
            Block::Thinking { text, .. } => thoughts.push_str(text),
            Block::Media(media) => {
                if let Source::Data { base64, .. } = &media.source {
                    pictures.push(base64);
                }
            }
            Block::ToolUse {
                id,
                name,
                arguments,
                custom,
            } => write_call(id, name, arguments, *custom, None, &mut calls),
            // Nothing in this dialect says it.
            Block::RedactedThinking { .. } | Block::ToolResult { .. } | Block::Foreign { .. } => {}
        }
    }
    w.key("message")
        .open()
        .text("role", "assistant")
        .text("content", &text);
    w.text_if(
        "thinking",
        Some(thoughts.as_str()).filter(|text| !text.is_empty()),
    );
    w.member_if(
        "images",
        Some(&pictures).filter(|pictures| !pictures.is_empty()),
    );
    let calls = calls.into_text();
    if !calls.is_empty() {
        w.key("tool_calls").open_list().literal(&calls).close_list();
    }
    w.close();
}

/// The list in OpenAI's object, which has the same form.
pub(in crate::ollama) fn write_logprobs(raw: &RawValue, w: &mut Writer) {
    let content = Object::of(raw).and_then(|mut object| object.take("content"));
    w.raw_if("logprobs", content);
}
