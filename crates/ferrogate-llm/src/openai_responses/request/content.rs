//! Parts of a message's content.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::DecodeError;
use crate::chat::{Block, CacheMark, Citation, Media, MediaKind, Part, Source};
use crate::json::{self, Object};

/// Reads content: a string or a list of parts; says whether it was a string.
pub(in crate::openai_responses) fn read_parts(
    raw: &RawValue,
) -> Result<(Vec<Part<'_>>, bool), DecodeError> {
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
    let kind = needed(&mut object, "type")?;
    let block = match kind.as_ref() {
        "input_text" | "output_text" | "text" => Block::Text {
            text: needed(&mut object, "text")?,
            citations: annotations(&mut object)?,
        },
        "refusal" => Block::Refusal(needed(&mut object, "refusal")?),
        "input_image" => image(&mut object)?,
        "input_file" => match file(&mut object)? {
            Some(block) => block,
            None => return Ok(Block::foreign(kind, raw).into()),
        },
        "input_audio" => audio(&mut object)?,
        _ => return Ok(Block::foreign(kind, raw).into()),
    };
    Ok(Part {
        cache: object
            .take("prompt_cache_breakpoint")
            .and_then(CacheMark::read),
        extra: object,
        ..Part::from(block)
    })
}

fn needed<'a>(object: &mut Object<'a>, name: &'static str) -> Result<Cow<'a, str>, DecodeError> {
    object
        .text(name)?
        .ok_or_else(|| DecodeError::wrong(name, "a string"))
}

fn image<'a>(object: &mut Object<'a>) -> Result<Block<'a>, DecodeError> {
    let source = match (object.text("image_url")?, object.text("file_id")?) {
        (Some(url), _) => Source::of_url(url),
        (None, Some(id)) => Source::File(id),
        (None, None) => return Err(DecodeError::wrong("image_url", "a string")),
    };
    Ok(Block::Media(Media {
        kind: MediaKind::Image,
        source,
        name: None,
        detail: object.text("detail")?,
    }))
}

fn file<'a>(object: &mut Object<'a>) -> Result<Option<Block<'a>>, DecodeError> {
    let name = object.text("filename")?;
    let source = if let Some(data) = object.text("file_data")? {
        // Bare base64 is taken for PDF.
        match Source::of_url(data) {
            Source::Url { url, .. } if !url.contains("://") => Source::Data {
                media_type: "application/pdf".into(),
                base64: url,
            },
            source => source,
        }
    } else if let Some(url) = object.text("file_url")? {
        Source::of_url(url)
    } else if let Some(id) = object.text("file_id")? {
        Source::File(id)
    } else {
        return Ok(None);
    };
    let kind = match &source {
        Source::Data { media_type, .. } if media_type.starts_with("image/") => MediaKind::Image,
        Source::Data { media_type, .. } if media_type.starts_with("audio/") => MediaKind::Audio,
        _ => MediaKind::Document,
    };
    Ok(Some(Block::Media(Media {
        kind,
        source,
        name,
        detail: None,
    })))
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

/// Where a text is from; an empty list says nothing and stays where it is.
fn annotations<'a>(object: &mut Object<'a>) -> Result<Vec<Citation<'a>>, DecodeError> {
    let Some(raw) = object.peek("annotations") else {
        return Ok(Vec::new());
    };
    let list = json::array(raw).ok_or_else(|| DecodeError::wrong("annotations", "an array"))?;
    if !list.is_empty() {
        object.take("annotations");
    }
    Ok(list.into_iter().filter_map(read_annotation).collect())
}

/// Reads one annotation. Those of pages are told elsewhere, too; files are known to OpenAI alone.
pub(in crate::openai_responses) fn read_annotation(raw: &RawValue) -> Option<Citation<'_>> {
    let mut object = Object::of(raw)?;
    let bound = |value: Option<u64>| usize::try_from(value?).ok();
    let from = bound(object.unsigned("start_index").ok().flatten());
    let to = bound(object.unsigned("end_index").ok().flatten());
    let mut text = |name| object.text(name).ok().flatten().unwrap_or_default();
    Some(Citation {
        url: text("url"),
        title: text("title"),
        cited_text: Cow::Borrowed(""),
        span: from.zip(to),
        raw: Some(Cow::Borrowed(raw)),
    })
}
