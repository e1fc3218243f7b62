//! An answer for a caller.

use std::borrow::Cow;

use super::write_stop;
use crate::anthropic::{request, usage};
use crate::chat::{Answer, Block, Choice, Citation, FinishReason, MediaKind, Part};
use crate::json::Writer;
use crate::protocol::Caller;
use crate::{Dialect, id};

pub(in crate::anthropic) fn write(answer: &Answer<'_>, caller: &Caller<'_>) -> Vec<u8> {
    let own = answer.dialect == Dialect::Anthropic;
    let mut w = Writer::with_capacity(answer.room());
    let id = if own {
        Cow::Borrowed(answer.id.as_ref())
    } else {
        id::with_prefix(&answer.id, "msg_", caller.id)
    };
    w.open().text("id", &id);
    w.text("type", "message").text("role", "assistant");
    w.text("model", caller.model);
    let choice = answer.choices.first();
    w.key("content").open_list();
    for part in choice
        .map(|choice| choice.parts.as_slice())
        .unwrap_or_default()
    {
        self::part(part, own, &mut w);
    }
    w.close_list();
    stop(choice, own, &mut w);
    w.key("usage").open();
    usage::write_members(&answer.usage.unwrap_or_default(), &mut w);
    write_tier(answer.service_tier.as_deref(), &mut w);
    if own {
        w.rest_of(&answer.extra, "usage");
    }
    w.close();
    if own {
        w.rest_outside(&answer.extra, &["usage"]);
    }
    w.close();
    w.into_bytes()
}

/// The tier that served an answer, if the dialect has a word for it.
pub(in crate::anthropic) fn write_tier(tier: Option<&str>, w: &mut Writer) {
    let word = match tier {
        Some("default") => Some("standard"),
        Some("priority" | "batch") => tier,
        _ => None,
    };
    w.text_if("service_tier", word);
}

fn stop(choice: Option<&Choice<'_>>, own: bool, w: &mut Writer) {
    let parts = choice
        .map(|choice| choice.parts.as_slice())
        .unwrap_or_default();
    let calls = parts
        .iter()
        .any(|part| matches!(part.block, Block::ToolUse { .. }));
    let refused = parts
        .iter()
        .any(|part| matches!(part.block, Block::Refusal(_)));
    let reason = choice.map_or(&FinishReason::Stop, |choice| &choice.finish);
    let word = match reason {
        FinishReason::Other(word) if own => word.as_str(),
        // OpenAI's models decline and say that they are done.
        FinishReason::Stop if refused => "refusal",
        reason => write_stop(reason, calls),
    };
    w.text("stop_reason", word);
    match choice.and_then(|choice| choice.stop_sequence.as_deref()) {
        Some(sequence) => w.text("stop_sequence", sequence),
        None => w.key("stop_sequence").literal("null"),
    };
    if let Some(choice) = choice.filter(|_| own) {
        w.rest(&choice.extra);
    }
}

fn part(part: &Part<'_>, own: bool, w: &mut Writer) {
    match &part.block {
        Block::Text { text, citations } => {
            w.open().text("type", "text").text("text", text);
            // A list or nothing: the vendor's schema has a null, but Vercel's SDK refuses a whole answer for one.
            if !citations.is_empty() {
                w.key("citations").open_list();
                for citation in citations {
                    write_citation(citation, own, w);
                }
                w.close_list();
            }
        }
        Block::Refusal(_) if own => return,
        Block::Refusal(text) => {
            w.open().text("type", "text").text("text", text);
        }
        Block::ToolUse {
            id,
            name,
            arguments,
            custom,
        } => {
            w.open().text("type", "tool_use");
            w.text("id", id).text("name", name).key("input");
            request::write_input(arguments, *custom, w);
        }
        Block::Thinking { text, signature } => {
            w.open().text("type", "thinking").text("thinking", text);
            // SDKs insist on the member.
            w.text("signature", signature.as_deref().unwrap_or_default());
        }
        Block::RedactedThinking { data } => {
            w.open().text("type", "redacted_thinking");
            w.text("data", data);
        }
        Block::Media(media) => {
            // The dialect's answers have no pictures; those of requests are the least surprising form.
            if let (MediaKind::Image, crate::chat::Source::Data { media_type, base64 }) =
                (media.kind, &media.source)
            {
                write_image(media_type, base64, w);
            }
            return;
        }
        Block::Foreign { kind, raw } => {
            if own || is_hosted(kind, raw) {
                w.raw(raw);
            }
            return;
        }
        Block::ToolResult { .. } => return,
    }
    if own {
        w.rest(&part.extra);
    }
    w.close();
}

/// A picture.
pub(in crate::anthropic) fn write_image(media_type: &str, base64: &str, w: &mut Writer) {
    w.open().text("type", "image").key("source").open();
    w.text("type", "base64").text("media_type", media_type);
    w.text("data", base64).close().close();
}

/// Whether a block is of a tool that Anthropic runs, and not of another dialect.
pub(in crate::anthropic) fn is_hosted(kind: &str, raw: &serde_json::value::RawValue) -> bool {
    let known = kind == "server_tool_use" || kind.ends_with("_tool_result");
    known && crate::json::Object::of(raw).is_some_and(|block| block.peek("type").is_some())
}

/// A citation. Those of other dialects are of pages on the network.
pub(in crate::anthropic) fn write_citation(citation: &Citation<'_>, own: bool, w: &mut Writer) {
    if let (true, Some(raw)) = (own, &citation.raw) {
        w.raw(raw);
        return;
    }
    w.open().text("type", "web_search_result_location");
    w.text("cited_text", &citation.cited_text);
    w.text("encrypted_index", "");
    w.text("title", &citation.title).text("url", &citation.url);
    w.close();
}
