//! Parts of a message's content.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::DecodeError;
use crate::chat::{Block, CacheMark, Media, MediaKind, Part, Source};
use crate::json::{self, Object};

/// Reads content: a string or a list of parts; says whether it was a string.
pub(super) fn read(raw: &RawValue) -> Result<(Vec<Part<'_>>, bool), DecodeError> {
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
    let cache = cache_mark(&mut object);
    let block = match kind.as_ref() {
        "text" => Block::text(needed(&mut object, "text")?),
        "refusal" => Block::Refusal(needed(&mut object, "refusal")?),
        "image_url" => media(&mut object, "image_url", MediaKind::Image)?,
        "video_url" => media(&mut object, "video_url", MediaKind::Video)?,
        "input_audio" => audio(&mut object)?,
        "file" => file(&mut object, raw)?,
        _ => {
            return Ok(Part {
                block: Block::foreign(kind, raw),
                cache,
                signature: None,
                extra: Object::default(),
            });
        }
    };
    Ok(Part {
        block,
        cache,
        signature: None,
        extra: object,
    })
}

fn needed<'a>(object: &mut Object<'a>, name: &'static str) -> Result<Cow<'a, str>, DecodeError> {
    object
        .text(name)?
        .ok_or_else(|| DecodeError::wrong(name, "a string"))
}

/// A picture or film: an object with `url`, or the bare URL that some clients send.
fn media<'a>(
    object: &mut Object<'a>,
    member: &'static str,
    kind: MediaKind,
) -> Result<Block<'a>, DecodeError> {
    let wrong = || DecodeError::wrong(member, "an object with `url`");
    let raw = object.take(member).ok_or_else(wrong)?;
    let (url, detail) = if let Some(url) = json::text(raw) {
        (url, None)
    } else {
        let mut inner = Object::of(raw).ok_or_else(wrong)?;
        let url = inner.text("url")?.ok_or_else(wrong)?;
        (url, inner.text("detail")?)
    };
    Ok(Block::Media(Media {
        kind,
        source: Source::of_url(url),
        name: None,
        detail,
    }))
}

fn audio<'a>(object: &mut Object<'a>) -> Result<Block<'a>, DecodeError> {
    let mut inner = object
        .object("input_audio")?
        .ok_or_else(|| DecodeError::wrong("input_audio", "an object"))?;
    let base64 = needed(&mut inner, "data").map_err(|error| error.within("input_audio"))?;
    let format = needed(&mut inner, "format").map_err(|error| error.within("input_audio"))?;
    Ok(Block::Media(Media {
        kind: MediaKind::Audio,
        source: Source::Data {
            media_type: format!("audio/{format}").into(),
            base64,
        },
        name: None,
        detail: None,
    }))
}

fn file<'a>(object: &mut Object<'a>, raw: &'a RawValue) -> Result<Block<'a>, DecodeError> {
    let mut inner = object
        .object("file")?
        .ok_or_else(|| DecodeError::wrong("file", "an object"))?;
    let name = inner.text("filename")?;
    let source = if let Some(data) = inner.text("file_data")? {
        // The documents show a data URL, and bare base64 is taken for PDF as OpenAI does.
        match Source::of_url(data) {
            Source::Url { url, .. } if !url.contains("://") => Source::Data {
                media_type: "application/pdf".into(),
                base64: url,
            },
            source => source,
        }
    } else if let Some(id) = inner.text("file_id")? {
        Source::File(id)
    } else {
        return Ok(Block::foreign("file", raw));
    };
    let kind = match &source {
        Source::Data { media_type, .. } if media_type.starts_with("image/") => MediaKind::Image,
        Source::Data { media_type, .. } if media_type.starts_with("audio/") => MediaKind::Audio,
        Source::Data { media_type, .. } if media_type.starts_with("video/") => MediaKind::Video,
        _ => MediaKind::Document,
    };
    Ok(Block::Media(Media {
        kind,
        source,
        name,
        detail: None,
    }))
}

/// OpenAI's `prompt_cache_breakpoint`, or Anthropic's `cache_control`, which clients of gateways send.
pub(super) fn cache_mark(object: &mut Object<'_>) -> Option<CacheMark> {
    let written = object
        .take("cache_control")
        .or_else(|| object.take("prompt_cache_breakpoint"))?;
    CacheMark::read(written)
}
