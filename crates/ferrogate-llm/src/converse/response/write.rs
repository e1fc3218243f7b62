//! An answer for a caller.

use super::write_finish;
use crate::Dialect;
use crate::chat::{Answer, Block, Choice, MediaKind, Part};
use crate::converse::{content, usage};
use crate::json::Writer;
use crate::protocol::Caller;

pub(in crate::converse) fn write(answer: &Answer<'_>, caller: &Caller<'_>) -> Vec<u8> {
    let own = answer.dialect == Dialect::Converse;
    let mut w = Writer::with_capacity(answer.room());
    w.open();
    w.key("output").open().key("message").open();
    w.text("role", "assistant").key("content").open_list();
    // Converse has one answer, and its callers cannot ask for more.
    let choice = answer.choices.first();
    let parts = choice.map(|choice| choice.parts.as_slice());
    for (place, part) in parts.unwrap_or_default().iter().enumerate() {
        self::part(part, place, own, caller, &mut w);
    }
    w.close_list().close().close();
    if let Some(choice) = choice {
        reason(choice, own, &mut w);
    } else {
        w.text("stopReason", "end_turn");
    }
    w.key("usage");
    usage::write(&answer.usage.unwrap_or_default(), &mut w);
    if let Some(tier) = &answer.service_tier {
        w.key("serviceTier").open().text("type", tier).close();
    }
    if own {
        w.rest(&answer.extra);
    } else if let Some(sequence) = choice.and_then(|choice| choice.stop_sequence.as_deref()) {
        let fields = w.key("additionalModelResponseFields").open();
        fields.text("stop_sequence", sequence).close();
    }
    if answer.extra.peek("metrics").is_none() || !own {
        // Typed SDKs require it; the time is the provider's to know, and it does not tell.
        w.key("metrics").open().member("latencyMs", &0).close();
    }
    w.close();
    w.into_bytes()
}

/// Bedrock's own word where it is known: several mean the same to others.
fn reason(choice: &Choice<'_>, own: bool, w: &mut Writer) {
    match choice.extra.peek("stopReason") {
        Some(raw) if own => w.key("stopReason").raw(raw),
        _ => w.text("stopReason", write_finish(&choice.finish)),
    };
}

fn part(part: &Part<'_>, place: usize, own: bool, caller: &Caller<'_>, w: &mut Writer) {
    match &part.block {
        Block::Text { text, citations } if citations.is_empty() => content::text(text, w),
        Block::Text { text, citations } => {
            content::cited(text, citations, own, w);
            w.close().close();
        }
        Block::Refusal(text) => content::text(text, w),
        Block::ToolUse {
            id,
            name,
            arguments,
            custom,
        } => {
            if id.is_empty() {
                let made = format!("tooluse_{}_{place}", caller.id);
                content::tool_use(&made, name, arguments, *custom, w);
            } else {
                content::tool_use(id, name, arguments, *custom, w);
            }
            w.close().close();
        }
        Block::Thinking { text, signature } => {
            content::thinking(text, signature.as_deref(), w);
            w.close().close().close();
        }
        Block::RedactedThinking { data } => {
            let mut inner = Writer::default();
            inner.open();
            if content::redacted(data, &mut inner) {
                inner.close();
                w.open().key("reasoningContent");
                w.literal(&inner.into_text()).close();
            }
        }
        Block::Media(media) if media.kind == MediaKind::Image => {
            let mut block = Writer::default();
            if content::write_media(media, None, "", &mut block).is_ok() {
                block.close().close();
                w.literal(&block.into_text());
            }
        }
        Block::Foreign { raw, .. } if own => {
            w.raw(raw);
        }
        // Answers hold no other media and no results; another vendor's own blocks mean nothing here.
        Block::Media(_) | Block::ToolResult { .. } | Block::Foreign { .. } => {}
    }
}
