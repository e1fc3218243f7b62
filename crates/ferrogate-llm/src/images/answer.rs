//! What comes of it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferrogate_types::Usage;

use super::Size;
use crate::UpstreamFault;
use crate::chat::Source;
use crate::json::Writer;

/// The pictures of one call, or of all.
#[derive(Clone, Debug, Default)]
pub struct ImageAnswer<'a> {
    /// Those that were made; fewer than asked for where a filter stepped in.
    pub pictures: Vec<Picture<'a>>,
    /// Why a filter kept one back, in the provider's words.
    pub refusal: Option<String>,
    /// What the model said instead of drawing.
    pub said: Option<String>,
    /// What it used, where the provider tells.
    pub usage: Option<Usage>,
}

/// A picture.
#[derive(Clone, Debug)]
pub struct Picture<'a> {
    /// Its bytes, or where they are.
    pub source: Source<'a>,
    /// The prompt it was made from, where the provider rewrote the caller's.
    pub revised_prompt: Option<Cow<'a, str>>,
}

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoPicture {
    /// A filter refused what the caller asked for, or the model answered with words: asking again does not help.
    Refused(UpstreamFault),
    /// The answer makes no sense.
    Broken(UpstreamFault),
}

impl<'a> ImageAnswer<'a> {
    pub(super) fn of(pictures: Vec<Picture<'a>>) -> Self {
        Self {
            pictures,
            ..Self::default()
        }
    }

    pub(super) fn refused(why: impl Into<String>) -> Self {
        Self {
            refusal: Some(why.into()),
            ..Self::default()
        }
    }
}

impl<'a> Picture<'a> {
    /// A picture here, in base64.
    pub(super) fn of_base64(media_type: impl Into<Cow<'a, str>>, base64: Cow<'a, str>) -> Self {
        Self {
            source: Source::Data {
                media_type: media_type.into(),
                base64,
            },
            revised_prompt: None,
        }
    }

    /// A picture elsewhere, or here in a `data:` URL; `None` of anything but these.
    pub(super) fn of_url(url: Cow<'a, str>) -> Option<Self> {
        let known = ["https://", "http://", "data:image/"];
        let source = known
            .iter()
            .any(|start| url.starts_with(start))
            .then(|| Source::of_url(url))?;
        Some(Self {
            source,
            revised_prompt: None,
        })
    }

    /// An answer that is the picture itself; `None` when it is none.
    pub(super) fn of_bytes(media_type: &str, bytes: &[u8]) -> Option<Picture<'static>> {
        if media_type.starts_with("application/json") {
            return None;
        }
        let media_type = media_type_of(bytes)?;
        Some(Picture::of_base64(
            media_type,
            Cow::Owned(STANDARD.encode(bytes)),
        ))
    }

    /// Its format in OpenAI's words.
    fn format(&self) -> Option<&str> {
        match &self.source {
            Source::Data { media_type, .. } => media_type.strip_prefix("image/"),
            _ => None,
        }
    }

    /// Its size, which a PNG tells at its start. RFC 2083, section 4.1.1.
    fn size(&self) -> Option<Size> {
        let Source::Data { base64, .. } = &self.source else {
            return None;
        };
        let start = STANDARD.decode(base64.get(..32)?).ok()?;
        let sides = start.strip_prefix(PNG)?.get(8..16)?;
        let (width, height) = sides.split_at_checked(4)?;
        Some(Size {
            width: u32::from_be_bytes(width.try_into().ok()?),
            height: u32::from_be_bytes(height.try_into().ok()?),
        })
    }
}

pub(super) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// What kind of picture begins like this.
pub(super) fn media_type_of(bytes: &[u8]) -> Option<&'static str> {
    let riff = bytes.strip_prefix(b"RIFF").and_then(|rest| rest.get(4..8));
    if bytes.starts_with(PNG) {
        Some("image/png")
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else if riff == Some(b"WEBP") {
        Some("image/webp")
    } else if bytes.starts_with(b"GIF8") {
        Some("image/gif")
    } else {
        None
    }
}

/// OpenAI's code for what its filters refuse. Source: OpenAI's guide "Error codes".
const POLICY: &str = "content_policy_violation";

/// The answers to all calls as one. What a filter kept back is left out, unless nothing is left.
///
/// Usage is known only when every answer tells it; the number of pictures is part of it in any case.
pub fn merge(answers: Vec<ImageAnswer<'_>>) -> Result<ImageAnswer<'_>, NoPicture> {
    let mut all = ImageAnswer::default();
    let mut usage = Some(Usage::default());
    for answer in answers {
        all.pictures.extend(answer.pictures);
        all.refusal = all.refusal.or(answer.refusal);
        all.said = all.said.or(answer.said);
        usage = usage.zip(answer.usage).map(|(one, other)| one.plus(&other));
    }
    if !all.pictures.is_empty() {
        all.usage = usage;
        return Ok(all);
    }
    Err(match (all.refusal, all.said) {
        (Some(why), _) => NoPicture::Refused(UpstreamFault {
            code: Some(POLICY.to_owned()),
            ..UpstreamFault::because(why)
        }),
        (None, Some(said)) => NoPicture::Refused(UpstreamFault::because(format!(
            "the model drew nothing, and said: {said}"
        ))),
        (None, None) => NoPicture::Broken(UpstreamFault::because("the answer holds no pictures")),
    })
}

/// Writes an answer in OpenAI's dialect. `created` is in seconds since 1970.
///
/// Source: OpenAI's OpenAPI document, `ImagesResponse`.
pub fn write_answer(answer: &ImageAnswer<'_>, created: u64) -> Vec<u8> {
    let bytes = |picture: &Picture<'_>| match &picture.source {
        Source::Data { base64, .. } => base64.len() + 64,
        _ => 256,
    };
    let room: usize = answer.pictures.iter().map(bytes).sum();
    let mut w = Writer::with_capacity(room + 512);
    w.open().member("created", &created);
    w.key("data").open_list();
    for picture in &answer.pictures {
        w.open();
        match &picture.source {
            Source::Data { base64, .. } => {
                w.text("b64_json", base64);
            }
            other => {
                w.text_if("url", other.to_url().as_deref());
            }
        }
        w.text_if("revised_prompt", picture.revised_prompt.as_deref());
        w.close();
    }
    w.close_list();
    if let Some(first) = answer.pictures.first() {
        w.text_if("output_format", first.format());
        w.text_if("size", first.size().map(|size| size.to_string()).as_deref());
    }
    if let Some(usage) = &answer.usage {
        w.key("usage").open();
        w.member("input_tokens", &usage.input);
        details(
            "input_tokens_details",
            usage.input,
            usage.image_input,
            &mut w,
        );
        w.member("output_tokens", &usage.output);
        details(
            "output_tokens_details",
            usage.output,
            usage.image_output,
            &mut w,
        );
        w.member("total_tokens", &usage.total()).close();
    }
    w.close();
    w.into_bytes()
}

fn details(name: &str, all: u64, image: u64, w: &mut Writer) {
    w.key(name).open();
    w.member("text_tokens", &all.saturating_sub(image));
    w.member("image_tokens", &image).close();
}
