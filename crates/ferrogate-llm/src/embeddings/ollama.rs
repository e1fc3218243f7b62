//! Ollama's own `embed`.
//!
//! Source: Ollama's API document, "Generate Embeddings".

use ferrogate_types::Usage;

use super::request::{Call, Truncate, Word};
use super::{EmbeddingAnswer, Input, Vector};
use crate::Lossy;
use crate::json::{self, Object, Writer};
use crate::protocol::Untranslatable;

pub(super) fn write_call(
    call: &Call<'_, '_>,
    inputs: &[Input<'_>],
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    let request = call.request;
    call.only_numbers()?;
    let mut w = Writer::with_capacity(256);
    w.open().text("model", call.model);
    w.key("input").open_list();
    for input in inputs {
        w.string(&call.text(input)?);
    }
    w.close_list();
    w.member_if("dimensions", request.dimensions.as_ref());
    match request.truncate {
        None => {}
        Some(Truncate::None) => {
            w.member("truncate", &false);
        }
        Some(Truncate::End) => {
            w.member("truncate", &true);
        }
        Some(Truncate::Start) => call.lose_if(Word::Truncate, Some(&()), lossy),
    }
    w.close();
    call.lose_if(Word::Task, request.task.as_ref(), lossy);
    call.lose_if(Word::Title, request.title.as_ref(), lossy);
    call.lose_own(lossy);
    Ok(w.into_bytes())
}

pub(super) fn read_answer(body: &[u8]) -> Option<EmbeddingAnswer<'_>> {
    let mut object = Object::parse(body).ok()?;
    let list = object.take("embeddings").and_then(json::array)?;
    let tokens = object.unsigned("prompt_eval_count").ok().flatten();
    Some(EmbeddingAnswer {
        vectors: list.into_iter().map(Vector::read).collect::<Option<_>>()?,
        others: Vec::new(),
        usage: tokens.map(|input| Usage {
            input,
            ..Usage::default()
        }),
    })
}
