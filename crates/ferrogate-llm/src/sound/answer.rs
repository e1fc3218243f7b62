//! What is answered: sound, or what was heard.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferrogate_types::Usage;

use super::{Recording, SpeechRequest};
use crate::UpstreamFault;
use crate::json::Writer;

/// What was spoken.
#[derive(Clone, Debug)]
pub struct Spoken {
    /// The sound.
    pub bytes: Vec<u8>,
    /// What it is.
    pub media_type: &'static str,
    /// What it used, where the provider tells.
    pub usage: Option<Usage>,
}

/// What was heard.
#[derive(Clone, Debug)]
pub struct Heard {
    /// What was said.
    pub text: String,
    /// What it used, where the provider tells.
    pub usage: Option<Usage>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoSound {
    /// The provider would not: another would not either, or it must not be asked.
    Refused(UpstreamFault),
    /// The provider could not.
    Broken(UpstreamFault),
}

impl NoSound {
    /// The provider could not, in our words.
    pub(super) fn broken(why: impl Into<String>) -> Self {
        Self::Broken(UpstreamFault::because(why))
    }

    /// The provider's filters stepped in.
    pub(super) fn refused(why: impl Into<String>) -> Self {
        Self::Refused(UpstreamFault {
            kind: Some("invalid_request_error".to_owned()),
            code: Some("content_policy_violation".to_owned()),
            ..UpstreamFault::because(why)
        })
    }
}

/// Bytes of sound in one event: no remainder in base64.
const EVENT: usize = 48 << 10;

/// Writes what was spoken for a caller, and says what it is: the sound, or events with it.
///
/// Source: OpenAI's OpenAPI document, `SpeechAudioDeltaEvent` and `SpeechAudioDoneEvent`.
pub fn write_spoken(spoken: Spoken, request: &SpeechRequest<'_>) -> (Vec<u8>, &'static str) {
    if !request.events {
        return (spoken.bytes, spoken.media_type);
    }
    let mut out = Vec::with_capacity(spoken.bytes.len() / 3 * 4 + 1024);
    let mut event = |write: &dyn Fn(&mut Writer)| {
        let mut w = Writer::default();
        w.open();
        write(&mut w);
        w.close();
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(&w.into_bytes());
        out.extend_from_slice(b"\n\n");
    };
    for piece in spoken.bytes.chunks(EVENT) {
        event(&|w| {
            w.text("type", "speech.audio.delta")
                .text("audio", &STANDARD.encode(piece));
        });
    }
    let usage = spoken.usage.unwrap_or_default();
    event(&|w| {
        w.text("type", "speech.audio.done").key("usage").open();
        counts(&usage, w);
        w.close();
    });
    (out, "text/event-stream")
}

/// Writes what was heard for a caller, and says what it is: JSON, or the bare text.
///
/// Source: OpenAI's OpenAPI document, `CreateTranscriptionResponseJson` and `TranscriptTextUsageTokens`.
pub fn write_heard(heard: &Heard, recording: &Recording<'_>) -> (Vec<u8>, &'static str) {
    if recording.format == Some("text") {
        return (
            format!("{}\n", heard.text).into_bytes(),
            "text/plain; charset=utf-8",
        );
    }
    let mut w = Writer::with_capacity(heard.text.len() + 256);
    w.open().text("text", &heard.text);
    if let Some(usage) = &heard.usage {
        w.key("usage").open().text("type", "tokens");
        counts(usage, &mut w);
        w.key("input_token_details").open();
        w.member("audio_tokens", &usage.audio_input);
        w.member(
            "text_tokens",
            &usage.input.saturating_sub(usage.audio_input),
        );
        w.close().close();
    }
    w.close();
    (w.into_bytes(), "application/json")
}

fn counts(usage: &Usage, w: &mut Writer) {
    w.member("input_tokens", &usage.input)
        .member("output_tokens", &usage.output)
        .member("total_tokens", &usage.total());
}
