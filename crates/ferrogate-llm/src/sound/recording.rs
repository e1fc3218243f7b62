//! A recording to be written down.

use std::borrow::Cow;

use crate::DecodeError;
use crate::form::Form;

/// What is wanted of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HearingTask {
    /// What is said.
    Transcribe,
    /// What is said, in English.
    Translate,
}

/// A request of OpenAI's dialect.
///
/// Source: OpenAI's OpenAPI document, `CreateTranscriptionRequest` and `CreateTranslationRequest`.
#[derive(Clone, Debug)]
pub struct Recording<'a> {
    /// What is wanted.
    pub task: HearingTask,
    /// The recording.
    pub bytes: &'a [u8],
    /// What it is, for instance `audio/wav`; none where neither its type nor its name tells.
    pub media_type: Option<Cow<'static, str>>,
    /// Languages that are spoken in it, as ISO 639 writes them.
    pub languages: Vec<&'a str>,
    /// Words that occur in it.
    pub keywords: Vec<&'a str>,
    /// What goes before, or how it is written.
    pub prompt: Option<&'a str>,
    /// What the answer is written as.
    pub format: Option<&'a str>,
    /// How freely it is written.
    pub temperature: Option<f64>,
    /// A stream is wanted.
    pub stream: bool,
    /// Fields nobody else knows.
    pub others: Vec<String>,
}

/// Media types of recordings by the end of their name, and other names of the same.
///
/// Sources: OpenAI's API reference, "Create transcription", `file`; the Gemini API's guide on audio understanding.
const MEDIA_TYPES: [(&str, &str, &[&str]); 12] = [
    (
        "wav",
        "audio/wav",
        &["audio/x-wav", "audio/wave", "audio/vnd.wave"],
    ),
    ("mp3", "audio/mp3", &["audio/mpeg", "audio/mpeg3"]),
    ("mpga", "audio/mp3", &[]),
    ("mpeg", "audio/mp3", &["video/mpeg"]),
    ("flac", "audio/flac", &["audio/x-flac"]),
    ("ogg", "audio/ogg", &["application/ogg"]),
    ("oga", "audio/ogg", &[]),
    ("opus", "audio/ogg", &["audio/opus"]),
    ("aac", "audio/aac", &["audio/x-aac"]),
    (
        "m4a",
        "audio/m4a",
        &["audio/mp4", "audio/x-m4a", "audio/mp4a-latm"],
    ),
    ("mp4", "audio/mp4", &["video/mp4"]),
    ("webm", "audio/webm", &["video/webm"]),
];

/// Reads a caller's form.
pub fn read_recording<'a>(
    task: HearingTask,
    content_type: &str,
    body: &'a [u8],
) -> Result<Recording<'a>, DecodeError> {
    let form = Form::new(content_type, body).ok_or(DecodeError::Form)?;
    let mut file = None;
    let mut read = Recording {
        task,
        bytes: &[],
        media_type: None,
        languages: Vec::new(),
        keywords: Vec::new(),
        prompt: None,
        format: None,
        temperature: None,
        stream: false,
        others: Vec::new(),
    };
    for part in form.parts() {
        if part.name == "file" {
            read.media_type = media_type(part.media_type.as_deref(), part.file_name.as_deref());
            file = Some(part.value);
            continue;
        }
        let text = std::str::from_utf8(part.value)
            .map_err(|_| DecodeError::wrong(part.name.clone(), "text"))?;
        // An empty field says as much as none.
        if text.is_empty() {
            continue;
        }
        match part.name.as_ref() {
            "model" => {}
            "language" | "languages" | "languages[]" => read.languages.push(text),
            "keywords" | "keywords[]" => read.keywords.push(text),
            "prompt" => read.prompt = Some(text),
            "response_format" => read.format = Some(text),
            "temperature" => {
                let number: Option<f64> = text.parse().ok();
                let number = number.filter(|number| number.is_finite());
                let wrong = || DecodeError::wrong("temperature", "a number");
                read.temperature = Some(number.ok_or_else(wrong)?);
            }
            "stream" => read.stream = text == "true",
            _ => read.others.push(part.name.into_owned()),
        }
    }
    read.bytes = file
        .filter(|bytes| !bytes.is_empty())
        .ok_or_else(|| DecodeError::wrong("file", "a recording"))?;
    Ok(read)
}

/// What a recording is: as the caller says, else by its name.
fn media_type(said: Option<&str>, name: Option<&str>) -> Option<Cow<'static, str>> {
    if let Some(said) = said {
        let known = MEDIA_TYPES
            .iter()
            .find(|(_, usual, others)| *usual == said || others.contains(&said));
        if let Some((_, usual, _)) = known {
            return Some(Cow::Borrowed(usual));
        }
        if said.starts_with("audio/") {
            return Some(Cow::Owned(said.to_owned()));
        }
    }
    let (_, end) = name?.trim_matches('"').rsplit_once('.')?;
    MEDIA_TYPES
        .iter()
        .find(|(known, ..)| end.eq_ignore_ascii_case(known))
        .map(|(_, usual, _)| Cow::Borrowed(*usual))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_what_its_type_or_its_name_says() {
        for (said, name, expected) in [
            (Some("audio/x-wav"), Some("a.mp3"), Some("audio/wav")),
            (Some("audio/mpeg"), None, Some("audio/mp3")),
            (Some("audio/amr"), Some("a.bin"), Some("audio/amr")),
            (
                Some("application/octet-stream"),
                Some("\"a.b.M4A\""),
                Some("audio/m4a"),
            ),
            (None, Some("speech.flac"), Some("audio/flac")),
            (Some("application/octet-stream"), Some("speech"), None),
            (None, None, None),
        ] {
            assert_eq!(
                media_type(said, name).as_deref(),
                expected,
                "{said:?} {name:?}"
            );
        }
    }
}
