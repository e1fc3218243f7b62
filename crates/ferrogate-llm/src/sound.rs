//! Sound: texts that are spoken, and recordings that are written down.
//!
//! Callers speak OpenAI's dialect, and so do most providers: then bodies pass as they are. For the others a caller's
//! body is read ([speech](read_speech), [recordings](read_recording)), written in the provider's dialect, and the
//! answer made what OpenAI's would be. Sound is not converted: what a model speaks is given as it is, or with the header
//! that makes a file of it.

mod answer;
mod chat;
mod gemini;
mod mistral;
mod recording;
mod speech;
mod wav;

pub use self::answer::{Heard, NoSound, Spoken, write_heard, write_spoken};
pub(crate) use self::chat::{SoundForm, Wanted};
pub(crate) use self::gemini::settings as gemini_settings;
pub use self::recording::{HearingTask, Recording, read_recording};
pub use self::speech::{SpeechFormat, SpeechRequest, Voice, read_speech};
use crate::Lossy;
use crate::protocol::Untranslatable;

/// A wire dialect of speech.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpeechDialect {
    /// OpenAI's, which most providers speak.
    OpenAi,
    /// Google's models that speak, which are asked as in a conversation.
    Gemini,
    /// Mistral's, whose answers are JSON.
    Mistral,
}

/// A wire dialect of transcriptions and translations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HearingDialect {
    /// OpenAI's, which most providers speak.
    OpenAi,
    /// Google's models that listen, which are asked as in a conversation.
    Gemini,
}

/// Writes a request for speech, naming in `lossy` what it cannot carry. `model` is what the provider calls the model.
pub fn write_speech(
    dialect: SpeechDialect,
    request: &SpeechRequest<'_>,
    model: &str,
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    if request.stream {
        return Err(Untranslatable::new(
            "stream",
            "this provider does not stream speech: leave `stream` out",
        ));
    }
    match dialect {
        SpeechDialect::OpenAi => Err(as_it_is()),
        SpeechDialect::Gemini => gemini::write_speech(request, lossy),
        SpeechDialect::Mistral => mistral::write_speech(request, model, lossy),
    }
}

/// Reads what was spoken.
pub fn read_spoken(
    dialect: SpeechDialect,
    body: &[u8],
    request: &SpeechRequest<'_>,
) -> Result<Spoken, NoSound> {
    match dialect {
        SpeechDialect::OpenAi => Err(NoSound::broken("nothing is to be translated")),
        SpeechDialect::Gemini => gemini::read_spoken(body, request),
        SpeechDialect::Mistral => mistral::read_spoken(body, request),
    }
}

/// Writes a request to write a recording down, naming in `lossy` what it cannot carry.
pub fn write_recording(
    dialect: HearingDialect,
    recording: &Recording<'_>,
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    if recording.stream {
        return Err(Untranslatable::new(
            "stream",
            "this provider does not stream transcripts: leave `stream` out",
        ));
    }
    match dialect {
        HearingDialect::OpenAi => Err(as_it_is()),
        HearingDialect::Gemini => gemini::write_recording(recording, lossy),
    }
}

/// Reads what was heard.
pub fn read_heard(dialect: HearingDialect, body: &[u8]) -> Result<Heard, NoSound> {
    match dialect {
        HearingDialect::OpenAi => Err(NoSound::broken("nothing is to be translated")),
        HearingDialect::Gemini => gemini::read_heard(body),
    }
}

/// OpenAI's own bodies pass without being read.
fn as_it_is() -> Untranslatable {
    Untranslatable::new("model", "nothing is to be translated")
}
