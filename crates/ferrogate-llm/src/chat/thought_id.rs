//! Gemini's mark on a call, carried in the call's id.
//!
//! A Gemini model wants the mark on its calls back, and clients of other dialects drop members they do not know. An
//! id they all repeat. LiteLLM uses the same form, so a conversation may move between the two.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Block, ChatRequest, Part};

/// What stands between an id and its mark.
const BETWEEN: &str = "__thought__";

/// The id with the mark in it: letters, digits, `_` and `-` are added, which every dialect allows.
pub(crate) fn join(id: &str, signature: &str) -> String {
    let mut joined = String::with_capacity(id.len() + BETWEEN.len() + signature.len() * 4 / 3 + 3);
    joined.push_str(id);
    joined.push_str(BETWEEN);
    URL_SAFE_NO_PAD.encode_string(signature, &mut joined);
    joined
}

/// The id without a mark, and the mark. An id whose end only looks like one has none.
pub(crate) fn split(id: &str) -> (&str, Option<String>) {
    let found = id.split_once(BETWEEN).and_then(|(bare, encoded)| {
        let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
        Some((bare, String::from_utf8(bytes).ok()?))
    });
    match found {
        Some((bare, signature)) => (bare, Some(signature)),
        None => (id, None),
    }
}

impl ChatRequest<'_> {
    /// Takes the marks out of the ids of calls and results, so that no provider sees such an id, and puts each on
    /// its call. To be done once with every request that was read.
    pub fn unfold_thought_ids(&mut self) {
        for part in self
            .messages
            .iter_mut()
            .flat_map(|message| &mut message.parts)
        {
            unfold(part);
        }
    }
}

fn unfold(part: &mut Part<'_>) {
    let (Block::ToolUse { id, .. } | Block::ToolResult { id, .. }) = &mut part.block else {
        return;
    };
    let (bare, Some(signature)) = split(id) else {
        return;
    };
    let bare = bare.len();
    match id {
        Cow::Borrowed(text) => {
            *id = Cow::Borrowed(text.split_at_checked(bare).map_or("", |cut| cut.0));
        }
        Cow::Owned(text) => text.truncate(bare),
    }
    if matches!(part.block, Block::ToolUse { .. }) && part.signature.is_none() {
        part.signature = Some(Cow::Owned(signature));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialect;
    use crate::chat::{Message, Role};

    #[test]
    fn marks_are_found_again_and_other_ids_left_alone() {
        let joined = join("call_1", "b3BhcXVl+/=");
        assert!(
            joined
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        );
        assert_eq!(split(&joined), ("call_1", Some("b3BhcXVl+/=".to_owned())));
        for id in [
            "call_1",
            "",
            "a__thought__%",
            "a__thought__/w",
            "a__thought__gA",
        ] {
            assert_eq!(split(id), (id, None), "{id}");
        }
    }

    #[test]
    fn a_call_gets_its_mark_and_a_result_only_loses_it() {
        let id = join("c", "sig");
        let call = |id: Cow<'static, str>| Block::ToolUse {
            id,
            name: "f".into(),
            arguments: "".into(),
            custom: false,
        };
        let leaked: &'static str = Box::leak(id.clone().into_boxed_str());
        let mut request = ChatRequest::new(Dialect::OpenAiChat);
        request.messages.push(Message::new(
            Role::Assistant,
            vec![call(id.clone().into()).into(), call(leaked.into()).into()],
        ));
        request.messages.push(Message::new(
            Role::Tool,
            vec![
                Block::ToolResult {
                    id: id.into(),
                    name: None,
                    parts: Vec::new(),
                    plain: true,
                    is_error: false,
                }
                .into(),
            ],
        ));
        request.unfold_thought_ids();
        let parts: Vec<&Part<'_>> = request
            .messages
            .iter()
            .flat_map(|message| &message.parts)
            .collect();
        for part in &parts {
            let (Block::ToolUse { id, .. } | Block::ToolResult { id, .. }) = &part.block else {
                panic!("neither call nor result")
            };
            assert_eq!(id, "c");
        }
        let marks: Vec<_> = parts.iter().map(|part| part.signature.as_deref()).collect();
        assert_eq!(marks, [Some("sig"), Some("sig"), None]);
    }
}
