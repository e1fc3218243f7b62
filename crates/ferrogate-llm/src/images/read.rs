//! A request in OpenAI's dialect, as JSON or as a form.
//!
//! Source: OpenAI's OpenAPI document, `CreateImageRequest`, `CreateImageEditRequest`, `EditImageBodyJsonParam`,
//! `CreateImageVariationRequest`.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use super::answer::media_type_of;
use super::request::MOST_MADE;
use super::{ImageRequest, ImageTask};
use crate::DecodeError;
use crate::chat::Source;
use crate::form::{Form, FormPart};
use crate::json::Object;

/// Pictures that are edited at once. Source: `CreateImageEditRequest`, `image`.
const MOST_PICTURES: usize = 16;

/// Members that nobody but OpenAI has.
const OPENAIS_OWN: [&str; 7] = [
    "complexity",
    "frame_count",
    "frame_duration_ms",
    "input_fidelity",
    "partial_images",
    "safety_identifier",
    "svg",
];

/// Reads a caller's request. `content_type` tells a form from JSON.
pub fn read_request<'a>(
    task: ImageTask,
    content_type: &str,
    body: &'a [u8],
) -> Result<ImageRequest<'a>, DecodeError> {
    let (mut fields, pictures, mask) = match Form::new(content_type, body) {
        Some(form) => of_form(&form)?,
        None => of_json(body)?,
    };
    let wrong = |name: &str, expected: &'static str| Err(DecodeError::wrong(name, expected));
    fields.text("model")?.ok_or(DecodeError::Model)?;
    let prompt = fields.text("prompt")?.unwrap_or_default();
    if prompt.is_empty() && task != ImageTask::Vary {
        return wrong("prompt", "a string that is not empty");
    }
    let n = fields.number("n")?.unwrap_or(1);
    if !(1..=MOST_MADE).contains(&n) {
        return wrong("n", "a whole number from 1 to 10");
    }
    let size = match fields.text("size")?.as_deref() {
        None | Some("auto") => None,
        Some(size) => match size.parse() {
            Ok(size) => Some(size),
            Err(()) => return wrong("size", "`auto`, or width and height such as `1024x1024`"),
        },
    };
    let sources = match task {
        ImageTask::Generate => 0..=0,
        ImageTask::Edit => 1..=MOST_PICTURES,
        ImageTask::Vary => 1..=1,
    };
    if !sources.contains(&pictures.len()) {
        return wrong(
            "image",
            match task {
                ImageTask::Generate => {
                    "left out: use `/v1/images/edits` for pictures from pictures"
                }
                ImageTask::Edit => "one picture at least, and 16 at most",
                ImageTask::Vary => "one picture",
            },
        );
    }
    if mask.is_some() && task != ImageTask::Edit {
        return wrong("mask", "left out: only `/v1/images/edits` has masks");
    }
    let mut request = ImageRequest {
        task,
        prompt,
        n,
        size,
        quality: fields.text("quality")?,
        background: fields.text("background")?,
        output_format: fields.text("output_format")?,
        output_compression: fields.number("output_compression")?,
        response_format: fields.text("response_format")?,
        style: fields.text("style")?,
        moderation: fields.text("moderation")?,
        seed: fields.number("seed")?,
        user: fields.text("user")?,
        stream: fields.flag("stream")?.unwrap_or(false),
        pictures,
        mask,
        extra: Object::default(),
        others: Vec::new(),
    };
    match fields {
        Fields::Json(mut rest) => {
            let asked = |name: &&&str| rest.take(name).is_some_and(|raw| raw.get() != "0");
            let others: Vec<&str> = OPENAIS_OWN.iter().filter(asked).copied().collect();
            request.others = others.into_iter().map(Cow::Borrowed).collect();
            request.extra = rest;
        }
        Fields::Form(rest) => request.others = rest.into_iter().map(|(name, _)| name).collect(),
    }
    Ok(request)
}

type Parts<'a> = (Fields<'a>, Vec<Source<'a>>, Option<Source<'a>>);

fn of_json(body: &[u8]) -> Result<Parts<'_>, DecodeError> {
    let mut object = Object::parse(body)?;
    let pictures = object.array("images")?.unwrap_or_default();
    let pictures = pictures.into_iter().enumerate().map(|(place, raw)| {
        source(raw).ok_or_else(|| DecodeError::wrong(format!("images[{place}]"), PICTURE))
    });
    let pictures = pictures.collect::<Result<Vec<_>, _>>()?;
    let mask = object
        .take("mask")
        .map(|raw| source(raw).ok_or_else(|| DecodeError::wrong("mask", PICTURE)));
    Ok((Fields::Json(object), pictures, mask.transpose()?))
}

const PICTURE: &str = "an object with `image_url` or `file_id`";

fn source(raw: &RawValue) -> Option<Source<'_>> {
    let mut object = Object::of(raw)?;
    match object.text("image_url").ok()? {
        Some(url) => Some(Source::of_url(url)),
        None => Some(Source::File(object.text("file_id").ok()??)),
    }
}

fn of_form<'a>(form: &Form<'a>) -> Result<Parts<'a>, DecodeError> {
    let (mut texts, mut pictures, mut mask) = (Vec::new(), Vec::new(), None);
    for part in form.parts() {
        match part.name.as_ref() {
            "image" | "image[]" => pictures.push(uploaded("image", &part)?),
            "mask" => mask = Some(uploaded("mask", &part)?),
            _ => {
                let text = std::str::from_utf8(part.value).map_err(|_| DecodeError::Form)?;
                texts.push((part.name, Cow::Borrowed(text)));
            }
        }
    }
    Ok((Fields::Form(texts), pictures, mask))
}

/// An uploaded picture. SDKs often call it `application/octet-stream`, so its first bytes say what it is.
fn uploaded<'a>(name: &'static str, part: &FormPart<'a>) -> Result<Source<'a>, DecodeError> {
    let media_type = media_type_of(part.value)
        .ok_or_else(|| DecodeError::wrong(name, "a PNG, JPEG, WebP or GIF picture"))?;
    Ok(Source::Data {
        media_type: media_type.into(),
        base64: STANDARD.encode(part.value).into(),
    })
}

/// The members of either form.
enum Fields<'a> {
    Json(Object<'a>),
    Form(Vec<(Cow<'a, str>, Cow<'a, str>)>),
}

impl<'a> Fields<'a> {
    fn text(&mut self, name: &'static str) -> Result<Option<Cow<'a, str>>, DecodeError> {
        match self {
            Self::Json(object) => object.text(name),
            Self::Form(texts) => Ok(take(texts, name)),
        }
    }

    fn number(&mut self, name: &'static str) -> Result<Option<u64>, DecodeError> {
        match self {
            Self::Json(object) => object.unsigned(name),
            Self::Form(texts) => take(texts, name)
                .map(|text| {
                    text.parse()
                        .map_err(|_| DecodeError::wrong(name, "a whole number"))
                })
                .transpose(),
        }
    }

    fn flag(&mut self, name: &'static str) -> Result<Option<bool>, DecodeError> {
        match self {
            Self::Json(object) => object.flag(name),
            Self::Form(texts) => match take(texts, name).as_deref() {
                None => Ok(None),
                Some("true") => Ok(Some(true)),
                Some("false") => Ok(Some(false)),
                Some(_) => Err(DecodeError::wrong(name, "true or false")),
            },
        }
    }
}

/// Takes a text; an empty one counts as absent.
fn take<'a>(texts: &mut Vec<(Cow<'a, str>, Cow<'a, str>)>, name: &str) -> Option<Cow<'a, str>> {
    let at = texts.iter().position(|(known, _)| known == name)?;
    let (_, text) = texts.remove(at);
    (!text.is_empty()).then_some(text)
}
