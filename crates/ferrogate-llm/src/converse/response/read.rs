//! Bedrock's answer.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::read_finish;
use crate::chat::{Answer, Choice};
use crate::converse::{content, usage};
use crate::json::Object;
use crate::{Dialect, UpstreamFault};

pub(in crate::converse) fn read(body: &[u8]) -> Result<Answer<'_>, UpstreamFault> {
    if let Some(fault) = UpstreamFault::in_answer(body) {
        return Err(fault);
    }
    let mut object = Object::parse(body)
        .map_err(|_| UpstreamFault::because("the answer is not a JSON object"))?;
    let message = object
        .object("output")
        .ok()
        .flatten()
        .and_then(|mut output| output.object("message").ok()?);
    let Some(mut message) = message else {
        let said = object.text("message").ok().flatten();
        return Err(UpstreamFault::because(
            said.as_deref().unwrap_or("the answer has no `output`"),
        ));
    };
    let blocks = message.array("content").ok().flatten().unwrap_or_default();
    let parts = content::read_leniently(blocks);
    let raw_reason = object.take("stopReason");
    let word = raw_reason.and_then(crate::json::text).unwrap_or_default();
    if parts.is_empty() && word.starts_with("malformed_") {
        return Err(UpstreamFault::because(format!(
            "the model's answer could not be read: `{word}`"
        )));
    }
    let mut choice = Choice::new(parts, read_finish(&word));
    if let Some(raw) = raw_reason {
        choice.extra.put("stopReason", raw);
    }
    choice.stop_sequence = object
        .peek("additionalModelResponseFields")
        .and_then(stop_sequence);
    let mut answer = Answer::new(Dialect::Converse);
    answer.choices.push(choice);
    answer.usage = object.take("usage").and_then(usage::read);
    answer.service_tier = object
        .object("serviceTier")
        .ok()
        .flatten()
        .and_then(|mut tier| tier.text("type").ok()?);
    answer.extra = object;
    Ok(answer)
}

/// The stop sequence of Claude, which comes only when the caller asked for the field.
pub(in crate::converse) fn stop_sequence(fields: &RawValue) -> Option<Cow<'_, str>> {
    Object::of(fields)?.text("stop_sequence").ok()?
}
