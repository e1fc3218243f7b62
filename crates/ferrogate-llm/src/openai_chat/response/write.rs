//! An answer for a caller.

use super::write_finish;
use crate::Dialect;
use crate::chat::{Answer, Block, Choice, Citation, FinishReason, Media, MediaKind, Part, Source};
use crate::json::Writer;
use crate::openai_chat::usage;
use crate::protocol::Caller;

pub(in crate::openai_chat) fn write(answer: &Answer<'_>, caller: &Caller<'_>) -> Vec<u8> {
    let own = answer.dialect == Dialect::OpenAiChat;
    let mut w = Writer::with_capacity(answer.room());
    w.open();
    if answer.id.is_empty() {
        w.text("id", &format!("chatcmpl-{}", caller.id));
    } else {
        w.text("id", &answer.id);
    }
    w.text("object", "chat.completion");
    w.member("created", &answer.created.unwrap_or(caller.created));
    w.text("model", caller.model);
    w.key("choices").open_list();
    for (index, choice) in answer.choices.iter().enumerate() {
        self::choice(index, choice, own, caller, &mut w);
    }
    w.close_list();
    w.key("usage");
    usage::write(&answer.usage.unwrap_or_default(), &mut w);
    w.text_if("service_tier", answer.service_tier.as_deref());
    if own {
        w.rest(&answer.extra);
    }
    w.close();
    w.into_bytes()
}

fn choice(index: usize, choice: &Choice<'_>, own: bool, caller: &Caller<'_>, w: &mut Writer) {
    w.open().member("index", &index);
    w.key("message").open().text("role", "assistant");
    let calls = choice
        .parts
        .iter()
        .any(|part| matches!(part.block, Block::ToolUse { .. }));
    let text: Option<String> = {
        let mut texts = choice.parts.iter().filter_map(|part| match &part.block {
            Block::Text { text, .. } => Some(text.as_ref()),
            _ => None,
        });
        texts
            .next()
            .map(|first| texts.fold(first.to_owned(), |all, text| all + text))
    };
    let sound = choice.parts.iter().find_map(sound);
    match &text {
        Some(text) => w.text("content", text),
        None if calls || sound.is_some() || choice.finish == FinishReason::ContentFilter => {
            w.key("content").literal("null")
        }
        None => w.text("content", ""),
    };
    let refusal = choice.parts.iter().find_map(|part| match &part.block {
        Block::Refusal(refusal) => Some(refusal.as_ref()),
        _ => None,
    });
    match refusal {
        Some(refusal) => w.text("refusal", refusal),
        None => w.key("refusal").literal("null"),
    };
    thoughts(choice, w);
    annotations(choice, w);
    images(choice, w);
    if let Some(base64) = sound {
        audio(base64, caller, w);
    }
    if calls {
        tool_calls(choice, w);
    }
    if own {
        w.rest(&choice.extra);
    }
    w.close();
    match &choice.logprobs {
        Some(raw) => w.key("logprobs").raw(raw),
        None => w.key("logprobs").literal("null"),
    };
    w.text("finish_reason", write_finish(&choice.finish));
    if let FinishReason::Other(native) = &choice.finish {
        w.text("native_finish_reason", native);
    }
    w.close();
}

/// Thoughts as text for everybody, and as blocks where a signature lets the caller send them back.
fn thoughts(choice: &Choice<'_>, w: &mut Writer) {
    let mut all = String::new();
    let mut signed = false;
    for part in &choice.parts {
        match &part.block {
            Block::Thinking { text, signature } => {
                all.push_str(text);
                signed |= signature.is_some();
            }
            Block::RedactedThinking { .. } => signed = true,
            _ => {}
        }
    }
    if !all.is_empty() {
        w.text("reasoning_content", &all);
    }
    if !signed {
        return;
    }
    w.key("thinking_blocks").open_list();
    for part in &choice.parts {
        match &part.block {
            Block::Thinking { text, signature } => {
                w.open().text("type", "thinking").text("thinking", text);
                w.text_if("signature", signature.as_deref()).close();
            }
            Block::RedactedThinking { data } => {
                w.open()
                    .text("type", "redacted_thinking")
                    .text("data", data)
                    .close();
            }
            _ => {}
        }
    }
    w.close_list();
}

fn annotations(choice: &Choice<'_>, w: &mut Writer) {
    let mut found = choice.parts.iter().flat_map(|part| match &part.block {
        Block::Text { citations, .. } => citations.as_slice(),
        _ => &[],
    });
    let Some(first) = found.find(|citation| !citation.url.is_empty()) else {
        return;
    };
    w.key("annotations").open_list();
    for citation in std::iter::once(first).chain(found.filter(|citation| !citation.url.is_empty()))
    {
        annotation(citation, None, w);
    }
    w.close_list();
}

/// One `url_citation`, with its place among them where a stream tells one at a time.
pub(in crate::openai_chat) fn annotation(
    citation: &Citation<'_>,
    place: Option<u32>,
    w: &mut Writer,
) {
    let (from, to) = citation.span.unwrap_or_default();
    w.open();
    w.member_if("index", place.as_ref());
    w.text("type", "url_citation").key("url_citation").open();
    w.member("start_index", &from).member("end_index", &to);
    w.text("title", &citation.title).text("url", &citation.url);
    w.close().close();
}

/// Sound, as data.
fn sound<'p>(part: &'p Part<'_>) -> Option<&'p str> {
    match &part.block {
        Block::Media(Media {
            kind: MediaKind::Audio,
            source: Source::Data { base64, .. },
            ..
        }) => Some(base64),
        _ => None,
    }
}

/// Source: OpenAI's OpenAPI document, `ChatCompletionResponseMessage.audio`. Nothing is kept of it, so it cannot be
/// referred to later.
fn audio(base64: &str, caller: &Caller<'_>, w: &mut Writer) {
    w.key("audio").open();
    w.text("id", &format!("audio_{}", caller.id));
    w.text("data", base64).member("expires_at", &caller.created);
    w.text("transcript", "").close();
}

fn images(choice: &Choice<'_>, w: &mut Writer) {
    let mut begun = false;
    for part in &choice.parts {
        let Block::Media(media) = &part.block else {
            continue;
        };
        if media.kind == MediaKind::Audio {
            continue;
        }
        let Some(url) = media.source.url_pieces() else {
            continue;
        };
        if !std::mem::replace(&mut begun, true) {
            w.key("images").open_list();
        }
        w.open().text("type", "image_url");
        w.key("image_url")
            .open()
            .text_of("url", &url)
            .close()
            .close();
    }
    if begun {
        w.close_list();
    }
}

fn tool_calls(choice: &Choice<'_>, w: &mut Writer) {
    w.key("tool_calls").open_list();
    for part in &choice.parts {
        let Block::ToolUse {
            id,
            name,
            arguments,
            custom,
        } = &part.block
        else {
            continue;
        };
        let (kind, member) = if *custom {
            ("custom", "input")
        } else {
            ("function", "arguments")
        };
        w.open().text("id", id).text("type", kind);
        w.key(kind).open().text("name", name);
        let arguments = if arguments.is_empty() && !custom {
            "{}"
        } else {
            arguments
        };
        w.text(member, arguments).close();
        if let Some(signature) = &part.signature {
            w.key("extra_content").open().key("google").open();
            w.text("thought_signature", signature).close().close();
        }
        w.close();
    }
    w.close_list();
}
