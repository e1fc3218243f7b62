//! A provider's answer.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::chat::{Answer, Block, Choice, FinishReason, Media, MediaKind, Part, Source};
use crate::json::{self, Json, Object};
use crate::openai_responses::request::{read_call, read_parts, read_thought};
use crate::openai_responses::{error, usage};
use crate::{Dialect, UpstreamFault};

pub(in crate::openai_responses) fn read(body: &[u8]) -> Result<Answer<'_>, UpstreamFault> {
    let nonsense = |what: &str| UpstreamFault::because(what);
    let mut object =
        Object::parse(body).map_err(|_| nonsense("the answer is not a JSON object"))?;
    if let Some(raw) = object.take("error") {
        return Err(error::read(raw));
    }
    let output = object
        .array("output")
        .ok()
        .flatten()
        .ok_or_else(|| nonsense("the answer has no `output`"))?;
    let mut parts: Vec<Part<'_>> = Vec::new();
    for raw in output {
        item(raw, &mut parts);
    }
    let calls = parts
        .iter()
        .any(|part| matches!(part.block, Block::ToolUse { .. }));
    let mut choice = Choice::new(parts, finish(&mut object, calls));
    choice.logprobs = logprobs(&mut choice.parts);
    let mut answer = Answer::new(Dialect::OpenAiResponses);
    answer.id = object.text("id").ok().flatten().unwrap_or_default();
    answer.model = object.text("model").ok().flatten().unwrap_or_default();
    answer.created = object.unsigned("created_at").ok().flatten();
    answer.usage = object.take("usage").and_then(usage::read);
    answer.service_tier = object.text("service_tier").ok().flatten();
    answer.choices.push(choice);
    answer.extra = object;
    Ok(answer)
}

fn item<'a>(raw: &'a RawValue, parts: &mut Vec<Part<'a>>) {
    let Some(mut object) = Object::of(raw) else {
        return;
    };
    let kind = object.peek("type").and_then(json::text).unwrap_or_default();
    let read = match kind.as_ref() {
        "message" => {
            let content = object.take("content").map(read_parts);
            if let Some(Ok((content, _))) = content {
                parts.extend(content);
                return;
            }
            None
        }
        "function_call" | "custom_tool_call" => read_call(&mut object).ok(),
        "reasoning" => read_thought(&mut object).ok(),
        "image_generation_call" => read_image(&mut object).map(Part::from),
        _ => None,
    };
    parts.push(read.unwrap_or_else(|| Block::foreign(kind, raw).into()));
}

/// The picture of a hosted tool.
pub(in crate::openai_responses) fn read_image<'a>(item: &mut Object<'a>) -> Option<Block<'a>> {
    let base64 = item.text("result").ok()??;
    let format = item.text("output_format").ok().flatten();
    Some(Block::Media(Media {
        kind: MediaKind::Image,
        source: Source::Data {
            media_type: format!("image/{}", format.as_deref().unwrap_or("png")).into(),
            base64,
        },
        name: None,
        detail: None,
    }))
}

fn finish(object: &mut Object<'_>, calls: bool) -> FinishReason {
    let status = object.text("status").ok().flatten();
    let details = object.object("incomplete_details").ok().flatten();
    let reason = details.and_then(|mut details| details.text("reason").ok()?);
    reason_of(status.as_deref(), reason.as_deref(), calls)
}

/// Why an answer of this status ended.
pub(in crate::openai_responses) fn reason_of(
    status: Option<&str>,
    reason: Option<&str>,
    calls: bool,
) -> FinishReason {
    match (status.unwrap_or("completed"), reason) {
        ("incomplete", Some("content_filter")) => FinishReason::ContentFilter,
        ("incomplete", Some("max_output_tokens") | None) => FinishReason::Length,
        ("completed", _) if calls => FinishReason::ToolUse,
        ("completed", _) => FinishReason::Stop,
        (status, reason) => FinishReason::Other(reason.unwrap_or(status).to_owned()),
    }
}

/// The probabilities of all texts as chat has them: one list.
fn logprobs<'a>(parts: &mut [Part<'a>]) -> Option<Json<'a>> {
    let mut all = json::Writer::default();
    let mut any = false;
    all.open().key("content").open_list();
    for part in parts {
        let list = part.extra.take("logprobs").and_then(json::array);
        for raw in list.unwrap_or_default() {
            any = true;
            all.raw(raw);
        }
    }
    all.close_list().key("refusal").literal("null").close();
    any.then(|| json::owned(all.into_text()))
        .flatten()
        .map(|owned| Cow::Owned(owned.into_owned()))
}
