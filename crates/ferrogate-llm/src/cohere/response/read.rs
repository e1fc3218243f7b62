//! A provider's answer.

use std::borrow::Cow;

use crate::chat::{Answer, Block, Choice, FinishReason, Part};
use crate::cohere::request::read_call;
use crate::cohere::{citation, finish, logprobs, usage};
use crate::json::{self, Object};
use crate::{Dialect, UpstreamFault};

pub(in crate::cohere) fn read(body: &[u8]) -> Result<Answer<'_>, UpstreamFault> {
    let nonsense = |what: &str| UpstreamFault::because(what);
    let mut object =
        Object::parse(body).map_err(|_| nonsense("the answer is not a JSON object"))?;
    let Some(mut message) = object.object("message").ok().flatten() else {
        // An error's `message` is a text.
        return Err(UpstreamFault::read(body));
    };
    let mut answer = Answer::new(Dialect::Cohere);
    let mut parts = content(&mut message);
    citations(&mut message, &mut parts);
    if let Some(raw) = message.take("tool_plan")
        && let Some(text) = json::text(raw).filter(|text| !text.is_empty())
    {
        let mut part = Part::from(Block::Thinking {
            text,
            signature: None,
        });
        part.extra.keep_twin("tool_plan", raw);
        parts.push(part);
    }
    let calls = message
        .array("tool_calls")
        .ok()
        .flatten()
        .unwrap_or_default();
    parts.extend(calls.into_iter().filter_map(|raw| read_call(raw).ok()));
    let word = object
        .text("finish_reason")
        .ok()
        .flatten()
        .unwrap_or_default();
    let called = parts
        .iter()
        .any(|part| matches!(part.block, Block::ToolUse { .. }));
    let reason = match finish::read(&word) {
        FinishReason::Stop if called => FinishReason::ToolUse,
        reason => reason,
    };
    if parts.is_empty() && matches!(reason, FinishReason::Other(_)) {
        return Err(UpstreamFault {
            kind: Some("server_error".to_owned()),
            ..UpstreamFault::because(format!("the provider gave up: {word}"))
        });
    }
    let mut choice = Choice::new(parts, reason);
    if let Some(raw) = object.take("logprobs") {
        choice.logprobs = logprobs::read(raw);
        choice.extra.keep_twin("logprobs", raw);
    }
    message.take("role");
    for (name, raw) in message.members() {
        choice.extra.put(name.to_owned(), raw);
    }
    answer.choices.push(choice);
    answer.id = object.text("id").ok().flatten().unwrap_or_default();
    answer.usage = object.take("usage").and_then(usage::read);
    answer.extra = object;
    Ok(answer)
}

fn content<'a>(message: &mut Object<'a>) -> Vec<Part<'a>> {
    let Some(raw) = message.take("content") else {
        return Vec::new();
    };
    if let Some(text) = json::text(raw) {
        return vec![Block::text(text).into()];
    }
    json::array(raw)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|raw| {
            let mut item = Object::of(raw)?;
            let kind = item.text("type").ok()??;
            Some(Part::from(match kind.as_ref() {
                "text" => Block::text(item.text("text").ok()??),
                "thinking" => Block::Thinking {
                    text: item.text("thinking").ok()??,
                    signature: None,
                },
                _ => Block::foreign(kind, raw),
            }))
        })
        .collect()
}

/// Each citation goes to the item it is of; one of another kind, such as the plan, has none.
fn citations<'a>(message: &mut Object<'a>, parts: &mut [Part<'a>]) {
    let list = message
        .array("citations")
        .ok()
        .flatten()
        .unwrap_or_default();
    let mut offsets = Vec::with_capacity(parts.len());
    let mut characters = 0_usize;
    for part in parts.iter() {
        offsets.push(characters);
        if let Block::Text { text, .. } = &part.block {
            characters += text.chars().count();
        }
    }
    let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    for raw in list {
        let offset = |number| offsets.get(place(number)).copied().unwrap_or_default();
        let Some((number, citation)) = citation::read(raw, offset) else {
            continue;
        };
        let part = parts.get_mut(place(number)).map(|part| &mut part.block);
        if let Some(Block::Text { citations, .. }) = part {
            citations.push(citation);
        }
    }
}

/// The text of an error, which a stream tells at its end.
pub(in crate::cohere) fn error_of(delta: &mut Object<'_>) -> Option<String> {
    delta
        .text("error")
        .ok()
        .flatten()
        .filter(|text| !text.is_empty())
        .map(Cow::into_owned)
}
