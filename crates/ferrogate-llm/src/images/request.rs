//! What is to be drawn.

use std::borrow::Cow;

use super::Size;
use crate::chat::Source;
use crate::json::Object;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageTask {
    /// A picture from a text.
    Generate,
    /// A picture from pictures, with a text.
    Edit,
    /// A picture like another.
    Vary,
}

/// Pictures of one request. Source: OpenAI's OpenAPI document, `CreateImageRequest`, `n`.
pub(super) const MOST_MADE: u64 = 10;

/// A request in OpenAI's words.
#[derive(Clone, Debug)]
pub struct ImageRequest<'a> {
    /// What is done.
    pub task: ImageTask,
    /// What is to be seen; empty for variations.
    pub prompt: Cow<'a, str>,
    /// Pictures to make, 1 to 10.
    pub n: u64,
    /// How large; the model's own size when absent.
    pub size: Option<Size>,
    /// `low`, `medium`, `high`, `hd` and their like.
    pub quality: Option<Cow<'a, str>>,
    /// Whether it can be looked through.
    pub background: Option<Cow<'a, str>>,
    /// `png`, `jpeg` or `webp`.
    pub output_format: Option<Cow<'a, str>>,
    /// How much of a picture its compression keeps, in percent.
    pub output_compression: Option<u64>,
    /// `url` or `b64_json`.
    pub response_format: Option<Cow<'a, str>>,
    /// `vivid` or `natural`.
    pub style: Option<Cow<'a, str>>,
    /// How strictly is filtered.
    pub moderation: Option<Cow<'a, str>>,
    /// For the same picture again; no member of OpenAI's own, but of many servers that speak its dialect.
    pub seed: Option<u64>,
    /// The caller's own user, for the vendor's misuse detection.
    pub user: Option<Cow<'a, str>>,
    /// A stream is asked for.
    pub stream: bool,
    /// What is edited, 16 pictures at most.
    pub pictures: Vec<Source<'a>>,
    /// Where the first picture is edited: a PNG, transparent there.
    pub mask: Option<Source<'a>>,
    /// Members that OpenAI does not know either: inputs of a certain model, perhaps.
    pub extra: Object<'a>,
    /// Names of what nobody but OpenAI knows, and of whatever else was in a form.
    pub others: Vec<Cow<'a, str>>,
}

/// Members that not every provider has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    Size,
    Quality,
    Background,
    OutputFormat,
    OutputCompression,
    ResponseFormat,
    Style,
    Moderation,
    Seed,
    User,
}

impl Member {
    pub(super) const ALL: [Self; 10] = [
        Self::Size,
        Self::Quality,
        Self::Background,
        Self::OutputFormat,
        Self::OutputCompression,
        Self::ResponseFormat,
        Self::Style,
        Self::Moderation,
        Self::Seed,
        Self::User,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Quality => "quality",
            Self::Background => "background",
            Self::OutputFormat => "output_format",
            Self::OutputCompression => "output_compression",
            Self::ResponseFormat => "response_format",
            Self::Style => "style",
            Self::Moderation => "moderation",
            Self::Seed => "seed",
            Self::User => "user",
        }
    }
}

impl ImageRequest<'_> {
    /// Whether a member asks for something that is not done anyway.
    pub(super) fn asks(&self, member: Member) -> bool {
        let other_than = |text: &Option<Cow<'_, str>>, idle: &[&str]| {
            text.as_deref().is_some_and(|text| !idle.contains(&text))
        };
        match member {
            Member::Size => self.size.is_some(),
            Member::Quality => other_than(&self.quality, &["auto"]),
            Member::Background => other_than(&self.background, &["auto", "opaque"]),
            Member::OutputFormat => self.output_format.is_some(),
            Member::OutputCompression => self.output_compression.is_some(),
            Member::ResponseFormat => self.response_format.is_some(),
            Member::Style => self.style.is_some(),
            Member::Moderation => other_than(&self.moderation, &["auto"]),
            Member::Seed => self.seed.is_some(),
            Member::User => self.user.is_some(),
        }
    }
}
