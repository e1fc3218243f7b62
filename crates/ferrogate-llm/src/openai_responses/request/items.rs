//! Items of `input`.
//!
//! What the model said in a row, which Responses writes as items side by side, becomes one message: every other
//! dialect has it so. What an item says about itself stays in the message's `twins`, each member named by the place
//! of the item's first part; so the items can be told apart again.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::content;
use crate::DecodeError;
use crate::chat::{Block, Message, Part, Role};
use crate::json::{self, Object};

/// Marks in `twins`: a message whose content was a string, and an item that is kept as it is.
pub(super) const PLAIN: &str = "plain";
pub(super) const WHOLE: &str = "item";

/// Reads the items.
pub(super) fn read<'a>(raw: &'a RawValue, all: &mut Vec<Message<'a>>) -> Result<(), DecodeError> {
    let items = json::array(raw)
        .ok_or_else(|| DecodeError::wrong("input", "a string or an array of items"))?;
    let before = all.len();
    for (index, raw) in items.into_iter().enumerate() {
        item(raw, before, all).map_err(|error| error.within(format_args!("input[{index}]")))?;
    }
    Ok(())
}

fn item<'a>(
    raw: &'a RawValue,
    before: usize,
    all: &mut Vec<Message<'a>>,
) -> Result<(), DecodeError> {
    let mut object = Object::of(raw).ok_or_else(|| DecodeError::wrong("", "an object"))?;
    let kind = object.peek("type").and_then(json::text);
    let role = object.peek("role").is_some();
    let mut said = |parts: Vec<Part<'a>>, rest: &Object<'a>| {
        add(Role::Assistant, parts, rest, before, all);
    };
    match kind.as_deref() {
        None | Some("message") if role => message(object, before, all)?,
        Some("function_call" | "custom_tool_call") => {
            let part = read_call(&mut object)?;
            said(vec![part], &object);
        }
        Some("function_call_output" | "custom_tool_call_output") => {
            let part = output(&mut object)?;
            add(Role::Tool, vec![part], &object, before, all);
        }
        Some("reasoning") => {
            let part = read_thought(&mut object)?;
            said(vec![part], &object);
        }
        Some(kind) => {
            let part = Block::foreign(kind.to_owned(), raw).into();
            let mut whole = Object::default();
            whole.put(WHOLE, raw);
            said(vec![part], &whole);
        }
        None => return Err(DecodeError::wrong("type", "a string")),
    }
    Ok(())
}

/// Adds an item: to the message before if the model goes on, else as a message of its own.
fn add<'a>(
    role: Role,
    parts: Vec<Part<'a>>,
    rest: &Object<'a>,
    before: usize,
    all: &mut Vec<Message<'a>>,
) {
    let goes_on = role == Role::Assistant
        && all.len() > before
        && all
            .last()
            .is_some_and(|message| message.role == Role::Assistant);
    if !goes_on {
        all.push(Message::new(role, Vec::new()));
    }
    if let Some(message) = all.last_mut() {
        let place = message.parts.len().to_string();
        message.twins.keep(&place, rest);
        message.parts.extend(parts);
    }
}

fn message<'a>(
    mut object: Object<'a>,
    before: usize,
    all: &mut Vec<Message<'a>>,
) -> Result<(), DecodeError> {
    let role = match object.peek("role").and_then(json::text).as_deref() {
        Some("system") => Role::System,
        Some("developer") => Role::Developer,
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        _ => {
            return Err(DecodeError::wrong(
                "role",
                "one of system, developer, user, assistant",
            ));
        }
    };
    let raw = object
        .take("content")
        .ok_or_else(|| DecodeError::wrong("content", "a string or an array of parts"))?;
    let (parts, plain) = content::read_parts(raw)?;
    if plain {
        object.put(PLAIN, raw);
    }
    add(role, parts, &object, before, all);
    if let Some(message) = all.last_mut() {
        message.plain = plain && message.parts.len() == 1;
    }
    Ok(())
}

/// Takes the call of a tool, in a request's history or in an answer.
pub(in crate::openai_responses) fn read_call<'a>(
    object: &mut Object<'a>,
) -> Result<Part<'a>, DecodeError> {
    let custom = object.text("type")?.as_deref() == Some("custom_tool_call");
    let id = object
        .text("call_id")?
        .ok_or_else(|| DecodeError::wrong("call_id", "a string"))?;
    let name = object
        .text("name")?
        .ok_or_else(|| DecodeError::wrong("name", "a string"))?;
    let arguments = object.text(if custom { "input" } else { "arguments" })?;
    Ok(Part::from(Block::ToolUse {
        id,
        name,
        arguments: arguments.unwrap_or_default(),
        custom,
    }))
}

fn output<'a>(object: &mut Object<'a>) -> Result<Part<'a>, DecodeError> {
    if object.peek("type").and_then(json::text).as_deref() == Some("function_call_output") {
        object.take("type");
    }
    let id = object
        .text("call_id")?
        .ok_or_else(|| DecodeError::wrong("call_id", "a string"))?;
    let (parts, plain) = match object.take("output") {
        Some(raw) => content::read_parts(raw).map_err(|error| error.within("output"))?,
        None => (Vec::new(), true),
    };
    Ok(Part::from(Block::ToolResult {
        id,
        name: None,
        parts,
        plain,
        is_error: false,
    }))
}

/// Takes a thought: its summary, or the thought itself where a server shows it. Both stay in the item as well, which
/// has them in pieces.
pub(in crate::openai_responses) fn read_thought<'a>(
    object: &mut Object<'a>,
) -> Result<Part<'a>, DecodeError> {
    object.take("type");
    let signature = object.text("encrypted_content")?;
    let mut text = pieces(object, "summary", "\n\n");
    if text.is_empty() {
        text = pieces(object, "content", "");
    }
    Ok(Part::from(match signature {
        Some(data) if text.is_empty() => Block::RedactedThinking { data },
        signature => Block::Thinking { text, signature },
    }))
}

fn pieces<'a>(object: &Object<'a>, name: &str, between: &str) -> Cow<'a, str> {
    let list = object.peek(name).and_then(json::array).unwrap_or_default();
    let texts = list
        .into_iter()
        .filter_map(|raw| Object::of(raw)?.text("text").ok()?);
    let mut all = Cow::Borrowed("");
    for text in texts {
        if all.is_empty() {
            all = text;
        } else {
            all.to_mut().push_str(between);
            all.to_mut().push_str(&text);
        }
    }
    all
}
