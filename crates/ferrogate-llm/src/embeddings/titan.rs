//! Amazon Titan on Bedrock: one text, or one picture, in each call.
//!
//! Source: Amazon Bedrock's user guide, "Amazon Titan Embeddings models".

use ferrogate_types::Usage;

use super::request::{Call, Word};
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
    let mut w = Writer::with_capacity(256);
    w.open();
    let dimensions = request.dimensions.as_ref();
    if call.model.contains("titan-embed-image") {
        for input in inputs {
            pictured(call, input, &mut w)?;
        }
        if let Some(dimensions) = dimensions {
            w.key("embeddingConfig").open();
            w.member("outputEmbeddingLength", dimensions).close();
        }
    } else {
        for input in inputs {
            w.text("inputText", &call.text(input)?);
        }
        // The first version has one size.
        if call.model.contains("titan-embed-text-v1") || call.model.contains("titan-embed-g1") {
            call.lose_if(Word::Dimensions, dimensions, lossy);
        } else {
            w.member_if("dimensions", dimensions);
        }
    }
    w.close();
    call.lose_if(Word::Task, request.task.as_ref(), lossy);
    call.lose_if(Word::Title, request.title.as_ref(), lossy);
    call.lose_if(Word::Truncate, request.truncate.as_ref(), lossy);
    call.lose_own(lossy);
    Ok(w.into_bytes())
}

/// A text, a picture, or one of each.
fn pictured(call: &Call<'_, '_>, input: &Input<'_>, w: &mut Writer) -> Result<(), Untranslatable> {
    let (mut text, mut image) = (None, None);
    for part in call.parts(input)? {
        match part {
            InputPart::Text(said) if text.is_none() => text = Some(said),
            InputPart::Image(Source::Data { base64, .. }) if image.is_none() => {
                image = Some(base64);
            }
            _ => {
                return Err(call.refuse(
                    Word::Inputs,
                    "Amazon Titan embeds one text and one picture, which it takes as data",
                ));
            }
        }
    }
    w.text_if("inputText", text.as_deref());
    w.text_if("inputImage", image.as_deref());
    Ok(())
}

pub(super) fn read_answer(body: &[u8]) -> Option<EmbeddingAnswer<'_>> {
    let mut object = Object::parse(body).ok()?;
    let vector = object.take("embedding").and_then(Vector::read)?;
    let tokens = object.unsigned("inputTextTokenCount").ok().flatten();
    Some(EmbeddingAnswer {
        vectors: vec![vector],
        others: Vec::new(),
        usage: tokens.map(|input| Usage {
            input,
            ..Usage::default()
        }),
    })
}
