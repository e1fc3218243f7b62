//! A message of a caller's request.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::DecodeError;
use crate::chat::{Block, Media, MediaKind, Message, Part, Role, Source};
use crate::json::{self, Object};

pub(super) fn read(raw: &RawValue) -> Result<Message<'_>, DecodeError> {
    let mut object = Object::of(raw).ok_or_else(|| DecodeError::wrong("", "an object"))?;
    let role = match object.text("role")?.as_deref() {
        Some("system") => Role::System,
        Some("developer") => Role::Developer,
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("tool") => Role::Tool,
        _ => {
            return Err(DecodeError::wrong(
                "role",
                "one of system, user, assistant, tool",
            ));
        }
    };
    let (mut parts, plain) = match object.take("content") {
        Some(raw) => content(raw)?,
        None => (Vec::new(), true),
    };
    match role {
        Role::Tool => {
            let id = object
                .text("tool_call_id")?
                .ok_or_else(|| DecodeError::wrong("tool_call_id", "a string"))?;
            let result = Block::ToolResult {
                id,
                name: None,
                parts,
                plain,
                is_error: false,
            };
            parts = vec![result.into()];
        }
        Role::Assistant => assistant(&mut object, &mut parts)?,
        Role::System | Role::Developer | Role::User => {}
    }
    Ok(Message {
        plain,
        extra: object,
        ..Message::new(role, parts)
    })
}

fn assistant<'a>(object: &mut Object<'a>, parts: &mut Vec<Part<'a>>) -> Result<(), DecodeError> {
    if let Some(raw) = object.take("tool_plan") {
        let text = json::text(raw).ok_or_else(|| DecodeError::wrong("tool_plan", "a string"))?;
        // A plan is a thought that is written elsewhere.
        let mut part = Part::from(Block::Thinking {
            text,
            signature: None,
        });
        part.extra.keep_twin("tool_plan", raw);
        parts.push(part);
    }
    let calls = object.array("tool_calls")?.unwrap_or_default();
    for (index, raw) in calls.into_iter().enumerate() {
        let call = call(raw).map_err(|error| error.within(format_args!("tool_calls[{index}]")))?;
        parts.push(call);
    }
    Ok(())
}

/// One call of a tool, in a request's history or in an answer.
pub(in crate::cohere) fn call(raw: &RawValue) -> Result<Part<'_>, DecodeError> {
    let mut object = Object::of(raw).ok_or_else(|| DecodeError::wrong("", "an object"))?;
    let id = object.text("id")?.unwrap_or_default();
    object.take("type");
    let mut function = object.object("function")?.unwrap_or_default();
    let name = function
        .text("name")?
        .ok_or_else(|| DecodeError::wrong("function.name", "a string"))?;
    let arguments = function.text("arguments")?.unwrap_or_default();
    Ok(Part {
        extra: object,
        ..Part::from(Block::ToolUse {
            id,
            name,
            arguments,
            custom: false,
        })
    })
}

fn content(raw: &RawValue) -> Result<(Vec<Part<'_>>, bool), DecodeError> {
    if let Some(text) = json::text(raw) {
        return Ok((vec![Block::text(text).into()], true));
    }
    let parts = json::array(raw)
        .ok_or_else(|| DecodeError::wrong("content", "a string or an array of parts"))?;
    let read = parts.into_iter().enumerate().map(|(index, raw)| {
        part(raw).map_err(|error| error.within(format_args!("content[{index}]")))
    });
    Ok((read.collect::<Result<_, _>>()?, false))
}

fn part(raw: &RawValue) -> Result<Part<'_>, DecodeError> {
    let mut object = Object::of(raw).ok_or_else(|| DecodeError::wrong("", "an object"))?;
    let kind = object
        .text("type")?
        .ok_or_else(|| DecodeError::wrong("type", "a string"))?;
    let block = match kind.as_ref() {
        "text" => Block::text(
            object
                .text("text")?
                .ok_or_else(|| DecodeError::wrong("text", "a string"))?,
        ),
        "thinking" => Block::Thinking {
            text: object.text("thinking")?.unwrap_or_default(),
            signature: None,
        },
        "image_url" => image(&mut object)?,
        "document" => return document(object),
        _ => return Ok(Block::foreign(kind, raw).into()),
    };
    Ok(Part {
        extra: object,
        ..Part::from(block)
    })
}

fn image<'a>(object: &mut Object<'a>) -> Result<Block<'a>, DecodeError> {
    let wrong = || DecodeError::wrong("image_url", "an object with `url`");
    let mut inner = object.object("image_url")?.ok_or_else(wrong)?;
    Ok(Block::Media(Media {
        kind: MediaKind::Image,
        source: Source::of_url(inner.text("url")?.ok_or_else(wrong)?),
        name: None,
        detail: inner.text("detail")?,
    }))
}

/// A document that a tool found: what it says is text to everybody else.
fn document(mut object: Object<'_>) -> Result<Part<'_>, DecodeError> {
    let raw = object
        .take("document")
        .ok_or_else(|| DecodeError::wrong("document", "an object"))?;
    let mut inner = Object::of(raw).ok_or_else(|| DecodeError::wrong("document", "an object"))?;
    let text = match inner.take("data") {
        Some(data) => json::text(data).unwrap_or_else(|| json::compact(data)),
        None => Cow::Borrowed(""),
    };
    object.keep("document", &inner);
    object.keep_twin("document", raw);
    Ok(Part {
        extra: object,
        ..Part::from(Block::text(text))
    })
}
