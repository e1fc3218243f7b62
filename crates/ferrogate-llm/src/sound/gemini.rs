//! Google's models that speak or listen, which are asked as in a conversation.
//!
//! Sources: the Gemini API's guides "Speech generation" and "Audio understanding"; its reference, `SpeechConfig`.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferrogate_types::Usage;

use super::wav::Samples;
use super::{Heard, HearingTask, NoSound, Recording, SpeechFormat, SpeechRequest, Spoken};
use crate::chat::{Answer, Block, FinishReason, Media, MediaKind, Source};
use crate::json::{self, Object, Writer};
use crate::protocol::Untranslatable;
use crate::{Dialect, Lossy};

/// Who speaks where the caller names a voice of OpenAI's: the voice of Google's own examples.
pub(super) const USUAL_VOICE: &str = "Kore";

pub(super) fn write_speech(
    request: &SpeechRequest<'_>,
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    match request.format {
        Some(SpeechFormat::Wav | SpeechFormat::Pcm) => {}
        // It would be `mp3`, and nobody asked for that by name.
        None => lossy.lose_named("response_format"),
        Some(other) => {
            return Err(Untranslatable::new(
                "response_format",
                format!(
                    "this provider speaks in `wav` and `pcm`, and `{}` is not made of them here",
                    other.as_str()
                ),
            ));
        }
    }
    let voice = request.voice_elsewhere(lossy).unwrap_or(USUAL_VOICE);
    request.lose_speed(lossy);
    lossy.lose_members("", &request.extra);
    let mut w = Writer::with_capacity(request.input.len() + 512);
    w.open().key("contents").open_list();
    w.open().text("role", "user").key("parts").open_list();
    match &request.instructions {
        None => w.open().text("text", &request.input).close(),
        // How it is said stands before what is said, with a colon between them.
        Some(how) => {
            let how = how.trim().trim_end_matches([':', '.']);
            let text = format!("{how}:\n{}", request.input);
            w.open().text("text", &text).close()
        }
    };
    w.close_list().close().close_list();
    w.key("generationConfig").open();
    settings(voice, &mut w);
    w.close().close();
    Ok(w.into_bytes())
}

/// Settings that make a model speak.
pub(crate) fn settings(voice: &str, w: &mut Writer) {
    w.key("responseModalities").open_list();
    w.string("AUDIO").close_list();
    w.key("speechConfig").open();
    w.key("voiceConfig").open();
    w.key("prebuiltVoiceConfig").open();
    w.text("voiceName", voice);
    w.close().close().close();
}

pub(super) fn read_spoken(body: &[u8], request: &SpeechRequest<'_>) -> Result<Spoken, NoSound> {
    let answer = read(body)?;
    let mut samples = None;
    let mut bytes = Vec::new();
    let media = answer.choices.iter().flat_map(|choice| &choice.parts);
    for part in media {
        let Block::Media(Media {
            kind: MediaKind::Audio,
            source: Source::Data { media_type, base64 },
            ..
        }) = &part.block
        else {
            continue;
        };
        let what = Samples::of(media_type)
            .ok_or_else(|| NoSound::broken(format!("the sound is `{media_type}`")))?;
        if *samples.get_or_insert(what) != what {
            return Err(NoSound::broken("the sound changes its form"));
        }
        let piece = STANDARD
            .decode(base64.as_ref())
            .map_err(|_| NoSound::broken("the sound is no base64"))?;
        bytes.extend_from_slice(&piece);
    }
    let Some(samples) = samples else {
        return Err(silence(&answer, "the model said nothing"));
    };
    let usage = answer.usage.map(|usage| Usage {
        // All that it makes is sound, whether it says so or not.
        audio_output: usage.output.saturating_sub(usage.reasoning),
        ..usage
    });
    let format = request.format.unwrap_or(SpeechFormat::Wav);
    if format == SpeechFormat::Wav {
        bytes = samples
            .to_wav(&bytes)
            .ok_or_else(|| NoSound::broken("the sound is too long for a file"))?;
    }
    Ok(Spoken {
        bytes,
        media_type: format.media_type(),
        usage,
    })
}

pub(super) fn write_recording(
    recording: &Recording<'_>,
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    if !matches!(recording.format, None | Some("json" | "text")) {
        return Err(Untranslatable::new(
            "response_format",
            "this provider does not tell when what is said: ask for `json` or `text`",
        ));
    }
    let media_type = recording.media_type.as_deref().ok_or_else(|| {
        Untranslatable::new(
            "file",
            "nothing tells what the file is: give it a name such as `speech.wav`, or a media type",
        )
    })?;
    for name in &recording.others {
        lossy.lose_named(name.clone());
    }
    let mut w = Writer::with_capacity(recording.bytes.len() / 3 * 4 + 1024);
    w.open().key("contents").open_list();
    w.open().text("role", "user").key("parts").open_list();
    w.open().text("text", &instruction(recording)).close();
    w.open().key("inlineData").open();
    w.text("mimeType", media_type)
        .text("data", &STANDARD.encode(recording.bytes));
    w.close().close();
    w.close_list().close().close_list();
    if let Some(temperature) = &recording.temperature {
        w.key("generationConfig").open();
        w.member("temperature", temperature).close();
    }
    w.close();
    Ok(w.into_bytes())
}

/// What a model of conversations is told to do with a recording.
fn instruction(recording: &Recording<'_>) -> String {
    let mut text = match recording.task {
        HearingTask::Transcribe => {
            "Write down word for word what is said in this recording, in the language in which it is said."
        }
        HearingTask::Translate => "Write down in English what is said in this recording.",
    }
    .to_owned();
    text.push_str(
        " Answer with nothing but these words, and with nothing at all if nothing is said.",
    );
    let mut more = |what: &str, words: &str| {
        // Writing to a string does not fail.
        let written = write!(text, "\n{what}: {words}");
        debug_assert!(written.is_ok());
    };
    if !recording.languages.is_empty() {
        more("Spoken in (ISO 639)", &recording.languages.join(", "));
    }
    if !recording.keywords.is_empty() {
        more("Words that may occur", &recording.keywords.join(", "));
    }
    if let Some(prompt) = recording.prompt {
        more("Text that goes before it, or hints how to write it", prompt);
    }
    text
}

pub(super) fn read_heard(body: &[u8]) -> Result<Heard, NoSound> {
    let answer = read(body)?;
    let mut text = String::new();
    for part in answer.choices.iter().flat_map(|choice| &choice.parts) {
        if let Block::Text { text: said, .. } = &part.block {
            text.push_str(said);
        }
    }
    let stopped = answer
        .choices
        .iter()
        .any(|choice| choice.finish == FinishReason::Stop);
    // Where nothing is said nothing is heard, and that is an answer.
    if text.is_empty() && !stopped {
        return Err(silence(&answer, "the model wrote nothing"));
    }
    Ok(Heard {
        text: text.trim().to_owned(),
        usage: answer.usage,
    })
}

fn read(body: &[u8]) -> Result<Answer<'_>, NoSound> {
    let read = Dialect::Gemini.protocol().read_answer(body);
    read.map_err(NoSound::Broken)
}

/// Why there is nothing in an answer.
fn silence(answer: &Answer<'_>, nothing: &str) -> NoSound {
    let blocked = answer.extra.peek("promptFeedback").and_then(Object::of);
    let choice = answer.choices.first();
    let word = choice
        .and_then(|choice| choice.extra.twin("finishReason"))
        .or_else(|| blocked.as_ref()?.peek("blockReason"))
        .and_then(json::text);
    let why = match word {
        Some(word) => format!("{nothing}: {word}"),
        None => nothing.to_owned(),
    };
    match choice {
        Some(choice) if choice.finish == FinishReason::ContentFilter => NoSound::refused(why),
        _ => NoSound::broken(why),
    }
}
