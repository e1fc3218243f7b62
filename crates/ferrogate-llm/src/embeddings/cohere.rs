//! Cohere's `embed`, version 2, and the same model behind Bedrock.
//!
//! Source: Cohere's API reference, `POST /v2/embed`; Amazon Bedrock's user guide, "Cohere Embed".

use std::borrow::Cow;

use ferrogate_types::Usage;
use serde_json::value::RawValue;

use super::request::{Call, Truncate, Word};
use super::task::Vocabulary;
use super::{Asked, EmbeddingAnswer, EmbeddingRequest, Encoding, Input, InputPart, Task, Vector};
use crate::chat::Source;
use crate::json::{self, Object, Writer};
use crate::protocol::Untranslatable;
use crate::{DecodeError, EmbeddingDialect, Lossy};

/// Types asked for at once; Cohere has six.
const MOST_TYPES: usize = 16;

pub(super) fn read_request(body: &[u8]) -> Result<EmbeddingRequest<'_>, DecodeError> {
    let mut object = Object::parse(body)?;
    let model = object.text("model")?.ok_or(DecodeError::Model)?;
    let texts = object.texts("texts")?;
    let mut inputs: Vec<Input<'_>> = texts.into_iter().map(Input::Text).collect();
    for url in object.texts("images")? {
        inputs.push(Input::Parts(vec![InputPart::Image(Source::of_url(url))]));
    }
    for (index, raw) in object
        .array("inputs")?
        .unwrap_or_default()
        .into_iter()
        .enumerate()
    {
        let parts = mixed(raw).ok_or_else(|| {
            DecodeError::wrong(format!("inputs[{index}]"), "an object with `content`")
        })?;
        inputs.push(Input::Parts(parts));
    }
    let mut request = EmbeddingRequest::new(EmbeddingDialect::Cohere, model, inputs);
    request.dimensions = object.unsigned("output_dimension")?;
    request.task = object.text("input_type")?.map(Task::new);
    request.types = object.texts("embedding_types")?;
    if request.types.len() > MOST_TYPES {
        return Err(DecodeError::wrong("embedding_types", "16 types at most"));
    }
    request.truncate = match object.text("truncate")?.as_deref() {
        None => None,
        Some("NONE") => Some(Truncate::None),
        Some("START") => Some(Truncate::Start),
        Some("END") => Some(Truncate::End),
        Some(_) => return Err(DecodeError::wrong("truncate", "one of NONE, START, END")),
    };
    request.extra = object;
    Ok(request)
}

fn mixed(raw: &RawValue) -> Option<Vec<InputPart<'_>>> {
    let content = Object::of(raw)?.array("content").ok()??;
    let parts = content.into_iter().map(|raw| {
        let mut object = Object::of(raw)?;
        match object.text("type").ok()??.as_ref() {
            "text" => Some(InputPart::Text(object.text("text").ok()??)),
            "image_url" => {
                let url = object.object("image_url").ok()??.text("url").ok()??;
                Some(InputPart::Image(Source::of_url(url)))
            }
            _ => None,
        }
    });
    parts.collect()
}

pub(super) fn write_call(
    call: &Call<'_, '_>,
    inputs: &[Input<'_>],
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    let request = call.request;
    let bedrock = call.dialect == EmbeddingDialect::BedrockCohere;
    let own = request.dialect == EmbeddingDialect::Cohere;
    let mut w = Writer::with_capacity(256);
    w.open();
    if !bedrock {
        w.text("model", call.model);
    }
    let pictures = inputs.iter().all(Input::is_image);
    write_inputs(call, inputs, pictures, &mut w)?;
    // Required from version 3 on; what is embedded without a word is to be found later.
    let fallback = if pictures { "image" } else { "search_document" };
    let task = match &request.task {
        Some(task) if own => task.word.as_ref(),
        Some(task) => task.in_words_of(Vocabulary::Cohere).unwrap_or_else(|| {
            call.lose_if(Word::Task, Some(task), lossy);
            fallback
        }),
        None => fallback,
    };
    w.text("input_type", task);
    let mut types: Vec<&str> = Vec::new();
    for kind in &request.types {
        // Base64 is made here.
        let kind = if kind == "base64" { "float" } else { kind };
        if !types.contains(&kind) {
            types.push(kind);
        }
    }
    if types.is_empty() && !bedrock {
        types.push("float");
    }
    if !types.is_empty() {
        w.member("embedding_types", &types);
    }
    w.member_if("output_dimension", request.dimensions.as_ref());
    w.text_if("truncate", request.truncate.map(Truncate::as_str));
    call.lose_if(Word::Title, request.title.as_ref(), lossy);
    if own && !bedrock {
        w.rest(&request.extra);
    } else {
        call.lose_own(lossy);
    }
    w.close();
    Ok(w.into_bytes())
}

fn write_inputs(
    call: &Call<'_, '_>,
    inputs: &[Input<'_>],
    pictures: bool,
    w: &mut Writer,
) -> Result<(), Untranslatable> {
    let refuse = || call.refuse(Word::Inputs, "send pictures as data or by URL");
    if inputs.iter().all(|input| matches!(input, Input::Text(_))) {
        w.key("texts").open_list();
        for input in inputs {
            w.string(&call.text(input)?);
        }
        w.close_list();
        return Ok(());
    }
    w.key(if pictures { "images" } else { "inputs" })
        .open_list();
    for input in inputs {
        if !pictures {
            w.open().key("content").open_list();
        }
        for part in call.parts(input)? {
            match part {
                InputPart::Text(text) => {
                    w.open().text("type", "text").text("text", &text).close();
                }
                InputPart::Image(source) => {
                    let url = source.to_url().ok_or_else(refuse)?;
                    if pictures {
                        w.string(&url);
                    } else {
                        w.open().text("type", "image_url").key("image_url");
                        w.open().text("url", &url).close().close();
                    }
                }
            }
        }
        if !pictures {
            w.close_list().close();
        }
    }
    w.close_list();
    Ok(())
}

pub(super) fn read_answer(body: &[u8]) -> Option<EmbeddingAnswer<'_>> {
    let mut object = Object::parse(body).ok()?;
    let raw = object.take("embeddings")?;
    let mut answer = EmbeddingAnswer {
        usage: object.take("meta").and_then(usage),
        ..EmbeddingAnswer::default()
    };
    match Object::of(raw) {
        // Older models behind Bedrock answer with a bare list.
        None => answer.vectors = vectors(raw)?,
        Some(by_type) => {
            for (kind, raw) in by_type.members() {
                if kind == "float" {
                    answer.vectors = vectors(raw)?;
                } else {
                    let list = json::array(raw)?;
                    answer.others.push((kind.to_owned().into(), list));
                }
            }
        }
    }
    Some(answer)
}

fn vectors(raw: &RawValue) -> Option<Vec<Vector<'_>>> {
    json::array(raw)?.into_iter().map(Vector::read).collect()
}

fn usage(meta: &RawValue) -> Option<Usage> {
    let mut billed = Object::of(meta)?.object("billed_units").ok()??;
    let mut count = |name| billed.unsigned(name).ok().flatten();
    let (text, images) = (count("input_tokens"), count("image_tokens"));
    text.or(images)?;
    let image_input = images.unwrap_or_default();
    Some(Usage {
        input: text.unwrap_or_default().saturating_add(image_input),
        image_input,
        ..Usage::default()
    })
}

pub(super) fn write_answer(answer: &EmbeddingAnswer<'_>, asked: &Asked) -> Option<Vec<u8>> {
    let mut w = Writer::with_capacity(answer.vectors.len() * 1024 + 256);
    w.open().text("id", &asked.id);
    w.key("embeddings").open();
    let all = [Cow::Borrowed("float")];
    let types: Vec<Cow<'_, str>> = match asked.types.as_slice() {
        [] => all.to_vec(),
        types => types.iter().map(|kind| kind.as_str().into()).collect(),
    };
    for kind in &types {
        let encoding = match kind.as_ref() {
            "float" => Encoding::Float,
            "base64" => Encoding::Base64,
            _ => continue,
        };
        w.key(kind).open_list();
        for vector in &answer.vectors {
            vector.write(encoding, &mut w)?;
        }
        w.close_list();
    }
    for (kind, list) in &answer.others {
        if types.contains(kind) && kind != "base64" {
            w.key(kind).value(list);
        }
    }
    w.close();
    w.key("meta").open();
    w.key("api_version").open().text("version", "2").close();
    if let Some(usage) = &answer.usage {
        w.key("billed_units").open();
        w.member("input_tokens", &usage.input).close();
    }
    w.close().text("response_type", "embeddings_by_type");
    w.close();
    Some(w.into_bytes())
}
