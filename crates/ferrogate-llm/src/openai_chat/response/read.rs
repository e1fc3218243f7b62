//! A provider's answer.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{read_finish, thoughts};
use crate::chat::{Answer, Block, Choice, Citation, FinishReason, Media, MediaKind, Part, Source};
use crate::json::{self, Object};
use crate::openai_chat::request::read_call;
use crate::openai_chat::usage;
use crate::{Dialect, UpstreamFault};

pub(in crate::openai_chat) fn read(body: &[u8]) -> Result<Answer<'_>, UpstreamFault> {
    if let Some(fault) = UpstreamFault::in_answer(body) {
        return Err(fault);
    }
    let nonsense = |what: &str| UpstreamFault::because(what);
    let mut object =
        Object::parse(body).map_err(|_| nonsense("the answer is not a JSON object"))?;
    let choices = object
        .array("choices")
        .ok()
        .flatten()
        .ok_or_else(|| nonsense("the answer has no `choices`"))?;
    let mut answer = Answer::new(Dialect::OpenAiChat);
    for raw in choices {
        let choice = Object::of(raw).ok_or_else(|| nonsense("a choice is not an object"))?;
        answer.choices.push(self::choice(choice));
    }
    answer.id = object.text("id").ok().flatten().unwrap_or_default();
    answer.model = object.text("model").ok().flatten().unwrap_or_default();
    answer.created = object
        .unsigned("created")
        .ok()
        .flatten()
        .filter(|at| *at > 0);
    answer.usage = object.take("usage").and_then(usage::read);
    answer.service_tier = object.text("service_tier").ok().flatten();
    object.take("object");
    answer.extra = object;
    Ok(answer)
}

fn choice(mut object: Object<'_>) -> Choice<'_> {
    let mut message = object.object("message").ok().flatten().unwrap_or_default();
    let mut parts = Vec::new();
    let found = thoughts::take(&mut message, &mut Object::default());
    parts.extend(found.into_iter().map(Part::from));
    if let Some(raw) = message.take("content") {
        parts.extend(content(raw).into_iter().map(Part::from));
    }
    citations(&mut message, &mut parts);
    if let Ok(Some(refusal)) = message.text("refusal") {
        parts.push(Block::Refusal(refusal).into());
    }
    for raw in message.array("images").ok().flatten().unwrap_or_default() {
        parts.extend(image(raw).map(Part::from));
    }
    let calls = message
        .array("tool_calls")
        .ok()
        .flatten()
        .unwrap_or_default();
    let called = !calls.is_empty();
    parts.extend(calls.into_iter().filter_map(|raw| read_call(raw).ok()));
    let finish = object.text("finish_reason").ok().flatten();
    let mut choice = Choice::new(parts, FinishReason::Stop);
    choice.finish = read_finish(finish.as_deref().unwrap_or_default(), called);
    choice.logprobs = object.take("logprobs").map(Cow::Borrowed);
    object.take("index");
    for (name, raw) in message.members() {
        if name != "role" {
            choice.extra.put(name.to_owned(), raw);
        }
    }
    choice
}

/// Content that is text, or a list of typed parts: Mistral's thoughts, Databricks' reasoning.
pub(in crate::openai_chat) fn content(raw: &RawValue) -> Vec<Block<'_>> {
    if let Some(text) = json::text(raw) {
        return if text.is_empty() {
            Vec::new()
        } else {
            vec![Block::text(text)]
        };
    }
    let list = json::array(raw).unwrap_or_default();
    list.into_iter().filter_map(typed_part).collect()
}

fn typed_part(raw: &RawValue) -> Option<Block<'_>> {
    let mut object = Object::of(raw)?;
    let kind = object.text("type").ok()??;
    match kind.as_ref() {
        "text" => Some(Block::text(object.text("text").ok()??)),
        // Source: Mistral's API reference, `ThinkChunk`.
        "thinking" => {
            let raw = object.take("thinking")?;
            let text = match json::text(raw) {
                Some(text) => text,
                None => joined(raw, "text"),
            };
            Some(Block::Thinking {
                text,
                signature: object.text("signature").ok()?,
            })
        }
        // Source: Databricks' documentation, "Query reasoning models".
        "reasoning" => {
            let summary = object.take("summary")?;
            let signature = json::array(summary)?
                .into_iter()
                .find_map(|raw| Object::of(raw)?.text("signature").ok()?);
            Some(Block::Thinking {
                text: joined(summary, "text"),
                signature,
            })
        }
        _ => Some(Block::foreign(kind, raw)),
    }
}

/// The texts of a list of objects, one behind the other.
fn joined<'a>(list: &'a RawValue, member: &'static str) -> Cow<'a, str> {
    let mut all = Cow::Borrowed("");
    for raw in json::array(list).unwrap_or_default() {
        let text = Object::of(raw).and_then(|mut object| object.text(member).ok()?);
        match text {
            Some(text) if all.is_empty() => all = text,
            Some(text) => all.to_mut().push_str(&text),
            None => {}
        }
    }
    all
}

/// `annotations` belong to the text as a whole: they go to its first part.
fn citations<'a>(message: &mut Object<'a>, parts: &mut [Part<'a>]) {
    let list = message
        .array("annotations")
        .ok()
        .flatten()
        .unwrap_or_default();
    let found: Vec<Citation<'a>> = list
        .into_iter()
        .filter_map(|raw| {
            let mut outer = Object::of(raw)?;
            let mut inner = outer.object("url_citation").ok()??;
            let bound = |value: Option<u64>| usize::try_from(value?).ok();
            let from = bound(inner.unsigned("start_index").ok()?);
            let to = bound(inner.unsigned("end_index").ok()?);
            Some(Citation {
                url: inner.text("url").ok()?.unwrap_or_default(),
                title: inner.text("title").ok()?.unwrap_or_default(),
                cited_text: Cow::Borrowed(""),
                span: from.zip(to),
                raw: Some(Cow::Borrowed(raw)),
            })
        })
        .collect();
    let text = parts.iter_mut().find_map(|part| match &mut part.block {
        Block::Text { citations, .. } => Some(citations),
        _ => None,
    });
    if let Some(citations) = text {
        citations.extend(found);
    }
}

/// A picture in an answer, as OpenRouter and Google's compatible API send it.
fn image(raw: &RawValue) -> Option<Block<'_>> {
    let mut object = Object::of(raw)?;
    let mut inner = object.object("image_url").ok()??;
    Some(Block::Media(Media {
        kind: MediaKind::Image,
        source: Source::of_url(inner.text("url").ok()??),
        name: None,
        detail: None,
    }))
}
