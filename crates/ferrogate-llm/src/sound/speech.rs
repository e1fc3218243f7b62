//! A text to be spoken.

use std::borrow::Cow;

use crate::json::{self, Object};
use crate::{DecodeError, Lossy};

/// A request of OpenAI's dialect.
///
/// Source: OpenAI's OpenAPI document, `CreateSpeechRequest`.
#[derive(Clone, Debug)]
pub struct SpeechRequest<'a> {
    /// What is to be said.
    pub input: Cow<'a, str>,
    /// Who says it.
    pub voice: Voice<'a>,
    /// How it is to be said.
    pub instructions: Option<Cow<'a, str>>,
    /// What the sound is written as; `mp3` when absent.
    pub format: Option<SpeechFormat>,
    /// How fast, 1 being usual.
    pub speed: Option<f64>,
    /// The sound is wanted in events.
    pub events: bool,
    /// A stream is wanted, as some providers have it.
    pub stream: bool,
    /// Members nobody else knows.
    pub extra: Object<'a>,
}

/// Who speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Voice<'a> {
    /// Nobody is named.
    Any,
    /// A voice by name.
    Named(Cow<'a, str>),
    /// A voice that only OpenAI keeps, by its id.
    Kept,
}

/// What sound is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpeechFormat {
    /// MP3.
    Mp3,
    /// Opus in Ogg.
    Opus,
    /// AAC.
    Aac,
    /// FLAC.
    Flac,
    /// WAV.
    Wav,
    /// 16 bits with a sign, little-endian, 24,000 times a second, without a header.
    Pcm,
}

/// OpenAI's voices. Source: OpenAI's OpenAPI document, `VoiceIdsShared`.
const VOICES: [&str; 13] = [
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage",
    "shimmer", "verse",
];

/// Whether a voice is OpenAI's.
pub(super) fn is_of_openai(voice: &str) -> bool {
    VOICES.contains(&voice)
}

impl SpeechRequest<'_> {
    /// The voice for another vendor's model; none where nobody is named, or a voice of OpenAI's, which is lost.
    pub(super) fn voice_elsewhere(&self, lossy: &mut Lossy) -> Option<&str> {
        match &self.voice {
            Voice::Any => return None,
            Voice::Named(name) if !is_of_openai(name) => return Some(name),
            Voice::Named(_) | Voice::Kept => {}
        }
        lossy.lose_named("voice");
        None
    }

    /// Notes a speed other than the usual one.
    pub(super) fn lose_speed(&self, lossy: &mut Lossy) {
        if self
            .speed
            .is_some_and(|speed| speed.total_cmp(&1.0).is_ne())
        {
            lossy.lose_named("speed");
        }
    }
}

/// Formats by name, with their media types.
const FORMATS: [(SpeechFormat, &str, &str); 6] = [
    (SpeechFormat::Mp3, "mp3", "audio/mpeg"),
    (SpeechFormat::Opus, "opus", "audio/opus"),
    (SpeechFormat::Aac, "aac", "audio/aac"),
    (SpeechFormat::Flac, "flac", "audio/flac"),
    (SpeechFormat::Wav, "wav", "audio/wav"),
    (SpeechFormat::Pcm, "pcm", "audio/pcm"),
];

impl SpeechFormat {
    fn row(self) -> (&'static str, &'static str) {
        let mut all = FORMATS.iter();
        all.find(|(format, ..)| *format == self)
            .map_or(("mp3", "audio/mpeg"), |(_, name, kind)| (name, kind))
    }

    /// Its name in requests.
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        self.row().1
    }
}

/// Reads a caller's request.
pub fn read_speech(body: &[u8]) -> Result<SpeechRequest<'_>, DecodeError> {
    let mut object = Object::parse(body)?;
    object.take("model");
    let input = object
        .text("input")?
        .ok_or_else(|| DecodeError::wrong("input", "a string"))?;
    let voice = match object.take("voice") {
        None => Voice::Any,
        Some(raw) => match json::text(raw) {
            Some(name) => Voice::Named(name),
            None if Object::of(raw).is_some() => Voice::Kept,
            None => return Err(DecodeError::wrong("voice", "a string or an object")),
        },
    };
    let format = match object.text("response_format")? {
        None => None,
        Some(name) => {
            let mut all = FORMATS.iter();
            let known = all.find(|row| row.1 == name).map(|row| row.0);
            let wrong =
                || DecodeError::wrong("response_format", "one of mp3, opus, aac, flac, wav, pcm");
            Some(known.ok_or_else(wrong)?)
        }
    };
    let events = match object.text("stream_format")?.as_deref() {
        None | Some("audio") => false,
        Some("sse") => true,
        Some(_) => return Err(DecodeError::wrong("stream_format", "one of audio, sse")),
    };
    Ok(SpeechRequest {
        input,
        voice,
        instructions: object
            .text("instructions")?
            .filter(|text| !text.trim().is_empty()),
        format,
        speed: object.number("speed")?,
        events,
        stream: object.flag("stream")?.unwrap_or(false),
        extra: object,
    })
}
