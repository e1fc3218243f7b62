//! Content blocks as they are read.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::media;
use crate::DecodeError;
use crate::chat::{Block, CacheMark, Citation, MediaKind, Part};
use crate::json::{self, Object};

/// Reads a list of blocks. A cache point marks the block before it. What says the same as a part, and is needed to
/// write the block as it was, goes to `twins`.
pub(in crate::converse) fn read<'a>(
    list: Vec<&'a RawValue>,
    twins: &mut Object<'a>,
) -> Result<Vec<Part<'a>>, DecodeError> {
    let mut parts: Vec<Part<'a>> = Vec::with_capacity(list.len());
    for (index, raw) in list.into_iter().enumerate() {
        if let (Some(mark), Some(last)) = (cache_point(raw), parts.last_mut())
            && last.cache.is_none()
        {
            last.cache = Some(mark);
            continue;
        }
        let part = block(raw, twins);
        parts.push(part.map_err(|error| error.within(format_args!("content[{index}]")))?);
    }
    Ok(parts)
}

/// Reads the blocks of an answer, where one that cannot be read is kept as it came.
pub(in crate::converse) fn read_leniently(list: Vec<&RawValue>) -> Vec<Part<'_>> {
    let read = |raw| {
        block(raw, &mut Object::default()).unwrap_or_else(|_| Block::foreign("content", raw).into())
    };
    list.into_iter().map(read).collect()
}

/// A cache point that a mark says in full.
pub(in crate::converse) fn cache_point(raw: &RawValue) -> Option<CacheMark> {
    let mut object = Object::of(raw)?;
    let point = object.take("cachePoint")?;
    let mark = CacheMark::read(point)?;
    let mut members = Object::of(point)?;
    let kind = members.text("type").ok()??;
    let ttl = members.text("ttl").ok()?;
    let whole = object.is_empty() && members.is_empty() && kind == "default";
    (whole && mark.ttl().as_deref() == ttl.as_deref()).then_some(mark)
}

/// A block: a union, so an object with one member.
fn block<'a>(raw: &'a RawValue, twins: &mut Object<'a>) -> Result<Part<'a>, DecodeError> {
    let wrong = || DecodeError::wrong("", "a content block");
    let mut object = Object::of(raw).ok_or_else(wrong)?;
    let known = {
        let mut members = object.members();
        let (first, _) = members.next().ok_or_else(wrong)?;
        let only = members.next().is_none();
        match KNOWN.iter().find(|name| **name == first) {
            Some(name) if only => *name,
            _ => return Ok(Block::foreign(first.to_owned(), raw).into()),
        }
    };
    if known == "text" {
        let text = object.text("text")?.ok_or_else(wrong)?;
        return Ok(Block::text(text).into());
    }
    let inner = object.object(known)?.ok_or_else(wrong)?;
    let part = match known {
        "image" => media::read(MediaKind::Image, raw, inner),
        "document" => media::read(MediaKind::Document, raw, inner),
        "video" => media::read(MediaKind::Video, raw, inner),
        "audio" => media::read(MediaKind::Audio, raw, inner),
        "toolUse" => tool_use(raw, inner),
        "toolResult" => tool_result(raw, inner, twins),
        "reasoningContent" => thought(raw, inner),
        _ => cited(raw, inner),
    };
    part.map_err(|error| error.within(known))
}

/// Members of the union that the representation knows.
const KNOWN: [&str; 9] = [
    "text",
    "image",
    "document",
    "video",
    "audio",
    "toolUse",
    "toolResult",
    "reasoningContent",
    "citationsContent",
];

fn needed<'a>(object: &mut Object<'a>, name: &'static str) -> Result<Cow<'a, str>, DecodeError> {
    object
        .text(name)?
        .ok_or_else(|| DecodeError::wrong(name, "a string"))
}

fn tool_use<'a>(raw: &'a RawValue, mut inner: Object<'a>) -> Result<Part<'a>, DecodeError> {
    // The vendor's own tools: nobody else is to call them.
    if inner.peek("type").is_some() {
        return Ok(Block::foreign("toolUse", raw).into());
    }
    let block = Block::ToolUse {
        id: needed(&mut inner, "toolUseId")?,
        name: needed(&mut inner, "name")?,
        arguments: inner
            .take("input")
            .map(|raw| Cow::Borrowed(raw.get()))
            .unwrap_or_default(),
        custom: false,
    };
    Ok(Part {
        extra: inner,
        ..Part::from(block)
    })
}

fn tool_result<'a>(
    raw: &'a RawValue,
    mut inner: Object<'a>,
    twins: &mut Object<'a>,
) -> Result<Part<'a>, DecodeError> {
    if inner.peek("type").is_some() {
        return Ok(Block::foreign("toolResult", raw).into());
    }
    let id = needed(&mut inner, "toolUseId")?;
    let content = inner.array("content")?.unwrap_or_default();
    let mut parts = Vec::with_capacity(content.len());
    for (index, raw) in content.into_iter().enumerate() {
        let part = result_part(raw, &id, index, twins);
        parts.push(part.map_err(|error| error.within(format_args!("content[{index}]")))?);
    }
    let mut is_error = false;
    if let Some(status) = inner.take("status") {
        match status.get() {
            "\"error\"" => is_error = true,
            "\"success\"" => twins.put(format!("{id}.status"), status),
            _ => inner.put("status", status),
        }
    }
    let block = Block::ToolResult {
        id,
        name: None,
        parts,
        plain: false,
        is_error,
    };
    Ok(Part {
        extra: inner,
        ..Part::from(block)
    })
}

/// A block of a result: `json` is text for everybody else, and text that looks like it is written as such again.
fn result_part<'a>(
    raw: &'a RawValue,
    id: &str,
    index: usize,
    twins: &mut Object<'a>,
) -> Result<Part<'a>, DecodeError> {
    if let Some(mut object) = Object::of(raw)
        && object.members().count() == 1
        && let Some(json) = object.take("json")
    {
        return Ok(Block::text(json.get()).into());
    }
    let part = block(raw, twins)?;
    if let Block::Text { text, .. } = &part.block
        && super::object_text(text).is_some()
    {
        twins.put(format!("{id}.{index}.text"), raw);
    }
    Ok(part)
}

fn thought<'a>(raw: &'a RawValue, mut inner: Object<'a>) -> Result<Part<'a>, DecodeError> {
    if let Some(data) = inner.text("redactedContent")? {
        return Ok(Block::RedactedThinking { data }.into());
    }
    let Some(mut text) = inner.object("reasoningText")? else {
        return Ok(Block::foreign("reasoningContent", raw).into());
    };
    let block = Block::Thinking {
        text: needed(&mut text, "text")?,
        signature: text.text("signature")?,
    };
    Ok(Part {
        extra: text,
        ..Part::from(block)
    })
}

fn cited<'a>(raw: &'a RawValue, mut inner: Object<'a>) -> Result<Part<'a>, DecodeError> {
    let content = inner.array("content")?.unwrap_or_default();
    let mut texts = content
        .into_iter()
        .filter_map(|raw| Object::of(raw)?.text("text").ok()?);
    let Some(first) = texts.next() else {
        return Ok(Block::foreign("citationsContent", raw).into());
    };
    let text = texts.fold(first, |mut all, text| {
        all.to_mut().push_str(&text);
        all
    });
    let citations = inner.array("citations")?.unwrap_or_default();
    Ok(Part {
        extra: inner,
        ..Part::from(Block::Text {
            text,
            citations: citations.into_iter().map(citation).collect(),
        })
    })
}

/// One citation, in a block or in a stream.
pub(in crate::converse) fn citation(raw: &RawValue) -> Citation<'_> {
    let mut object = Object::of(raw).unwrap_or_default();
    let web = object
        .object("location")
        .ok()
        .flatten()
        .and_then(|mut location| location.object("web").ok()?);
    let url = web.and_then(|mut web| web.text("url").ok()?);
    let sources = object.take("sourceContent").and_then(json::array);
    let mut quoted = Cow::Borrowed("");
    for raw in sources.unwrap_or_default() {
        match Object::of(raw).and_then(|mut source| source.text("text").ok()?) {
            Some(text) if quoted.is_empty() => quoted = text,
            Some(text) => quoted.to_mut().push_str(&text),
            None => {}
        }
    }
    Citation {
        url: url.unwrap_or_default(),
        title: object.text("title").ok().flatten().unwrap_or_default(),
        cited_text: quoted,
        span: None,
        raw: Some(Cow::Borrowed(raw)),
    }
}
