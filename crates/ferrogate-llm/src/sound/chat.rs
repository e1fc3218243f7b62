//! Sound that is asked for in a conversation.
//!
//! Source: OpenAI's OpenAPI document, `CreateChatCompletionRequest`, `modalities` and `audio`.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use super::gemini::USUAL_VOICE;
use super::speech::is_of_openai;
use super::wav::Samples;
use crate::chat::{Block, ChatRequest, Media, MediaKind, Part, Source};
use crate::json::{self, Object};
use crate::{Dialect, Lossy};

/// What a caller of OpenAI's chat wants to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted<'a> {
    voice: Cow<'a, str>,
    /// How the sound is to be given.
    pub(crate) form: SoundForm,
}

/// How sound is given in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SoundForm {
    /// As a file.
    Wav,
    /// Bare samples.
    Pcm,
}

impl<'a> Wanted<'a> {
    /// What is wanted; none where nothing is, or what no model of Google's gives: other forms, and streams of sound.
    pub(crate) fn of(request: &ChatRequest<'a>) -> Option<Self> {
        if request.dialect != Dialect::OpenAiChat || request.stream {
            return None;
        }
        let modalities = request.extra.peek("modalities").and_then(json::array)?;
        let spoken = |raw: &&RawValue| json::text(raw).as_deref() == Some("audio");
        modalities.iter().find(|raw| spoken(raw))?;
        let mut audio = Object::of(request.extra.peek("audio")?)?;
        let form = match audio.text("format").ok()??.as_ref() {
            "wav" => SoundForm::Wav,
            "pcm16" => SoundForm::Pcm,
            _ => return None,
        };
        let voice = audio.text("voice").ok()??;
        Some(Self { voice, form })
    }

    /// The voice for a model of Google's.
    pub(crate) fn voice(&self, lossy: &mut Lossy) -> &str {
        if is_of_openai(&self.voice) {
            lossy.lose_named("audio.voice");
            return USUAL_VOICE;
        }
        &self.voice
    }
}

impl SoundForm {
    /// Makes one of all bare samples of an answer; sound of another kind stays as it is.
    pub(crate) fn gather(self, parts: &mut Vec<Part<'_>>) {
        let mut found: Option<(usize, Samples, Vec<u8>)> = None;
        let mut at = 0;
        parts.retain(|part| {
            let Some((samples, bytes)) = samples(part) else {
                at += 1;
                return true;
            };
            match &mut found {
                None => {
                    found = Some((at, samples, bytes));
                    at += 1;
                    true
                }
                Some((_, first, all)) if *first == samples => {
                    all.extend_from_slice(&bytes);
                    false
                }
                Some(_) => {
                    at += 1;
                    true
                }
            }
        });
        let Some((at, samples, pcm)) = found else {
            return;
        };
        let given = match self {
            Self::Pcm => Some(("audio/pcm", pcm)),
            Self::Wav => samples.to_wav(&pcm).map(|wav| ("audio/wav", wav)),
        };
        if let (Some((media_type, bytes)), Some(part)) = (given, parts.get_mut(at)) {
            part.block = Block::Media(Media {
                kind: MediaKind::Audio,
                source: Source::Data {
                    media_type: media_type.into(),
                    base64: STANDARD.encode(bytes).into(),
                },
                name: None,
                detail: None,
            });
        }
    }
}

/// The samples of a part, if it is that.
fn samples(part: &Part<'_>) -> Option<(Samples, Vec<u8>)> {
    let Block::Media(Media {
        kind: MediaKind::Audio,
        source: Source::Data { media_type, base64 },
        ..
    }) = &part.block
    else {
        return None;
    };
    let samples = Samples::of(media_type)?;
    Some((samples, STANDARD.decode(base64.as_ref()).ok()?))
}
