//! An answer for a caller.

use super::{write_finish, write_grounding};
use crate::Dialect;
use crate::chat::calls;
use crate::chat::{Answer, Block, Choice, Citation, FinishReason, Media, Part, Source, thought_id};
use crate::gemini::{logprobs, usage};
use crate::json::{self, Writer};
use crate::protocol::Caller;

pub(in crate::gemini) fn write(answer: &Answer<'_>, caller: &Caller<'_>) -> Vec<u8> {
    let own = answer.dialect == Dialect::Gemini;
    let mut w = Writer::with_capacity(answer.room());
    w.open();
    let blocked = own && answer.extra.peek("promptFeedback").is_some();
    if !(blocked && answer.choices.iter().all(|choice| choice.parts.is_empty())) {
        w.key("candidates").open_list();
        for (index, choice) in answer.choices.iter().enumerate() {
            self::choice(index, choice, own, &mut w);
        }
        w.close_list();
    }
    w.key("usageMetadata");
    usage::write(&answer.usage.unwrap_or_default(), &mut w);
    w.text("modelVersion", caller.model);
    w.text(
        "responseId",
        if answer.id.is_empty() {
            caller.id
        } else {
            &answer.id
        },
    );
    if let Some(created) = answer.created {
        w.text("createTime", &crate::date::text(created));
    }
    if own {
        w.rest(&answer.extra);
    }
    w.close();
    w.into_bytes()
}

fn choice(index: usize, choice: &Choice<'_>, own: bool, w: &mut Writer) {
    w.open().key("content").open();
    w.key("parts").open_list();
    for part in &choice.parts {
        self::part(part, own, w);
    }
    w.close_list().text("role", "model").close();
    match choice.extra.twin("finishReason").filter(|_| own) {
        Some(raw) => w.key("finishReason").raw(raw),
        None => w.text("finishReason", write_finish(&choice.finish)),
    };
    w.member("index", &index);
    if let Some(raw) = choice.extra.twin("logprobsResult").filter(|_| own) {
        w.key("logprobsResult").raw(raw);
    } else if let Some(raw) = &choice.logprobs {
        w.key("logprobsResult");
        logprobs::write(raw, w);
    }
    if own {
        for (name, raw) in choice
            .extra
            .members()
            .filter(|(name, _)| *name != "content")
        {
            w.key(name).raw(raw);
        }
    } else {
        grounding(choice, w);
        if let FinishReason::Other(native) = &choice.finish {
            w.text("finishMessage", native);
        }
    }
    w.close();
}

/// Where the text is from, in Google's form.
fn grounding(choice: &Choice<'_>, w: &mut Writer) {
    let mut text = String::new();
    let mut found: Vec<&Citation<'_>> = Vec::new();
    for part in &choice.parts {
        if let Block::Text {
            text: said,
            citations,
        } = &part.block
        {
            text.push_str(said);
            found.extend(citations.iter().filter(|citation| !citation.url.is_empty()));
        }
    }
    if !found.is_empty() {
        w.key("groundingMetadata");
        write_grounding(&found, &text, w);
    }
}

fn part(part: &Part<'_>, own: bool, w: &mut Writer) {
    let mut signature = part.signature.as_deref();
    let in_id;
    w.open();
    match &part.block {
        Block::Text { text, .. } | Block::Refusal(text) => {
            w.text("text", text);
        }
        Block::Thinking {
            text,
            signature: of_thought,
        } => {
            w.text("text", text).member("thought", &true);
            signature = of_thought.as_deref();
        }
        Block::RedactedThinking { data } => {
            w.text("text", "").member("thought", &true);
            signature = Some(data);
        }
        Block::Media(media) => self::media(media, w),
        Block::ToolUse {
            id,
            name,
            arguments,
            custom,
        } => {
            self::call(id, name, arguments, *custom, w);
            if signature.is_none() {
                in_id = thought_id::split(id).1;
                signature = in_id.as_deref();
            }
        }
        Block::Foreign { raw, .. } if own => {
            if let Some(object) = json::Object::of(raw) {
                w.rest(&object);
            }
        }
        // What only another dialect knows is not shown: an SDK would find a part without data.
        Block::Foreign { .. } | Block::ToolResult { .. } => {
            w.text("text", "");
        }
    }
    w.text_if("thoughtSignature", signature).close();
}

pub(in crate::gemini) fn call(id: &str, name: &str, arguments: &str, custom: bool, w: &mut Writer) {
    w.key("functionCall").open();
    w.text_if("id", calls::own_id(id))
        .text("name", name)
        .key("args");
    if custom {
        w.open().text("input", arguments).close();
    } else if json::Object::parse(arguments.as_bytes()).is_ok() {
        w.literal(arguments);
    } else if arguments.trim().is_empty() {
        w.open().close();
    } else {
        w.open().text("arguments", arguments).close();
    }
    w.close();
}

fn media(media: &Media<'_>, w: &mut Writer) {
    match &media.source {
        Source::Data { media_type, base64 } => {
            w.key("inlineData").open();
            w.text("mimeType", media_type).text("data", base64).close();
        }
        Source::Url { url, media_type } => {
            w.key("fileData").open();
            w.text_if("mimeType", media_type.as_deref())
                .text("fileUri", url)
                .close();
        }
        Source::Text(text) => {
            w.text("text", text);
        }
        Source::File(_) | Source::Foreign(_) => {
            w.text("text", "");
        }
    }
}
