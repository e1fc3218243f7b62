//! Mistral's speech: OpenAI's request in other words, and an answer of JSON.
//!
//! Source: Mistral's OpenAPI document, `SpeechRequest` and `SpeechResponse`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{NoSound, SpeechFormat, SpeechRequest, Spoken};
use crate::json::{Object, Writer};
use crate::protocol::Untranslatable;
use crate::{Lossy, UpstreamFault};

pub(super) fn write_speech(
    request: &SpeechRequest<'_>,
    model: &str,
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    let format = format(request);
    // Its bare samples are not those of OpenAI's `pcm`.
    if matches!(format, SpeechFormat::Aac | SpeechFormat::Pcm) {
        return Err(Untranslatable::new(
            "response_format",
            format!(
                "this provider speaks in `mp3`, `wav`, `flac` and `opus`, and not in `{}`",
                format.as_str()
            ),
        ));
    }
    let mut w = Writer::with_capacity(request.input.len() + 256);
    w.open()
        .text("model", model)
        .text("input", &request.input)
        .text("response_format", format.as_str());
    // In its own words the caller has said it already.
    if request.extra.peek("voice_id").is_none() {
        w.text_if("voice_id", request.voice_elsewhere(lossy));
    }
    if request.instructions.is_some() {
        lossy.lose_named("instructions");
    }
    request.lose_speed(lossy);
    // Its own members (`ref_audio`) are nobody else's.
    w.rest(&request.extra).close();
    Ok(w.into_bytes())
}

pub(super) fn read_spoken(body: &[u8], request: &SpeechRequest<'_>) -> Result<Spoken, NoSound> {
    if let Some(fault) = UpstreamFault::in_answer(body) {
        return Err(NoSound::Broken(fault));
    }
    let audio = Object::parse(body)
        .ok()
        .and_then(|mut object| object.text("audio_data").ok()?);
    let bytes = audio.and_then(|audio| STANDARD.decode(audio.as_ref()).ok());
    Ok(Spoken {
        bytes: bytes.ok_or_else(|| NoSound::broken("the answer holds no sound"))?,
        media_type: format(request).media_type(),
        usage: crate::read_usage(body),
    })
}

/// What OpenAI's callers expect where they say nothing.
fn format(request: &SpeechRequest<'_>) -> SpeechFormat {
    request.format.unwrap_or(SpeechFormat::Mp3)
}
