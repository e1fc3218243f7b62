//! Google's `embedContent` and `batchEmbedContents`.
//!
//! Source: Google's API reference, `EmbedContentRequest`, `BatchEmbedContentsResponse`.

use std::borrow::Cow;

use ferrogate_types::Usage;
use serde_json::value::RawValue;

use super::request::{Call, Word};
use super::task::Vocabulary;
use super::{EmbeddingAnswer, EmbeddingRequest, Encoding, Input, InputPart, Task, Vector};
use crate::chat::Source;
use crate::json::{Object, Writer};
use crate::protocol::{Address, Untranslatable};
use crate::{DecodeError, EmbeddingDialect, Lossy};

pub(super) fn read_request<'a>(
    body: &'a [u8],
    address: Address<'a>,
) -> Result<EmbeddingRequest<'a>, DecodeError> {
    let mut object = Object::parse(body)?;
    one(&mut object, EmbeddingDialect::Gemini, address)
}

/// The requests of a batch are one request when they agree in all but their content, and SDKs write none else.
pub(super) fn read_batch<'a>(
    body: &'a [u8],
    address: &Address<'a>,
) -> Result<EmbeddingRequest<'a>, DecodeError> {
    let mut object = Object::parse(body)?;
    let list = object
        .array("requests")?
        .ok_or_else(|| DecodeError::wrong("requests", "an array of requests"))?;
    let mut all: Option<EmbeddingRequest<'a>> = None;
    for (index, raw) in list.into_iter().enumerate() {
        let within = |error: DecodeError| error.within(format_args!("requests[{index}]"));
        let mut object =
            Object::of(raw).ok_or_else(|| within(DecodeError::wrong("", "an object")))?;
        let next =
            one(&mut object, EmbeddingDialect::GeminiBatch, address.clone()).map_err(within)?;
        match &mut all {
            None => all = Some(next),
            Some(all)
                if all.task == next.task
                    && all.dimensions == next.dimensions
                    && all.title == next.title =>
            {
                all.inputs.extend(next.inputs);
            }
            Some(_) => {
                return Err(within(DecodeError::wrong(
                    "",
                    "like the first request in all but its content",
                )));
            }
        }
    }
    let mut request = all.ok_or_else(|| DecodeError::wrong("requests", "one request at least"))?;
    for (name, raw) in object.members() {
        request.extra.put(name.to_owned(), raw);
    }
    Ok(request)
}

fn one<'a>(
    object: &mut Object<'a>,
    dialect: EmbeddingDialect,
    address: Address<'a>,
) -> Result<EmbeddingRequest<'a>, DecodeError> {
    // The path names the model; in the body it stands again, or not at all.
    let inner = object.text("model")?;
    let model = address.model.or(inner).ok_or(DecodeError::Model)?;
    let mut content = object
        .object("content")?
        .ok_or_else(|| DecodeError::wrong("content", "an object with `parts`"))?;
    let parts = content
        .array("parts")?
        .ok_or_else(|| DecodeError::wrong("content.parts", "an array of parts"))?;
    let parts = parts.into_iter().enumerate().map(|(index, raw)| {
        part(raw).ok_or_else(|| {
            DecodeError::wrong(format!("content.parts[{index}]"), "a text or a picture")
        })
    });
    let mut parts = parts.collect::<Result<Vec<_>, _>>()?;
    let input = match parts.pop() {
        Some(InputPart::Text(text)) if parts.is_empty() => Input::Text(text),
        last => {
            parts.extend(last);
            Input::Parts(parts)
        }
    };
    let mut request = EmbeddingRequest::new(dialect, model, vec![input]);
    request.dimensions = object.unsigned("outputDimensionality")?;
    request.task = object.text("taskType")?.map(Task::new);
    request.title = object.text("title")?;
    request.extra = std::mem::take(object);
    Ok(request)
}

fn part(raw: &RawValue) -> Option<InputPart<'_>> {
    let mut object = Object::of(raw)?;
    if let Ok(Some(text)) = object.text("text") {
        return Some(InputPart::Text(text));
    }
    let mut data = object.object("inlineData").ok()??;
    Some(InputPart::Image(Source::Data {
        media_type: data.text("mimeType").ok()??,
        base64: data.text("data").ok()??,
    }))
}

pub(super) fn write_call(
    call: &Call<'_, '_>,
    inputs: &[Input<'_>],
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    let mut w = Writer::with_capacity(256);
    w.open();
    for input in inputs {
        members(call, input, lossy, &mut w)?;
    }
    w.close();
    Ok(w.into_bytes())
}

pub(super) fn write_batch(
    call: &Call<'_, '_>,
    inputs: &[Input<'_>],
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    let name = match call.model.split_once('/') {
        Some(_) => Cow::Borrowed(call.model),
        None => Cow::Owned(format!("models/{}", call.model)),
    };
    let mut w = Writer::with_capacity(256);
    w.open().key("requests").open_list();
    for input in inputs {
        w.open().text("model", &name);
        members(call, input, lossy, &mut w)?;
        w.close();
    }
    w.close_list().close();
    Ok(w.into_bytes())
}

fn members(
    call: &Call<'_, '_>,
    input: &Input<'_>,
    lossy: &mut Lossy,
    w: &mut Writer,
) -> Result<(), Untranslatable> {
    let request = call.request;
    call.only_numbers()?;
    w.key("content").open().key("parts").open_list();
    for part in call.parts(input)? {
        match part {
            InputPart::Text(text) => {
                w.open().text("text", &text).close();
            }
            InputPart::Image(Source::Data { media_type, base64 }) => {
                w.open().key("inlineData").open();
                w.text("mimeType", &media_type).text("data", &base64);
                w.close().close();
            }
            InputPart::Image(_) => {
                return Err(call.refuse(Word::Inputs, "send pictures as data, not by URL"));
            }
        }
    }
    w.close_list().close();
    let own = matches!(
        request.dialect,
        EmbeddingDialect::Gemini | EmbeddingDialect::GeminiBatch
    );
    task(call, own, lossy, |word| {
        w.text("taskType", word);
    });
    w.text_if("title", request.title.as_deref());
    w.member_if("outputDimensionality", request.dimensions.as_ref());
    call.lose_if(Word::Truncate, request.truncate.as_ref(), lossy);
    if own {
        w.rest(&request.extra);
    } else {
        call.lose_own(lossy);
    }
    Ok(())
}

/// Hands on the task in Google's words, or notes that there is none.
pub(super) fn task(call: &Call<'_, '_>, own: bool, lossy: &mut Lossy, write: impl FnOnce(&str)) {
    let Some(task) = &call.request.task else {
        return;
    };
    match task.in_words_of(Vocabulary::Gemini) {
        _ if own => write(&task.word),
        Some(word) => write(word),
        None => call.lose_if(Word::Task, Some(task), lossy),
    }
}

pub(super) fn read_answer(body: &[u8]) -> Option<EmbeddingAnswer<'_>> {
    let mut object = Object::parse(body).ok()?;
    let list = match object.take("embedding") {
        Some(one) => vec![one],
        None => object.array("embeddings").ok()??,
    };
    let vectors = list
        .into_iter()
        .map(|raw| Object::of(raw)?.take("values").and_then(Vector::read));
    // Newer models count; older ones do not.
    let usage = object
        .object("usageMetadata")
        .ok()
        .flatten()
        .and_then(|mut usage| usage.unsigned("promptTokenCount").ok()?);
    Some(EmbeddingAnswer {
        vectors: vectors.collect::<Option<_>>()?,
        others: Vec::new(),
        usage: usage.map(|input| Usage {
            input,
            ..Usage::default()
        }),
    })
}

pub(super) fn write_answer(answer: &EmbeddingAnswer<'_>) -> Option<Vec<u8>> {
    let mut w = Writer::with_capacity(1024);
    w.open().key("embedding");
    values(answer.vectors.first()?, &mut w)?;
    w.close();
    Some(w.into_bytes())
}

pub(super) fn write_batch_answer(answer: &EmbeddingAnswer<'_>) -> Option<Vec<u8>> {
    let mut w = Writer::with_capacity(answer.vectors.len() * 1024);
    w.open().key("embeddings").open_list();
    for vector in &answer.vectors {
        values(vector, &mut w)?;
    }
    w.close_list().close();
    Some(w.into_bytes())
}

fn values(vector: &Vector<'_>, w: &mut Writer) -> Option<()> {
    w.open().key("values");
    vector.write(Encoding::Float, w)?;
    w.close();
    Some(())
}
