//! Parts of a content, in requests and answers alike.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::name;
use crate::DecodeError;
use crate::chat::calls::Calls;
use crate::chat::{Block, Media, MediaKind, Part, Source};
use crate::json::{self, Object};

/// Members that say something about a part and are none of its kinds.
const MODIFIERS: [&str; 5] = [
    "thought",
    "thoughtSignature",
    "videoMetadata",
    "mediaResolution",
    "partMetadata",
];

/// Reads one part. What it is stands in its members' names: exactly one of them holds the data.
pub(super) fn read<'a>(raw: &'a RawValue, calls: &mut Calls) -> Result<Part<'a>, DecodeError> {
    let mut object = name::object(raw)?;
    if let Some(text) = object.text("text")? {
        return text_part(text, object);
    }
    if object.peek("functionCall").is_some() {
        return call(raw, object, calls);
    }
    if object.peek("functionResponse").is_some() {
        return result(object, calls);
    }
    let media = match name::inner(&mut object, "inlineData")? {
        Some(inner) => Some((inline(inner)?, "inlineData")),
        None => match name::inner(&mut object, "fileData")? {
            Some(inner) => Some((file(inner)?, "fileData")),
            None => None,
        },
    };
    if let Some(((media, rest), outer)) = media {
        let signature = object.text("thoughtSignature")?;
        object.keep(outer, &rest);
        return Ok(Part {
            signature,
            extra: object,
            ..Part::from(Block::Media(media))
        });
    }
    let kind = object
        .members()
        .map(|(name, _)| name)
        .find(|name| !MODIFIERS.contains(name))
        .map(ToOwned::to_owned);
    match kind {
        Some(kind) => Ok(Block::foreign(kind, raw).into()),
        // A stream's last part may have nothing but its mark.
        None => text_part(Cow::Borrowed(""), object),
    }
}

fn text_part<'a>(text: Cow<'a, str>, mut object: Object<'a>) -> Result<Part<'a>, DecodeError> {
    let thought = object.flag("thought")?.unwrap_or(false);
    let signature = object.text("thoughtSignature")?;
    let (block, signature) = if thought {
        (Block::Thinking { text, signature }, None)
    } else {
        (Block::text(text), signature)
    };
    Ok(Part {
        signature,
        extra: object,
        ..Part::from(block)
    })
}

fn call<'a>(
    raw: &'a RawValue,
    mut object: Object<'a>,
    calls: &mut Calls,
) -> Result<Part<'a>, DecodeError> {
    let mut inner = name::inner(&mut object, "functionCall")?.unwrap_or_default();
    let Some(called) = inner
        .text("name")
        .map_err(|error| error.within("functionCall"))?
    else {
        // A piece of a call that is told bit by bit, which only who asked for it understands.
        return Ok(Block::foreign("functionCall", raw).into());
    };
    let signature = object.text("thoughtSignature")?;
    let arguments = inner.take("args").map(json::compact).unwrap_or_default();
    let given = inner
        .text("id")
        .map_err(|error| error.within("functionCall"))?;
    let id = calls.call(given, &called, &arguments, signature.as_deref());
    object.keep("functionCall", &inner);
    Ok(Part {
        signature,
        extra: object,
        ..Part::from(Block::ToolUse {
            id,
            name: called,
            arguments,
            custom: false,
        })
    })
}

/// A result is a JSON object, whose text is what the tool said; other media stand beside it.
fn result<'a>(mut object: Object<'a>, calls: &mut Calls) -> Result<Part<'a>, DecodeError> {
    let mut inner = name::inner(&mut object, "functionResponse")?.unwrap_or_default();
    let within = |error: DecodeError| error.within("functionResponse");
    let called = inner
        .text("name")
        .map_err(within)?
        .ok_or_else(|| DecodeError::wrong("functionResponse.name", "a string"))?;
    if let Some(raw) = inner.peek("id") {
        object.keep_twin("functionResponse.id", raw);
    }
    let given = inner.text("id").map_err(within)?;
    let id = calls.result(given, &called);
    let response = inner.take("response");
    let mut parts: Vec<Part<'a>> = Vec::new();
    parts.extend(response.map(|raw| Part::from(Block::text(json::compact(raw)))));
    for (index, raw) in name::list(&mut inner, "parts")
        .map_err(within)?
        .into_iter()
        .enumerate()
    {
        let part = read(raw, &mut Calls::default())
            .map_err(|error| error.within(format_args!("functionResponse.parts[{index}]")))?;
        parts.push(part);
    }
    object.keep("functionResponse", &inner);
    Ok(Part {
        signature: object.text("thoughtSignature")?,
        extra: object,
        ..Part::from(Block::ToolResult {
            id,
            name: Some(called),
            parts,
            plain: true,
            is_error: response.is_some_and(is_error),
        })
    })
}

/// Source: `FunctionResponse.response`: the key `error` holds details of an error.
fn is_error(response: &RawValue) -> bool {
    let object = Object::of(response).unwrap_or_default();
    let mut names = object.members().map(|(name, _)| name);
    names.next() == Some("error") && names.next().is_none()
}

/// Base64 in the alphabet that every vendor takes: Google's SDKs write the one for URLs. RFC 4648, section 5.
fn usual_alphabet(base64: Cow<'_, str>) -> Cow<'_, str> {
    if memchr::memchr2(b'-', b'_', base64.as_bytes()).is_none() {
        return base64;
    }
    Cow::Owned(base64.replace('-', "+").replace('_', "/"))
}

fn inline(mut inner: Object<'_>) -> Result<(Media<'_>, Object<'_>), DecodeError> {
    let within = |error: DecodeError| error.within("inlineData");
    let media_type = inner.text("mimeType").map_err(within)?.unwrap_or_default();
    let base64 = usual_alphabet(inner.text("data").map_err(within)?.unwrap_or_default());
    let name = inner.text("displayName").map_err(within)?;
    let media = Media {
        kind: kind_of(&media_type),
        source: Source::Data { media_type, base64 },
        name,
        detail: None,
    };
    Ok((media, inner))
}

fn file(mut inner: Object<'_>) -> Result<(Media<'_>, Object<'_>), DecodeError> {
    let within = |error: DecodeError| error.within("fileData");
    let media_type = inner.text("mimeType").map_err(within)?;
    let url = inner
        .text("fileUri")
        .map_err(within)?
        .ok_or_else(|| DecodeError::wrong("fileData.fileUri", "a string"))?;
    let name = inner.text("displayName").map_err(within)?;
    let kind = match media_type.as_deref() {
        Some(media_type) => kind_of(media_type),
        None => media_type_of(&url).map_or(MediaKind::Video, kind_of),
    };
    let media = Media {
        kind,
        source: Source::Url { url, media_type },
        name,
        detail: None,
    };
    Ok((media, inner))
}

fn kind_of(media_type: &str) -> MediaKind {
    match media_type.split_once('/').map(|(kind, _)| kind) {
        Some("image") => MediaKind::Image,
        Some("audio") => MediaKind::Audio,
        Some("video") => MediaKind::Video,
        _ => MediaKind::Document,
    }
}

/// Media types of files by the end of their name, as far as the models take them. Source: the Gemini API's guides on
/// image, video, audio and document understanding.
const MEDIA_TYPES: [(&str, &str); 22] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("gif", "image/gif"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("pdf", "application/pdf"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
    ("html", "text/html"),
    ("csv", "text/csv"),
    ("json", "application/json"),
    ("wav", "audio/wav"),
    ("mp3", "audio/mp3"),
    ("flac", "audio/flac"),
    ("ogg", "audio/ogg"),
    ("aac", "audio/aac"),
    ("mp4", "video/mp4"),
    ("mov", "video/mov"),
    ("webm", "video/webm"),
    ("mpeg", "video/mpeg"),
];

/// The media type that a URL's last part tells.
pub(super) fn media_type_of(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next()?;
    let (_, end) = path.rsplit('/').next()?.rsplit_once('.')?;
    MEDIA_TYPES
        .iter()
        .find(|(known, _)| end.eq_ignore_ascii_case(known))
        .map(|row| row.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_tell_what_they_lead_to() {
        for (url, expected) in [
            ("https://x.test/a/b.PNG?size=1", Some("image/png")),
            ("gs://bucket/film.mp4", Some("video/mp4")),
            ("https://x.test/v1.5/a", None),
            ("https://x.test/", None),
        ] {
            assert_eq!(media_type_of(url), expected, "{url}");
        }
    }
}
