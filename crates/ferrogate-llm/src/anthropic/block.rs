//! Content blocks, which requests and answers have in common.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::DecodeError;
use crate::chat::{Block, CacheMark, Citation, Media, MediaKind, Part, Source};
use crate::json::{self, Object};

/// Reads content: a string or a list of blocks; says whether it was a string.
pub(super) fn read_content(raw: &RawValue) -> Result<(Vec<Part<'_>>, bool), DecodeError> {
    list(raw, true)
}

/// Reads one block of an answer. What makes no sense is kept as it is: an answer is not refused for it.
pub(super) fn read_answered(raw: &RawValue) -> Part<'_> {
    read(raw, true).unwrap_or_else(|_| Block::foreign("unknown", raw).into())
}

/// `outer`: results of tools may stand here, which is not so within such a result.
fn list(raw: &RawValue, outer: bool) -> Result<(Vec<Part<'_>>, bool), DecodeError> {
    if let Some(text) = json::text(raw) {
        return Ok((vec![Block::text(text).into()], true));
    }
    let blocks = json::array(raw)
        .ok_or_else(|| DecodeError::wrong("content", "a string or an array of blocks"))?;
    let read = blocks.into_iter().enumerate().map(|(index, raw)| {
        read(raw, outer).map_err(|error| error.within(format_args!("content[{index}]")))
    });
    Ok((read.collect::<Result<_, _>>()?, false))
}

fn read(raw: &RawValue, outer: bool) -> Result<Part<'_>, DecodeError> {
    let mut object = Object::of(raw).ok_or_else(|| DecodeError::wrong("", "an object"))?;
    let kind = needed(&mut object, "type")?;
    let block = match kind.as_ref() {
        "text" => Block::Text {
            text: needed(&mut object, "text")?,
            citations: citations(&mut object)?,
        },
        "image" => media(&mut object, MediaKind::Image)?,
        "document" => media(&mut object, MediaKind::Document)?,
        "tool_use" => Block::ToolUse {
            id: needed(&mut object, "id")?,
            name: needed(&mut object, "name")?,
            arguments: object.take("input").map(json::compact).unwrap_or_default(),
            custom: false,
        },
        "tool_result" if outer => result(&mut object)?,
        "thinking" => Block::Thinking {
            text: object.text("thinking")?.unwrap_or_default(),
            // Some servers that speak the dialect have none and say so with an empty one.
            signature: object.text("signature")?.filter(|text| !text.is_empty()),
        },
        "redacted_thinking" => Block::RedactedThinking {
            data: needed(&mut object, "data")?,
        },
        _ => return Ok(Block::foreign(kind, raw).into()),
    };
    Ok(Part {
        cache: object.take("cache_control").and_then(CacheMark::read),
        extra: object,
        ..Part::from(block)
    })
}

fn needed<'a>(object: &mut Object<'a>, name: &'static str) -> Result<Cow<'a, str>, DecodeError> {
    object
        .text(name)?
        .ok_or_else(|| DecodeError::wrong(name, "a string"))
}

fn result<'a>(object: &mut Object<'a>) -> Result<Block<'a>, DecodeError> {
    let id = needed(object, "tool_use_id")?;
    let (parts, plain) = match object.take("content") {
        Some(raw) => list(raw, false)?,
        None => (Vec::new(), true),
    };
    Ok(Block::ToolResult {
        id,
        name: None,
        parts,
        plain,
        is_error: object.flag("is_error")?.unwrap_or(false),
    })
}

fn media<'a>(object: &mut Object<'a>, kind: MediaKind) -> Result<Block<'a>, DecodeError> {
    let raw = object
        .take("source")
        .ok_or_else(|| DecodeError::wrong("source", "an object"))?;
    Ok(Block::Media(Media {
        kind,
        source: source(raw, object).map_err(|error| error.within("source"))?,
        name: object.text("title")?,
        detail: None,
    }))
}

fn source<'a>(raw: &'a RawValue, block: &mut Object<'a>) -> Result<Source<'a>, DecodeError> {
    let mut object = Object::of(raw).ok_or_else(|| DecodeError::wrong("", "an object"))?;
    let kind = object.text("type")?.unwrap_or_default();
    let source = match kind.as_ref() {
        "base64" => Source::Data {
            media_type: needed(&mut object, "media_type")?,
            base64: needed(&mut object, "data")?,
        },
        "text" => {
            // Always `text/plain`.
            object.text("media_type")?;
            Source::Text(needed(&mut object, "data")?)
        }
        "url" => Source::Url {
            url: needed(&mut object, "url")?,
            media_type: None,
        },
        "file" => Source::File(needed(&mut object, "file_id")?),
        _ => return Ok(Source::Foreign(Cow::Borrowed(raw))),
    };
    block.keep("source", &object);
    Ok(source)
}

/// The citations of a text; `citations` that is no list stays where it is.
fn citations<'a>(object: &mut Object<'a>) -> Result<Vec<Citation<'a>>, DecodeError> {
    let list = object.array("citations")?.unwrap_or_default();
    Ok(list.into_iter().filter_map(read_citation).collect())
}

/// Reads one citation of any of the five kinds.
pub(super) fn read_citation(raw: &RawValue) -> Option<Citation<'_>> {
    let mut object = Object::of(raw)?;
    let mut text = |name| object.text(name).ok().flatten();
    let title = text("title").or_else(|| text("document_title"));
    let url = text("url")
        // `search_result_location` names whatever the caller named its source.
        .or_else(|| text("source").filter(|source| source.starts_with("http")));
    Some(Citation {
        url: url.unwrap_or_default(),
        title: title.unwrap_or_default(),
        cited_text: text("cited_text").unwrap_or_default(),
        span: None,
        raw: Some(Cow::Borrowed(raw)),
    })
}
