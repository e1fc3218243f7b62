//! How likely tokens were, in Cohere's form and OpenAI's.

use serde_json::value::RawValue;

use crate::json::{self, Json, Object, Writer};

/// OpenAI's `logprobs` object of Cohere's items, one or a list. An item is a piece of text with the probabilities of
/// its tokens, whose product is that of the piece. Source: Cohere's `LogprobItem`.
pub(super) fn read(raw: &RawValue) -> Option<Json<'static>> {
    let items = json::array(raw).unwrap_or_else(|| vec![raw]);
    let mut w = Writer::default();
    w.open().key("content").open_list();
    for raw in items {
        let mut item = Object::of(raw)?;
        let text = item.text("text").ok()?.unwrap_or_default();
        let each = item.array("logprobs").ok()?.unwrap_or_default();
        let sum: f64 = each.into_iter().filter_map(json::number).sum();
        w.open().text("token", &text).member("logprob", &sum);
        w.member("bytes", &text.as_bytes());
        w.key("top_logprobs").open_list().close_list().close();
    }
    w.close_list().key("refusal").literal("null").close();
    json::owned(w.into_text())
}

/// Cohere's items of OpenAI's object. The numbers of the tokens are known to nobody: the list is empty.
pub(super) fn write(raw: &RawValue, w: &mut Writer) {
    let content = Object::of(raw).and_then(|mut object| object.array("content").ok()?);
    w.open_list();
    for raw in content.unwrap_or_default() {
        item(raw, w);
    }
    w.close_list();
}

/// In a stream each event has one item.
pub(super) fn items(raw: &RawValue) -> Vec<&RawValue> {
    Object::of(raw)
        .and_then(|mut object| object.array("content").ok()?)
        .unwrap_or_default()
}

/// One item of one token.
pub(super) fn item(raw: &RawValue, w: &mut Writer) {
    let mut token = Object::of(raw).unwrap_or_default();
    w.open();
    w.text_if("text", token.text("token").ok().flatten().as_deref());
    w.key("token_ids").open_list().close_list();
    w.key("logprobs").open_list();
    if let Some(raw) = token.take("logprob") {
        w.raw(raw);
    }
    w.close_list().close();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let cohere = r#"[{"text":"hi","token_ids":[1,2],"logprobs":[-0.5,-0.25]}]"#;
        let openai = read(serde_json::from_str(cohere).unwrap()).unwrap();
        assert_eq!(
            openai.get(),
            r#"{"content":[{"token":"hi","logprob":-0.75,"bytes":[104,105],"top_logprobs":[]}],"refusal":null}"#
        );
        let mut w = Writer::default();
        write(&openai, &mut w);
        assert_eq!(
            w.into_text(),
            r#"[{"text":"hi","token_ids":[],"logprobs":[-0.75]}]"#
        );
        assert_eq!(items(&openai).len(), 1);
    }
}
