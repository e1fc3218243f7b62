//! How likely tokens were, in Google's form and OpenAI's.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::json::{self, Json, Object, Writer};

/// OpenAI's `logprobs` object of Google's `logprobsResult`.
///
/// Source: the Gemini API's reference, `LogprobsResult`: the candidates of a step stand at the same place as the
/// chosen one.
pub(super) fn read(raw: &RawValue) -> Option<Json<'static>> {
    let mut object = Object::of(raw)?;
    let chosen = object.array("chosenCandidates").ok()??;
    let tops = object
        .array("topCandidates")
        .ok()
        .flatten()
        .unwrap_or_default();
    let mut w = Writer::with_capacity(raw.get().len());
    w.open().key("content").open_list();
    for (place, raw) in chosen.into_iter().enumerate() {
        w.open();
        token(raw, &mut w);
        let tops = tops.get(place).and_then(|raw| {
            let mut step = Object::of(raw)?;
            step.array("candidates").ok()?
        });
        w.key("top_logprobs").open_list();
        for raw in tops.unwrap_or_default() {
            w.open();
            token(raw, &mut w);
            w.close();
        }
        w.close_list().close();
    }
    w.close_list().key("refusal").literal("null").close();
    json::owned(w.into_text())
}

fn token(raw: &RawValue, w: &mut Writer) {
    let mut one = Object::of(raw).unwrap_or_default();
    let text = one
        .text("token")
        .ok()
        .flatten()
        .unwrap_or(Cow::Borrowed(""));
    w.text("token", &text);
    match one
        .take("logProbability")
        .filter(|raw| json::number(raw).is_some())
    {
        Some(number) => w.key("logprob").raw(number),
        None => w.member("logprob", &0),
    };
    w.member("bytes", &text.as_bytes());
}

/// Google's `logprobsResult` of OpenAI's object.
pub(super) fn write(raw: &RawValue, w: &mut Writer) {
    let mut object = Object::of(raw).unwrap_or_default();
    let content = object.array("content").ok().flatten().unwrap_or_default();
    let mut chosen = Writer::default();
    let mut tops = Writer::default();
    for raw in content {
        candidate(raw, &mut chosen);
        let list = Object::of(raw).and_then(|mut one| one.array("top_logprobs").ok()?);
        tops.open().key("candidates").open_list();
        for raw in list.unwrap_or_default() {
            candidate(raw, &mut tops);
        }
        tops.close_list().close();
    }
    w.open();
    for (name, list) in [("chosenCandidates", chosen), ("topCandidates", tops)] {
        w.key(name).open_list();
        let list = list.into_text();
        if !list.is_empty() {
            w.literal(&list);
        }
        w.close_list();
    }
    w.close();
}

fn candidate(raw: &RawValue, w: &mut Writer) {
    let mut one = Object::of(raw).unwrap_or_default();
    w.open();
    w.text_if("token", one.text("token").ok().flatten().as_deref());
    w.raw_if("logProbability", one.take("logprob")).close();
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let google = r#"{"chosenCandidates":[{"token":"a","tokenId":5,"logProbability":-0.5},{"token":"b"}],
            "topCandidates":[{"candidates":[{"token":"a","logProbability":-0.5},{"token":"x","logProbability":-2}]}]}"#;
        let openai = read(serde_json::from_str(google).unwrap()).unwrap();
        let expected = r#"{"content":[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[
            {"token":"a","logprob":-0.5,"bytes":[97]},{"token":"x","logprob":-2,"bytes":[120]}]},
            {"token":"b","logprob":0,"bytes":[98],"top_logprobs":[]}],"refusal":null}"#;
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(value(openai.get()), value(expected));
        let mut w = Writer::default();
        write(&openai, &mut w);
        let expected = r#"{"chosenCandidates":[{"token":"a","logProbability":-0.5},{"token":"b","logProbability":0}],
            "topCandidates":[{"candidates":[{"token":"a","logProbability":-0.5},{"token":"x","logProbability":-2}]},
            {"candidates":[]}]}"#;
        assert_eq!(value(&w.into_text()), value(expected));
    }
}
