//! A message, in requests and answers alike.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::DecodeError;
use crate::chat::calls::Calls;
use crate::chat::{Block, Media, MediaKind, Part, Source, call_id};
use crate::json::{self, Object, Writer};

/// Takes what a message says: thoughts, text, pictures, calls.
pub(super) fn take<'a>(
    object: &mut Object<'a>,
    calls: &mut Calls,
) -> Result<Vec<Part<'a>>, DecodeError> {
    let mut parts: Vec<Part<'a>> = Vec::new();
    if let Some(text) = object.text("thinking")?.filter(|text| !text.is_empty()) {
        let thought = Block::Thinking {
            text,
            signature: None,
        };
        parts.push(thought.into());
    }
    if let Some(text) = object.text("content")?.filter(|text| !text.is_empty()) {
        parts.push(Block::text(text).into());
    }
    for raw in object.array("images")?.unwrap_or_default() {
        let base64 = json::text(raw)
            .ok_or_else(|| DecodeError::wrong("images", "an array of base64 texts"))?;
        parts.push(picture(base64).into());
    }
    for (index, raw) in object
        .array("tool_calls")?
        .unwrap_or_default()
        .into_iter()
        .enumerate()
    {
        let call =
            call(raw, calls).map_err(|error| error.within(format_args!("tool_calls[{index}]")))?;
        parts.push(call);
    }
    Ok(parts)
}

fn picture(base64: Cow<'_, str>) -> Block<'_> {
    // The dialect leaves the type to the bytes; their first letters in base64 tell.
    let media_type = match base64.as_bytes() {
        [b'i', b'V', b'B', b'O', b'R', ..] => "image/png",
        [b'R', b'0', b'l', b'G', ..] => "image/gif",
        [b'U', b'k', b'l', b'G', ..] => "image/webp",
        _ => "image/jpeg",
    };
    Block::Media(Media {
        kind: MediaKind::Image,
        source: Source::Data {
            media_type: media_type.into(),
            base64,
        },
        name: None,
        detail: None,
    })
}

fn call<'a>(raw: &'a RawValue, calls: &mut Calls) -> Result<Part<'a>, DecodeError> {
    let mut object = Object::of(raw).ok_or_else(|| DecodeError::wrong("", "an object"))?;
    let mut function = object
        .object("function")?
        .ok_or_else(|| DecodeError::wrong("function", "an object"))?;
    let name = function
        .text("name")?
        .ok_or_else(|| DecodeError::wrong("function.name", "a string"))?;
    let arguments = function
        .take("arguments")
        .map(json::compact)
        .unwrap_or_default();
    let id = calls.call(object.text("id")?, &name, &arguments, None);
    object.take("type");
    object.keep("function", &function);
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

/// The id, which the dialect may leave out: one that was made here says nothing, unless it carries a mark.
pub(super) fn own_id(id: &str) -> Option<&str> {
    (!id.is_empty() && !call_id::is_made(id)).then_some(id)
}

/// Writes a call, whose arguments are an object and no text.
pub(super) fn write_call(
    id: &str,
    name: &str,
    arguments: &str,
    custom: bool,
    own: Option<&Object<'_>>,
    w: &mut Writer,
) {
    w.open().text_if("id", own_id(id));
    w.key("function").open().text("name", name).key("arguments");
    if custom {
        w.open().text("input", arguments).close();
    } else if Object::parse(arguments.as_bytes()).is_ok() {
        w.literal(arguments);
    } else if arguments.trim().is_empty() {
        w.open().close();
    } else {
        w.open().text("arguments", arguments).close();
    }
    for (name, raw) in own.into_iter().flat_map(|extra| extra.kept("function")) {
        w.key(name).raw(raw);
    }
    w.close();
    for (name, raw) in own.into_iter().flat_map(Object::members) {
        if !name.starts_with("function.") {
            w.key(name).raw(raw);
        }
    }
    w.close();
}
