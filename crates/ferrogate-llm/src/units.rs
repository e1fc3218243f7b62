//! What a call used besides tokens.

use ferrogate_types::{Units, Usage};

use crate::json::{self, Object};
use crate::{EmbeddingDialect, ModelRequest, Operation, embeddings, read_usage};

/// What a whole answer used: tokens where the provider tells, and pictures, seconds, characters or searches by what
/// was asked and answered. `None` where nobody can tell, so that an estimate has to do.
pub fn read_spent(request: &ModelRequest, answer: &[u8]) -> Option<Usage> {
    let operation = request.surface().operation();
    let tokens = read_usage(answer);
    let units = match operation {
        // Counting and checking cost nothing.
        Operation::CountTokens(_) | Operation::Moderations => return Some(Usage::default()),
        Operation::Images(_) | Operation::ImageEdits(_) | Operation::ImageVariations(_) => Units {
            images: count(answer, "data")?,
            ..Units::default()
        },
        Operation::Speech(_) => Units {
            characters: Object::parse(request.body())
                .ok()
                .and_then(|mut body| body.text("input").ok()?)
                .map(|text| text.chars().count() as u64)?,
            ..Units::default()
        },
        Operation::Transcriptions(_) | Operation::Translations(_) => Units {
            audio_seconds: seconds(answer).unwrap_or_default(),
            ..Units::default()
        },
        Operation::Rerank(_) => Units {
            search_units: searches(answer).unwrap_or(1),
            ..Units::default()
        },
        // Of other dialects than OpenAI's the usage stands elsewhere.
        Operation::Embeddings(dialect) if dialect != EmbeddingDialect::OpenAi => {
            return embeddings::read_answer(dialect, answer).ok()?.usage;
        }
        Operation::Chat(_)
        | Operation::Completions
        | Operation::Embeddings(_)
        | Operation::Realtime => return tokens,
    };
    Some(Usage {
        units,
        ..tokens.unwrap_or_default()
    })
}

fn count(answer: &[u8], list: &'static str) -> Option<u64> {
    let list = Object::parse(answer).ok()?.array(list).ok()??;
    u64::try_from(list.len()).ok()
}

/// `usage: {type: duration, seconds}`, Mistral's `prompt_audio_seconds`, or the `duration` of a verbose
/// transcription; begun seconds count whole. Sources: OpenAI's API reference, "Create transcription"; Mistral's,
/// `UsageInfo`.
pub(crate) fn seconds(answer: &[u8]) -> Option<u64> {
    let mut object = Object::parse(answer).ok()?;
    let told = object
        .object("usage")
        .ok()
        .flatten()
        .and_then(|mut usage| {
            let seconds = usage.take("seconds");
            seconds.or_else(|| usage.take("prompt_audio_seconds"))
        })
        .or_else(|| object.take("duration"))?;
    let seconds = json::number(told)?.ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bounded to what a recording can be"
    )]
    let whole = seconds.clamp(0.0, 1e9) as u64;
    Some(whole)
}

/// `meta: {billed_units: {search_units}}`. Source: Cohere's API reference, "Rerank".
fn searches(answer: &[u8]) -> Option<u64> {
    let mut object = Object::parse(answer).ok()?;
    let mut meta = object.object("meta").ok()??;
    let mut billed = meta.object("billed_units").ok()??;
    billed.unsigned("search_units").ok()?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Surface;

    fn spent(path: &str, body: &str, answer: &str) -> Option<Usage> {
        let (surface, model) = Surface::at(path).unwrap();
        let body = body.to_owned().into();
        let request = ModelRequest::decode(surface, model.as_deref(), body).unwrap();
        read_spent(&request, answer.as_bytes())
    }

    #[test]
    fn counts_what_is_not_tokens() {
        let units = |path, body, answer| spent(path, body, answer).unwrap().units;
        let images = units(
            "/v1/images/generations",
            r#"{"model":"m"}"#,
            r#"{"data":[{},{}]}"#,
        );
        assert_eq!(images.images, 2);
        let speech = units(
            "/v1/audio/speech",
            r#"{"model":"m","input":"h\u00e9y"}"#,
            "",
        );
        assert_eq!(speech.characters, 3);
        let rerank = units(
            "/v2/rerank",
            r#"{"model":"m"}"#,
            r#"{"meta":{"billed_units":{"search_units":2.0}}}"#,
        );
        assert_eq!(rerank.search_units, 2);
        assert_eq!(
            units("/v1/rerank", r#"{"model":"m"}"#, "{}").search_units,
            1
        );
        let counted = spent(
            "/v1/messages/count_tokens",
            r#"{"model":"m"}"#,
            r#"{"input_tokens":9}"#,
        );
        assert_eq!(counted, Some(Usage::default()));
        let chat = spent("/v1/chat/completions", r#"{"model":"m"}"#, "{}");
        assert_eq!(chat, None);
    }

    #[test]
    fn begun_seconds_count_whole() {
        assert_eq!(
            seconds(br#"{"text":"x","usage":{"type":"duration","seconds":7.2}}"#),
            Some(8)
        );
        assert_eq!(seconds(br#"{"duration":3}"#), Some(3));
        assert_eq!(
            seconds(br#"{"text":"x","usage":{"prompt_tokens":4,"prompt_audio_seconds":12}}"#),
            Some(12)
        );
        assert_eq!(seconds(br#"{"duration":1e300}"#), Some(1_000_000_000));
    }
}
