//! Pictures, documents, films and recordings.

use std::collections::{HashMap, HashSet};

use serde_json::value::RawValue;

use crate::DecodeError;
use crate::chat::{Block, Media, MediaKind, Part, Source};
use crate::json::{Object, Writer};
use crate::protocol::Untranslatable;

/// Each format with its media type; the first row of a media type is written for it.
///
/// Source: the service model, `ImageFormat`, `DocumentFormat`, `VideoFormat` and `AudioFormat`; media types from
/// IANA's registry.
const FORMATS: &[(MediaKind, &str, &str)] = {
    use MediaKind::{Audio, Document, Image, Video};
    &[
        (Image, "png", "image/png"),
        (Image, "jpeg", "image/jpeg"),
        (Image, "gif", "image/gif"),
        (Image, "webp", "image/webp"),
        (Document, "pdf", "application/pdf"),
        (Document, "csv", "text/csv"),
        (Document, "doc", "application/msword"),
        (
            Document,
            "docx",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        (Document, "xls", "application/vnd.ms-excel"),
        (
            Document,
            "xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        (Document, "html", "text/html"),
        (Document, "txt", "text/plain"),
        (Document, "md", "text/markdown"),
        (Video, "mkv", "video/x-matroska"),
        (Video, "mov", "video/quicktime"),
        (Video, "mp4", "video/mp4"),
        (Video, "webm", "video/webm"),
        (Video, "flv", "video/x-flv"),
        (Video, "mpeg", "video/mpeg"),
        (Video, "mpg", "video/mpg"),
        (Video, "wmv", "video/x-ms-wmv"),
        (Video, "three_gp", "video/3gpp"),
        (Audio, "mp3", "audio/mp3"),
        (Audio, "mp3", "audio/mpeg"),
        (Audio, "opus", "audio/opus"),
        (Audio, "wav", "audio/wav"),
        (Audio, "wav", "audio/x-wav"),
        (Audio, "aac", "audio/aac"),
        (Audio, "flac", "audio/flac"),
        (Audio, "mp4", "audio/mp4"),
        (Audio, "ogg", "audio/ogg"),
        (Audio, "mkv", "audio/x-matroska"),
        (Audio, "mka", "audio/mka"),
        (Audio, "x-aac", "audio/x-aac"),
        (Audio, "m4a", "audio/m4a"),
        (Audio, "mpeg", "audio/x-mpeg"),
        (Audio, "mpga", "audio/mpga"),
        (Audio, "pcm", "audio/pcm"),
        (Audio, "pcm", "audio/pcm16"),
        (Audio, "webm", "audio/webm"),
    ]
};

/// Reads a block's inner object; what lies in a bucket of the caller's stays as it is, because nobody else can read
/// it.
pub(super) fn read<'a>(
    kind: MediaKind,
    raw: &'a RawValue,
    mut inner: Object<'a>,
) -> Result<Part<'a>, DecodeError> {
    let foreign = || Ok(Block::foreign(word(kind), raw).into());
    let Some(mut source) = inner.object("source")? else {
        return foreign();
    };
    if source.members().count() != 1 {
        return foreign();
    }
    let source = if let Some(base64) = source.text("bytes")? {
        let Some(media_type) = inner
            .text("format")?
            .and_then(|format| media_type(kind, &format))
        else {
            return foreign();
        };
        Source::Data {
            media_type: media_type.into(),
            base64,
        }
    } else if let (MediaKind::Document, Some(text)) = (kind, source.text("text")?) {
        // Text is text; only another format than that says something.
        if inner.peek("format").map(RawValue::get) == Some("\"txt\"") {
            inner.take("format");
        }
        Source::Text(text)
    } else {
        return foreign();
    };
    let name = match kind {
        MediaKind::Document => inner.text("name")?,
        _ => None,
    };
    Ok(Part {
        extra: inner,
        ..Part::from(Block::Media(Media {
            kind,
            source,
            name,
            detail: None,
        }))
    })
}

fn media_type(kind: MediaKind, format: &str) -> Option<&'static str> {
    FORMATS
        .iter()
        .find(|row| row.0 == kind && row.1 == format)
        .map(|row| row.2)
}

/// Writes a block up to the end of its inner object, which stays open for further members.
pub(in crate::converse) fn write(
    media: &Media<'_>,
    name: Option<&str>,
    param: &str,
    w: &mut Writer,
) -> Result<(), Untranslatable> {
    let refuse = |why: &str| Err(Untranslatable::new(param, why));
    let (format, member, data) = match &media.source {
        Source::Data { media_type, base64 } => {
            let known = FORMATS
                .iter()
                .find(|row| row.0 == media.kind && row.2 == media_type.as_ref());
            let Some((_, format, _)) = known else {
                return Err(Untranslatable::new(
                    param,
                    format!(
                        "Amazon Bedrock takes no {} of the type `{media_type}`",
                        word(media.kind)
                    ),
                ));
            };
            (*format, "bytes", base64)
        }
        Source::Text(text) => ("txt", "text", text),
        Source::Url { .. } => {
            return refuse("Amazon Bedrock fetches nothing by URL: send the bytes in base64");
        }
        Source::File(_) => {
            return refuse(
                "a file id is known to the provider that gave it only: send the bytes in base64",
            );
        }
        Source::Foreign(_) => {
            return refuse("Amazon Bedrock has no counterpart of it: send the bytes in base64");
        }
    };
    w.open().key(word(media.kind)).open();
    w.text("format", format);
    w.text_if("name", name);
    w.key("source").open().text(member, data).close();
    Ok(())
}

/// The member of the union.
fn word(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "image",
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
        MediaKind::Document => "document",
    }
}

/// Names of documents as Bedrock takes them: at most 200 characters, of letters, digits, hyphens, brackets and
/// single spaces, and none twice in a request.
///
/// Source: Amazon Bedrock's API reference, `DocumentBlock`.
#[derive(Debug, Default)]
pub(in crate::converse) struct DocumentNames {
    used: HashSet<String>,
    /// How often each name was wanted.
    wanted: HashMap<String, u32>,
}

impl DocumentNames {
    /// The name for a document that was called so.
    pub(in crate::converse) fn next(&mut self, wanted: Option<&str>) -> String {
        let mut name = String::new();
        for char in wanted.unwrap_or("document").chars().take(180) {
            let char = match char {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '(' | ')' | '[' | ']' => char,
                '.' | '_' => '-',
                _ => ' ',
            };
            if char != ' ' || !(name.is_empty() || name.ends_with(' ')) {
                name.push(char);
            }
        }
        let name = match name.trim_end() {
            "" => "document",
            name => name,
        };
        let mut unique = name.to_owned();
        let count = self.wanted.entry(unique.clone()).or_insert(0);
        // Another document may be called what a number makes of this one.
        while !self.used.insert(unique.clone()) {
            *count += 1;
            unique = format!("{name} ({})", *count + 1);
        }
        unique
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_bedrock_takes() {
        let mut names = DocumentNames::default();
        for (wanted, expected) in [
            (Some("Q3 report.pdf"), "Q3 report-pdf"),
            (Some("  a\t/ b"), "a b"),
            (Some("Q3 report.pdf"), "Q3 report-pdf (2)"),
            (Some("\u{e9}"), "document"),
            (None, "document (2)"),
        ] {
            assert_eq!(names.next(wanted), expected);
        }
        assert!(names.next(Some(&"x".repeat(500))).len() <= 200);
    }

    #[test]
    fn every_format_is_read_as_it_is_written() {
        for (kind, format, _) in FORMATS {
            let media_type = media_type(*kind, format).unwrap();
            let media = Media {
                kind: *kind,
                source: Source::Data {
                    media_type: media_type.into(),
                    base64: "QQ==".into(),
                },
                name: None,
                detail: None,
            };
            let mut w = Writer::default();
            write(&media, None, "", &mut w).unwrap();
            assert!(w.into_text().contains(&format!("\"format\":\"{format}\"")));
        }
    }
}
