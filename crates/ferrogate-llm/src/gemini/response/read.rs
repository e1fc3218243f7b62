//! A provider's answer.

use std::borrow::Cow;

use super::{Grounding, Native, read_finish};
use crate::chat::calls::Calls;
use crate::chat::{Answer, Block, Choice, FinishReason, Part, Start};
use crate::gemini::{logprobs, part, usage};
use crate::json::Object;
use crate::{Dialect, UpstreamFault};

pub(in crate::gemini) fn read(body: &[u8]) -> Result<Answer<'_>, UpstreamFault> {
    if let Some(fault) = fault(body) {
        return Err(fault);
    }
    let nonsense = |what: &str| UpstreamFault::because(what);
    let mut object =
        Object::parse(body).map_err(|_| nonsense("the answer is not a JSON object"))?;
    let candidates = object
        .array("candidates")
        .ok()
        .flatten()
        .unwrap_or_default();
    let blocked = object
        .peek("promptFeedback")
        .and_then(Object::of)
        .is_some_and(|feedback| feedback.peek("blockReason").is_some());
    let mut answer = Answer::new(Dialect::Gemini);
    answer.id = object.text("responseId").ok().flatten().unwrap_or_default();
    answer.model = object
        .text("modelVersion")
        .ok()
        .flatten()
        .unwrap_or_default();
    answer.created = created(&mut object);
    answer.usage = object.take("usageMetadata").and_then(usage::read);
    for raw in candidates {
        let candidate = Object::of(raw).ok_or_else(|| nonsense("a candidate is not an object"))?;
        let choice = choice(candidate, &answer.id)?;
        answer.choices.push(choice);
    }
    if answer.choices.is_empty() {
        if !blocked {
            return Err(nonsense("the answer has no `candidates`"));
        }
        answer
            .choices
            .push(Choice::new(Vec::new(), FinishReason::ContentFilter));
    }
    answer.extra = object;
    Ok(answer)
}

/// What the head of an answer tells, in a stream with every chunk.
pub(in crate::gemini) fn start_of(object: &mut Object<'_>) -> Start {
    let mut text = |name| {
        object
            .text(name)
            .ok()
            .flatten()
            .unwrap_or_default()
            .into_owned()
    };
    Start {
        id: text("responseId"),
        model: text("modelVersion"),
        created: created(object),
        service_tier: None,
    }
}

fn created(object: &mut Object<'_>) -> Option<u64> {
    let text = object.text("createTime").ok().flatten()?;
    crate::date::seconds(&text)
}

/// An error in the place of an answer, also as the only element of an array.
pub(in crate::gemini) fn fault(body: &[u8]) -> Option<UpstreamFault> {
    memchr::memmem::find(body, b"\"error\"")?;
    let body = body.trim_ascii();
    let body = body
        .strip_prefix(b"[")
        .and_then(|body| body.strip_suffix(b"]"))
        .unwrap_or(body);
    let mut object = Object::parse(body).ok()?;
    let mut error = object.object("error").ok()??;
    Some(UpstreamFault {
        message: error
            .text("message")
            .ok()
            .flatten()
            .unwrap_or_default()
            .into_owned(),
        kind: None,
        param: None,
        code: error.text("status").ok().flatten().map(Cow::into_owned),
    })
}

fn choice<'a>(mut object: Object<'a>, id: &str) -> Result<Choice<'a>, UpstreamFault> {
    let mut content = object.object("content").ok().flatten().unwrap_or_default();
    let mut calls = Calls::of_answer(id);
    let mut grounding = Grounding::default();
    let mut parts: Vec<Part<'a>> = Vec::new();
    for raw in content.array("parts").ok().flatten().unwrap_or_default() {
        let Ok(part) = part::read(raw, &mut calls) else {
            grounding.part(None);
            continue;
        };
        let text = match &part.block {
            Block::Text { text, .. } => Some(text.as_ref()),
            _ => None,
        };
        grounding.part(text);
        if text.is_some_and(str::is_empty) {
            // A mark alone belongs to the words before it; behind anything else it need not come back.
            if let (Some(last), Some(signature)) = (parts.last_mut(), part.signature) {
                mark(last, signature);
            }
            continue;
        }
        parts.push(part);
    }
    let citations = grounding.read(&object);
    if !citations.is_empty() {
        let text = parts
            .iter_mut()
            .rev()
            .find_map(|part| match &mut part.block {
                Block::Text { citations, .. } => Some(citations),
                _ => None,
            });
        if let Some(of_text) = text {
            of_text.extend(citations);
        }
    }
    let called = parts
        .iter()
        .any(|part| matches!(part.block, Block::ToolUse { .. }));
    let word = object
        .peek("finishReason")
        .and_then(crate::json::text)
        .unwrap_or_default();
    let finish = match read_finish(&word, called) {
        Native::Ended(finish) => finish,
        Native::Failed if parts.is_empty() => return Err(failed(&mut object, &word)),
        Native::Failed => FinishReason::Other(word.into_owned()),
    };
    let mut choice = Choice::new(parts, finish);
    if let Some(raw) = object.take("logprobsResult") {
        choice.logprobs = logprobs::read(raw);
        object.keep_twin("logprobsResult", raw);
    }
    if let Some(raw) = object.take("finishReason") {
        object.keep_twin("finishReason", raw);
    }
    object.take("index");
    choice.extra = object;
    Ok(choice)
}

/// Puts a mark that came alone on the words before it.
fn mark<'a>(last: &mut Part<'a>, mark: Cow<'a, str>) {
    match &mut last.block {
        Block::Text { .. } => {
            last.signature.get_or_insert(mark);
        }
        Block::Thinking { signature, .. } => {
            signature.get_or_insert(mark);
        }
        _ => {}
    }
}

fn failed(object: &mut Object<'_>, word: &str) -> UpstreamFault {
    let message = object.text("finishMessage").ok().flatten();
    UpstreamFault {
        message: message.map_or_else(
            || format!("the model's answer could not be read: {word}"),
            Cow::into_owned,
        ),
        kind: Some("server_error".to_owned()),
        param: None,
        code: Some(word.to_ascii_lowercase()),
    }
}
