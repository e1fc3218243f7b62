//! Vertex AI's `predict` for embeddings of texts.
//!
//! Source: Vertex AI's API reference, "Text embeddings API".

use ferrogate_types::Usage;

use super::request::{Call, Truncate, Word};
use super::{EmbeddingAnswer, Input, Vector, gemini};
use crate::Lossy;
use crate::json::{Object, Writer};
use crate::protocol::Untranslatable;

pub(super) fn write_call(
    call: &Call<'_, '_>,
    inputs: &[Input<'_>],
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    let request = call.request;
    call.only_numbers()?;
    let mut w = Writer::with_capacity(256);
    w.open().key("instances").open_list();
    for input in inputs {
        w.open().text("content", &call.text(input)?);
        gemini::task(call, false, lossy, |word| {
            w.text("task_type", word);
        });
        w.text_if("title", request.title.as_deref()).close();
    }
    w.close_list();
    let truncate = match request.truncate {
        None => None,
        Some(Truncate::None) => Some(false),
        Some(Truncate::End) => Some(true),
        Some(Truncate::Start) => {
            call.lose_if(Word::Truncate, Some(&()), lossy);
            None
        }
    };
    if request.dimensions.is_some() || truncate.is_some() {
        w.key("parameters").open();
        w.member_if("outputDimensionality", request.dimensions.as_ref());
        w.member_if("autoTruncate", truncate.as_ref()).close();
    }
    w.close();
    call.lose_own(lossy);
    Ok(w.into_bytes())
}

pub(super) fn read_answer(body: &[u8]) -> Option<EmbeddingAnswer<'_>> {
    let mut object = Object::parse(body).ok()?;
    let mut vectors = Vec::new();
    let mut input = Some(0_u64);
    for raw in object.array("predictions").ok()?? {
        let mut embeddings = Object::of(raw)?.object("embeddings").ok()??;
        vectors.push(embeddings.take("values").and_then(Vector::read)?);
        let tokens = embeddings
            .object("statistics")
            .ok()
            .flatten()
            .and_then(|mut statistics| statistics.unsigned("token_count").ok()?);
        input = input
            .zip(tokens)
            .map(|(all, tokens)| all.saturating_add(tokens));
    }
    Some(EmbeddingAnswer {
        vectors,
        others: Vec::new(),
        usage: input.map(|input| Usage {
            input,
            ..Usage::default()
        }),
    })
}
