//! OpenAI's dialect.
//!
//! Source: OpenAI's OpenAPI document, `CreateEmbeddingRequest` and `CreateEmbeddingResponse`.

use serde_json::value::RawValue;

use super::request::{Call, Word};
use super::variant::Variant;
use super::{Asked, EmbeddingAnswer, EmbeddingRequest, Encoding, Input, Task, Vector};
use crate::json::{self, Object, Writer};
use crate::protocol::Untranslatable;
use crate::{DecodeError, EmbeddingDialect, Lossy};

pub(super) fn read_request(body: &[u8]) -> Result<EmbeddingRequest<'_>, DecodeError> {
    let mut object = Object::parse(body)?;
    let model = object.text("model")?.ok_or(DecodeError::Model)?;
    let inputs = object
        .take("input")
        .and_then(inputs)
        .ok_or_else(|| DecodeError::wrong("input", "a text, tokens, or an array of either"))?;
    let mut request = EmbeddingRequest::new(EmbeddingDialect::OpenAi, model, inputs);
    request.dimensions = object.unsigned("dimensions")?;
    request.encoding = match object.text("encoding_format")?.as_deref() {
        None | Some("float") => Encoding::Float,
        Some("base64") => Encoding::Base64,
        Some(_) => {
            return Err(DecodeError::wrong(
                "encoding_format",
                "one of float, base64",
            ));
        }
    };
    request.user = object.text("user")?;
    // Servers that speak the dialect and tell queries from documents have this member.
    request.task = object.text("input_type")?.map(Task::new);
    request.extra = object;
    Ok(request)
}

fn inputs(raw: &RawValue) -> Option<Vec<Input<'_>>> {
    if let Some(text) = json::text(raw) {
        return Some(vec![Input::Text(text)]);
    }
    let list = json::array(raw)?;
    if list
        .first()
        .is_some_and(|first| json::number(first).is_some())
    {
        return tokens(raw).map(|input| vec![input]);
    }
    list.into_iter()
        .map(|raw| match json::text(raw) {
            Some(text) => Some(Input::Text(text)),
            None => tokens(raw),
        })
        .collect()
}

fn tokens(raw: &RawValue) -> Option<Input<'_>> {
    let list = json::array(raw)?;
    let whole = list.iter().all(|raw| json::unsigned(raw).is_some());
    (whole && !list.is_empty()).then_some(Input::Tokens(raw))
}

pub(super) fn write_call(
    call: &Call<'_, '_>,
    inputs: &[Input<'_>],
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    let request = call.request;
    let own = request.dialect == EmbeddingDialect::OpenAi;
    let variant = Variant::of(call.dialect);
    call.only_numbers()?;
    let mut w = Writer::with_capacity(256);
    w.open().text("model", call.model);
    w.key("input").open_list();
    for input in inputs {
        match input {
            // Of all vendors only OpenAI has OpenAI's tokens; its dialect may lead to anyone.
            Input::Tokens(raw) if call.dialect == EmbeddingDialect::OpenAi => {
                w.raw(raw);
            }
            other => {
                w.string(&call.text(other)?);
            }
        }
    }
    w.close_list();
    w.member_if(variant.dimensions, request.dimensions.as_ref());
    if variant.user {
        w.text_if("user", request.user.as_deref());
    } else {
        call.lose_if(Word::User, request.user.as_ref(), lossy);
    }
    call.lose_if(Word::Title, request.title.as_ref(), lossy);
    if !variant.truncate(request, &mut w) {
        call.lose_if(Word::Truncate, request.truncate.as_ref(), lossy);
    }
    task(call, variant, own, &mut w, lossy);
    if own {
        // Numbers can be made into base64 here, and are the default of servers that know nothing else.
        w.rest(&request.extra);
    } else {
        lossy.lose_members("", &request.extra);
    }
    w.close();
    Ok(w.into_bytes())
}

/// Says what the vectors are for, in the vendor's word for it.
fn task(call: &Call<'_, '_>, variant: &Variant, own: bool, w: &mut Writer, lossy: &mut Lossy) {
    let request = call.request;
    let task = request.task.as_ref();
    let Some((name, vocabulary)) = variant.task else {
        // A server that speaks the dialect may have the caller's word.
        match task {
            Some(task) if own => {
                w.text("input_type", &task.word);
            }
            task => call.lose_if(Word::Task, task, lossy),
        }
        return;
    };
    // What the caller writes in the vendor's own form goes along by itself.
    if own && name != "input_type" && request.extra.peek(name).is_some() {
        call.lose_if(Word::Task, task, lossy);
        return;
    }
    let word = task.and_then(|task| match task.in_words_of(vocabulary) {
        None if own && name == "input_type" => Some(task.word.as_ref()),
        word => word,
    });
    if word.is_none() {
        call.lose_if(Word::Task, task, lossy);
    }
    // The model's name can say it as well. Source: NVIDIA NIM's API reference, "model".
    let named = call.model.ends_with("-query") || call.model.ends_with("-passage");
    let usual = variant.usual_task.filter(|_| !named);
    w.text_if(name, word.or(usual));
}

/// An answer whose vectors are base64 of whole numbers of 8 bits.
pub(super) fn read_small_answer(body: &[u8]) -> Option<EmbeddingAnswer<'_>> {
    let mut answer = read_answer(body)?;
    for vector in &mut answer.vectors {
        vector.is_of_bytes();
    }
    Some(answer)
}

pub(super) fn read_answer(body: &[u8]) -> Option<EmbeddingAnswer<'_>> {
    let mut object = Object::parse(body).ok()?;
    let mut found = Vec::new();
    for (place, raw) in object.array("data").ok()??.into_iter().enumerate() {
        let mut item = Object::of(raw)?;
        let index = item.unsigned("index").ok().flatten();
        let index = index.and_then(|index| usize::try_from(index).ok());
        let vector = item.take("embedding").and_then(Vector::read)?;
        found.push((index.unwrap_or(place), vector));
    }
    found.sort_by_key(|(index, _)| *index);
    Some(EmbeddingAnswer {
        vectors: found.into_iter().map(|(_, vector)| vector).collect(),
        others: Vec::new(),
        usage: object
            .take("usage")
            .and_then(|raw| crate::usage::read_object(raw.get().as_bytes())),
    })
}

pub(super) fn write_answer(answer: &EmbeddingAnswer<'_>, asked: &Asked) -> Option<Vec<u8>> {
    let mut w = Writer::with_capacity(answer.vectors.len() * 1024 + 256);
    w.open().text("object", "list");
    w.key("data").open_list();
    for (index, vector) in answer.vectors.iter().enumerate() {
        w.open().text("object", "embedding");
        w.member("index", &index).key("embedding");
        vector.write(asked.encoding, &mut w)?;
        w.close();
    }
    w.close_list().text("model", &asked.model);
    let usage = answer.usage.unwrap_or_default();
    w.key("usage").open();
    w.member("prompt_tokens", &usage.input);
    w.member("total_tokens", &usage.input).close().close();
    Some(w.into_bytes())
}
