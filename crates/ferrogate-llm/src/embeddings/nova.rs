//! Amazon Nova on Bedrock: one text, or one picture, in each call.
//!
//! Source: Amazon Nova's user guide, "Multimodal embeddings: complete request and response schema".

use super::request::{Call, Truncate, Word};
use super::task::Vocabulary;
use super::{EmbeddingAnswer, Input, InputPart, Vector};
use crate::Lossy;
use crate::chat::Source;
use crate::json::{Object, Writer};
use crate::protocol::Untranslatable;

pub(super) fn write_call(
    call: &Call<'_, '_>,
    inputs: &[Input<'_>],
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    let request = call.request;
    call.only_numbers()?;
    let purpose = request.task.as_ref().and_then(|task| {
        let word = task.in_words_of(Vocabulary::Nova);
        if word.is_none() {
            call.lose_if(Word::Task, Some(task), lossy);
        }
        word
    });
    let mut w = Writer::with_capacity(256);
    w.open()
        .text("schemaVersion", "nova-multimodal-embed-v1")
        .text("taskType", "SINGLE_EMBEDDING");
    w.key("singleEmbeddingParams").open();
    // It must be said; what is embedded without a word is to be found later.
    w.text("embeddingPurpose", purpose.unwrap_or("GENERIC_INDEX"));
    w.member_if("embeddingDimension", request.dimensions.as_ref());
    for input in inputs {
        one(call, input, &mut w)?;
    }
    w.close().close();
    call.lose_if(Word::Title, request.title.as_ref(), lossy);
    call.lose_own(lossy);
    Ok(w.into_bytes())
}

fn one(call: &Call<'_, '_>, input: &Input<'_>, w: &mut Writer) -> Result<(), Untranslatable> {
    let refuse = || {
        call.refuse(
            Word::Inputs,
            "Amazon Nova embeds one text or one picture, which it takes as data",
        )
    };
    let parts = call.parts(input)?;
    match parts.as_slice() {
        [InputPart::Text(text)] => {
            let truncate = call.request.truncate.unwrap_or(Truncate::End);
            w.key("text").open().text("value", text);
            w.text("truncationMode", truncate.as_str()).close();
        }
        [InputPart::Image(Source::Data { media_type, base64 })] => {
            let format = media_type.strip_prefix("image/").ok_or_else(refuse)?;
            w.key("image").open().text("format", format);
            w.key("source").open().text("bytes", base64).close().close();
        }
        _ => return Err(refuse()),
    }
    Ok(())
}

pub(super) fn read_answer(body: &[u8]) -> Option<EmbeddingAnswer<'_>> {
    let mut object = Object::parse(body).ok()?;
    let list = object.array("embeddings").ok()??;
    let vectors = list
        .into_iter()
        .map(|raw| Object::of(raw)?.take("embedding").and_then(Vector::read));
    Some(EmbeddingAnswer {
        vectors: vectors.collect::<Option<_>>()?,
        // Bedrock counts in a header.
        ..EmbeddingAnswer::default()
    })
}
