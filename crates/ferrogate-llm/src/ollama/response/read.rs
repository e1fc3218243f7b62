//! A provider's answer.

use serde_json::value::RawValue;

use crate::chat::calls::Calls;
use crate::chat::{Answer, Block, Choice};
use crate::json::{self, Json, Object, Writer};
use crate::ollama::{finish, message, usage};
use crate::{Dialect, UpstreamFault, date};

pub(in crate::ollama) fn read(body: &[u8]) -> Result<Answer<'_>, UpstreamFault> {
    if let Some(fault) = UpstreamFault::in_answer(body) {
        return Err(fault);
    }
    let nonsense = |what: &str| UpstreamFault::because(what);
    let mut object =
        Object::parse(body).map_err(|_| nonsense("the answer is not a JSON object"))?;
    let mut said = object
        .object("message")
        .ok()
        .flatten()
        .ok_or_else(|| nonsense("the answer has no `message`"))?;
    let mut answer = Answer::new(Dialect::Ollama);
    answer.model = object.text("model").ok().flatten().unwrap_or_default();
    let created = object.text("created_at").ok().flatten().unwrap_or_default();
    answer.created = date::seconds(&created);
    let parts = message::take(&mut said, &mut Calls::of_answer(&created))
        .map_err(|_| nonsense("the answer's message makes no sense"))?;
    let called = parts
        .iter()
        .any(|part| matches!(part.block, Block::ToolUse { .. }));
    let word = object
        .text("done_reason")
        .ok()
        .flatten()
        .unwrap_or_default();
    let mut choice = Choice::new(parts, finish::read(&word, called));
    choice.logprobs = object.take("logprobs").and_then(logprobs);
    answer.choices.push(choice);
    answer.usage = usage::take(&mut object);
    object.take("done");
    answer.extra = object;
    Ok(answer)
}

/// OpenAI's object of a list in the same form.
pub(in crate::ollama) fn logprobs(raw: &RawValue) -> Option<Json<'static>> {
    json::array(raw)?;
    let mut w = Writer::default();
    w.open().key("content").raw(raw);
    w.key("refusal").literal("null").close();
    json::owned(w.into_text())
}
