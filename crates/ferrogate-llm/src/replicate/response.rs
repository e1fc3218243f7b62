//! A prediction that is over, as an answer.

use std::borrow::Cow;

use ferrogate_types::Usage;
use serde_json::value::RawValue;

use super::{Prediction, PredictionStatus};
use crate::chat::{Answer, Block, Choice, FinishReason};
use crate::json::{self, Object, Writer};
use crate::protocol::Caller;
use crate::{Dialect, UpstreamFault};

pub(super) fn read(body: &[u8]) -> Result<Answer<'_>, UpstreamFault> {
    if let Some(fault) = UpstreamFault::in_answer(body) {
        return Err(fault);
    }
    let prediction = Prediction::read(body)
        .ok_or_else(|| UpstreamFault::because("the answer is not a prediction"))?;
    match prediction.status {
        PredictionStatus::Succeeded => {}
        PredictionStatus::Failed => {
            return Err(UpstreamFault::because(
                "the prediction failed or was called off",
            ));
        }
        PredictionStatus::Running => {
            return Err(UpstreamFault::because("the prediction is not over"));
        }
    }
    let mut object = Object::parse(body).unwrap_or_default();
    let mut answer = Answer::new(Dialect::Replicate);
    answer.id = prediction.id;
    answer.model = object.text("model").ok().flatten().unwrap_or_default();
    answer.usage = object.take("metrics").and_then(usage);
    let text = object.take("output").map(output).unwrap_or_default();
    let parts = vec![Block::text(text).into()];
    answer.choices.push(Choice::new(parts, FinishReason::Stop));
    Ok(answer)
}

/// A text, or its pieces; a model that answers otherwise answers with JSON.
fn output(raw: &RawValue) -> Cow<'_, str> {
    if let Some(text) = json::text(raw) {
        return text;
    }
    let pieces = json::array(raw).and_then(|list| {
        list.into_iter()
            .map(json::text)
            .collect::<Option<Vec<Cow<'_, str>>>>()
    });
    match pieces {
        Some(pieces) => Cow::Owned(pieces.concat()),
        None => Cow::Borrowed(raw.get()),
    }
}

fn usage(metrics: &RawValue) -> Option<Usage> {
    let mut object = Object::of(metrics)?;
    Some(Usage {
        input: object.unsigned("input_token_count").ok()??,
        output: object
            .unsigned("output_token_count")
            .ok()
            .flatten()
            .unwrap_or_default(),
        ..Usage::default()
    })
}

pub(super) fn write(answer: &Answer<'_>, caller: &Caller<'_>) -> Vec<u8> {
    let mut w = Writer::default();
    let id = if answer.id.is_empty() {
        caller.id
    } else {
        &answer.id
    };
    w.open().text("id", id).text("model", caller.model);
    w.text("status", "succeeded");
    w.key("output").open_list();
    let parts = answer.choices.first().map(|choice| choice.parts.as_slice());
    for part in parts.unwrap_or_default() {
        if let Block::Text { text, .. } | Block::Refusal(text) = &part.block {
            w.string(text);
        }
    }
    w.close_list().key("error").literal("null");
    if let Some(usage) = &answer.usage {
        w.key("metrics").open();
        w.member("input_token_count", &usage.input);
        w.member("output_token_count", &usage.output).close();
    }
    w.close();
    w.into_bytes()
}
