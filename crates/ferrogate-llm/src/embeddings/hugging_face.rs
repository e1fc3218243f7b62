//! Hugging Face's task `feature-extraction`.
//!
//! Source: Hugging Face's documentation of inference providers, "Feature Extraction".

use super::request::{Call, Truncate, Word};
use super::{EmbeddingAnswer, Input, Vector};
use crate::Lossy;
use crate::json::{self, Writer};
use crate::protocol::Untranslatable;

pub(super) fn write_call(
    call: &Call<'_, '_>,
    inputs: &[Input<'_>],
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    let request = call.request;
    call.only_numbers()?;
    let mut w = Writer::with_capacity(256);
    w.open().key("inputs").open_list();
    for input in inputs {
        w.string(&call.text(input)?);
    }
    w.close_list();
    if let Some(truncate) = request.truncate {
        w.member("truncate", &(truncate != Truncate::None));
        if truncate == Truncate::Start {
            w.text("truncation_direction", "left");
        }
    }
    w.close();
    call.lose_if(Word::Dimensions, request.dimensions.as_ref(), lossy);
    call.lose_if(Word::Task, request.task.as_ref(), lossy);
    call.lose_if(Word::Title, request.title.as_ref(), lossy);
    call.lose_own(lossy);
    Ok(w.into_bytes())
}

/// The bare list; one vector for each token of a text, as some models answer, is no vector of the text.
pub(super) fn read_answer(body: &[u8]) -> Option<EmbeddingAnswer<'_>> {
    let list = json::array(serde_json::from_slice(body).ok()?)?;
    let vectors = list.into_iter().map(|raw| {
        let numbers = raw.get().strip_prefix('[')?.trim_start();
        let flat = !numbers.starts_with('[');
        flat.then_some(raw).and_then(Vector::read)
    });
    Some(EmbeddingAnswer {
        vectors: vectors.collect::<Option<_>>()?,
        ..EmbeddingAnswer::default()
    })
}
