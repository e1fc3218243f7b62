//! Whole answers.

use super::logprobs;
use crate::chat::{Answer, Block, Choice, FinishReason};
use crate::json::{Object, Writer};
use crate::openai_chat::usage;
use crate::protocol::Caller;
use crate::{Dialect, UpstreamFault};

pub(super) fn read(body: &[u8]) -> Result<Answer<'_>, UpstreamFault> {
    if let Some(fault) = UpstreamFault::in_answer(body) {
        return Err(fault);
    }
    let mut object = Object::parse(body)
        .map_err(|_| UpstreamFault::because("the answer is not a JSON object"))?;
    let choices = object
        .array("choices")
        .ok()
        .flatten()
        .ok_or_else(|| UpstreamFault::because("the answer has no `choices`"))?;
    let mut answer = Answer::new(Dialect::OpenAiText);
    for raw in choices {
        let mut choice =
            Object::of(raw).ok_or_else(|| UpstreamFault::because("a choice is not an object"))?;
        let text = choice.text("text").ok().flatten().unwrap_or_default();
        let word = choice.text("finish_reason").ok().flatten();
        let finish = read_finish(word.as_deref().unwrap_or("stop"));
        answer
            .choices
            .push(Choice::new(vec![Block::text(text).into()], finish));
    }
    answer.id = object.text("id").ok().flatten().unwrap_or_default();
    answer.model = object.text("model").ok().flatten().unwrap_or_default();
    answer.created = object.unsigned("created").ok().flatten();
    answer.usage = object.take("usage").and_then(usage::read);
    Ok(answer)
}

pub(super) fn write(answer: &Answer<'_>, caller: &Caller<'_>) -> Vec<u8> {
    let mut w = Writer::with_capacity(512);
    w.open();
    if answer.id.is_empty() {
        w.text("id", &format!("cmpl-{}", caller.id));
    } else {
        w.text("id", &answer.id);
    }
    w.text("object", "text_completion");
    w.member("created", &answer.created.unwrap_or(caller.created));
    w.text("model", caller.model);
    w.key("choices").open_list();
    for (index, choice) in answer.choices.iter().enumerate() {
        let said: String = choice
            .parts
            .iter()
            .filter_map(|part| match &part.block {
                Block::Text { text, .. } | Block::Refusal(text) => Some(text.as_ref()),
                // What a model thinks is no part of the text it continues.
                _ => None,
            })
            .collect();
        w.open().text("text", &said).member("index", &index);
        match &choice.logprobs {
            Some(raw) => {
                w.key("logprobs");
                logprobs::write(raw, &mut 0, &mut w);
            }
            None => {
                w.key("logprobs").literal("null");
            }
        }
        w.text("finish_reason", write_finish(&choice.finish))
            .close();
    }
    w.close_list().key("usage");
    usage::write(&answer.usage.unwrap_or_default(), &mut w);
    w.close();
    w.into_bytes()
}

pub(super) fn read_finish(word: &str) -> FinishReason {
    match word {
        "stop" | "" => FinishReason::Stop,
        "length" => FinishReason::Length,
        "content_filter" => FinishReason::ContentFilter,
        other => FinishReason::Other(other.to_owned()),
    }
}

pub(super) fn write_finish(reason: &FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop
        | FinishReason::StopSequence
        | FinishReason::ToolUse
        | FinishReason::Pause
        | FinishReason::Other(_) => "stop",
        FinishReason::Length | FinishReason::ContextWindow => "length",
        FinishReason::ContentFilter | FinishReason::Refusal => "content_filter",
    }
}
