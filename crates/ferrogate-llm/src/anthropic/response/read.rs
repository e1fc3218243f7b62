//! A provider's answer.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::read_stop;
use crate::anthropic::{block, error, usage};
use crate::chat::{Answer, Block, Choice, FinishReason, Part};
use crate::json::{self, Object};
use crate::{Dialect, UpstreamFault};

pub(in crate::anthropic) fn read(body: &[u8]) -> Result<Answer<'_>, UpstreamFault> {
    if let Some(fault) = UpstreamFault::in_answer(body) {
        return Err(error::normal(fault));
    }
    let nonsense = |what: &str| UpstreamFault::because(what);
    let mut object =
        Object::parse(body).map_err(|_| nonsense("the answer is not a JSON object"))?;
    let content = object
        .array("content")
        .ok()
        .flatten()
        .ok_or_else(|| nonsense("the answer has no `content`"))?;
    let mut parts: Vec<Part<'_>> = content.into_iter().map(block::read_answered).collect();
    place_citations(&mut parts);
    let stop = object.text("stop_reason").ok().flatten();
    let mut choice = Choice::new(parts, read_stop(stop.as_deref().unwrap_or("end_turn")));
    choice.stop_sequence = object.text("stop_sequence").ok().flatten();
    if let Some(raw) = object.take("stop_details") {
        if choice.finish == FinishReason::Refusal {
            choice
                .parts
                .extend(explanation(raw).map(|text| Part::from(Block::Refusal(text))));
        }
        choice.extra.put("stop_details", raw);
    }
    let mut answer = Answer::new(Dialect::Anthropic);
    answer.id = object.text("id").ok().flatten().unwrap_or_default();
    answer.model = object.text("model").ok().flatten().unwrap_or_default();
    if let Some(raw) = object.take("usage") {
        answer.usage = usage::read(raw);
        let mut inner = Object::of(raw).unwrap_or_default();
        answer.service_tier = inner.take("service_tier").and_then(read_tier);
        for known in [
            "input_tokens",
            "output_tokens",
            "cache_creation_input_tokens",
            "cache_read_input_tokens",
            "cache_creation",
            "output_tokens_details",
        ] {
            inner.take(known);
        }
        object.keep("usage", &inner);
    }
    object.take("type");
    object.take("role");
    answer.choices.push(choice);
    answer.extra = object;
    Ok(answer)
}

/// Why the model declined, in words.
pub(in crate::anthropic) fn explanation(details: &RawValue) -> Option<Cow<'_, str>> {
    Object::of(details)?
        .text("explanation")
        .ok()?
        .filter(|text| !text.is_empty())
}

/// The tier in OpenAI's words.
pub(in crate::anthropic) fn read_tier(raw: &RawValue) -> Option<Cow<'_, str>> {
    let word = json::text(raw)?;
    Some(match word.as_ref() {
        "standard" => Cow::Borrowed("default"),
        _ => word,
    })
}

/// A citation belongs to the whole of its block: where that stands in all of the text, in Unicode characters.
fn place_citations(parts: &mut [Part<'_>]) {
    let mut from = 0;
    for part in parts {
        if let Block::Text { text, citations } = &mut part.block {
            let to = from + text.chars().count();
            for citation in citations {
                citation.span = Some((from, to));
            }
            from = to;
        }
    }
}
