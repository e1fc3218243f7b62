//! One turn of a conversation.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::json::{Json, Object};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Instructions of the application.
    System,
    /// The same, as newer models of OpenAI call it.
    Developer,
    /// The person, or results of tools.
    User,
    /// The model.
    Assistant,
    /// A tool's result in a message of its own.
    Tool,
}

/// One turn.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub parts: Vec<Part<'a>>,
    /// The content was written as a bare string and not as a list.
    pub plain: bool,
    /// The speaker's name, where a dialect has one.
    pub name: Option<Cow<'a, str>>,
    /// Members of its own dialect.
    pub extra: Object<'a>,
    /// Members of its own dialect that say what parts say as well, such as `reasoning_details`.
    pub twins: Object<'a>,
}

impl<'a> Message<'a> {
    /// A turn of these parts.
    pub fn new(role: Role, parts: Vec<Part<'a>>) -> Self {
        Self {
            role,
            parts,
            plain: false,
            name: None,
            extra: Object::default(),
            twins: Object::default(),
        }
    }

    /// Its text, joined with `between`; other parts are left out.
    pub fn text(&self, between: &str) -> Cow<'_, str> {
        join(&self.parts, between)
    }
}

/// The text of parts, joined.
pub(crate) fn join<'p>(parts: &'p [Part<'_>], between: &str) -> Cow<'p, str> {
    let mut texts = parts.iter().filter_map(|part| match &part.block {
        Block::Text { text, .. } => Some(text.as_ref()),
        _ => None,
    });
    let first = texts.next().unwrap_or_default();
    let mut joined = Cow::Borrowed(first);
    for text in texts {
        let all = joined.to_mut();
        all.push_str(between);
        all.push_str(text);
    }
    joined
}

/// One part of a turn.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// What it is.
    pub block: Block<'a>,
    /// The prompt up to here is worth caching.
    pub cache: Option<CacheMark>,
    /// Opaque, set by the vendor on a call or a text, to be repeated byte for byte: Gemini's `thoughtSignature`.
    pub signature: Option<Cow<'a, str>>,
    /// Members of its own dialect.
    pub extra: Object<'a>,
}

impl<'a> From<Block<'a>> for Part<'a> {
    fn from(block: Block<'a>) -> Self {
        Self {
            block,
            cache: None,
            signature: None,
            extra: Object::default(),
        }
    }
}

/// What a part is.
#[derive(Clone, Debug)]
pub enum Block<'a> {
    /// Text, in answers maybe with where it is from.
    Text {
        /// The text.
        text: Cow<'a, str>,
        /// Where it is from.
        citations: Vec<Citation<'a>>,
    },
    /// A picture, a recording, a film, a document.
    Media(Media<'a>),
    /// The model calls a tool.
    ToolUse {
        /// Ties the result to the call.
        id: Cow<'a, str>,
        /// The tool.
        name: Cow<'a, str>,
        /// The arguments as JSON text, as the model made it: maybe empty, maybe broken. Free text for a custom tool.
        arguments: Cow<'a, str>,
        /// A custom tool, whose input is free text.
        custom: bool,
    },
    /// What a tool said.
    ToolResult {
        /// The call it answers.
        id: Cow<'a, str>,
        /// The tool, where the dialect tells.
        name: Option<Cow<'a, str>>,
        /// What it said.
        parts: Vec<Part<'a>>,
        /// The result was written as a bare string.
        plain: bool,
        /// The tool failed.
        is_error: bool,
    },
    /// What the model thought. The signature lets the same vendor take it back.
    Thinking {
        /// The thought or its summary.
        text: Cow<'a, str>,
        /// Opaque, to be repeated byte for byte.
        signature: Option<Cow<'a, str>>,
    },
    /// A thought nobody may read, to be repeated byte for byte.
    RedactedThinking {
        /// Opaque.
        data: Cow<'a, str>,
    },
    /// The model declines.
    Refusal(Cow<'a, str>),
    /// A part that only its own dialect knows: hosted tools, their results, whatever comes next year.
    Foreign {
        /// Its `type` or key, for the report of what was lost.
        kind: Cow<'a, str>,
        /// The part as it came.
        raw: Json<'a>,
    },
}

impl<'a> Block<'a> {
    /// Text without citations.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text {
            text: text.into(),
            citations: Vec::new(),
        }
    }

    /// A part of one dialect.
    pub fn foreign(kind: impl Into<Cow<'a, str>>, raw: &'a RawValue) -> Self {
        Self::Foreign {
            kind: kind.into(),
            raw: Cow::Borrowed(raw),
        }
    }
}

/// Something that is not text.
#[derive(Clone, Debug)]
pub struct Media<'a> {
    /// What it is.
    pub kind: MediaKind,
    /// Where its bytes are.
    pub source: Source<'a>,
    /// The file's name or the document's title.
    pub name: Option<Cow<'a, str>>,
    /// How closely to look: OpenAI's `detail`.
    pub detail: Option<Cow<'a, str>>,
}

/// Kinds of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A recording.
    Audio,
    /// A film.
    Video,
    /// PDF, text and the like.
    Document,
}

/// Where bytes are.
#[derive(Clone, Debug)]
pub enum Source<'a> {
    /// Here.
    Data {
        /// For instance `image/png`.
        media_type: Cow<'a, str>,
        /// In base64.
        base64: Cow<'a, str>,
    },
    /// Here, as text of a document.
    Text(Cow<'a, str>),
    /// Somewhere on the network.
    Url {
        /// `https://…`, `gs://…`.
        url: Cow<'a, str>,
        /// Where the dialect tells.
        media_type: Option<Cow<'a, str>>,
    },
    /// With the provider, who knows it by this id.
    File(Cow<'a, str>),
    /// A form that only its own dialect knows.
    Foreign(Json<'a>),
}

/// A wish to cache the prompt up to here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheMark {
    /// For how long, in seconds; the vendor's default when absent.
    pub seconds: Option<u32>,
}

impl CacheMark {
    /// Reads `{"type":"ephemeral","ttl":"1h"}` and its kin.
    pub fn read(raw: &RawValue) -> Option<Self> {
        let mut object = Object::of(raw)?;
        let ttl = object.text("ttl").ok().flatten();
        let seconds = ttl.as_deref().and_then(|ttl| {
            let minutes = |text: &str| text.parse::<u32>().ok()?.checked_mul(60);
            match (ttl.strip_suffix('m'), ttl.strip_suffix('h')) {
                (Some(m), _) => minutes(m),
                (_, Some(h)) => minutes(h)?.checked_mul(60),
                _ => None,
            }
        });
        Some(Self { seconds })
    }

    /// As `5m` or `1h`.
    pub fn ttl(self) -> Option<String> {
        self.seconds.map(|seconds| match seconds {
            3600.. => format!("{}h", seconds / 3600),
            _ => format!("{}m", seconds / 60),
        })
    }
}

/// Where a text is from.
#[derive(Clone, Debug)]
pub struct Citation<'a> {
    /// The page; empty for a document of the conversation.
    pub url: Cow<'a, str>,
    /// Its title.
    pub title: Cow<'a, str>,
    /// What is quoted.
    pub cited_text: Cow<'a, str>,
    /// Where in the whole answer's text it belongs: Unicode characters from, up to.
    pub span: Option<(usize, usize)>,
    /// As it came, for targets of the same dialect.
    pub raw: Option<Json<'a>>,
}

impl Part<'_> {
    /// About how many bytes it takes to write it.
    pub(crate) fn room(&self) -> usize {
        /// Names of members and what stands between them.
        const FRAME: usize = 128;
        let said = match &self.block {
            Block::Text { text, citations } => text.len() + citations.len() * FRAME,
            Block::Media(media) => match &media.source {
                Source::Data { base64: text, .. } | Source::Text(text) | Source::File(text) => {
                    text.len()
                }
                Source::Url { url, .. } => url.len(),
                Source::Foreign(raw) => raw.get().len(),
            },
            Block::ToolUse { arguments, .. } => arguments.len(),
            Block::ToolResult { parts, .. } => parts.iter().map(Self::room).sum(),
            Block::Thinking { text, signature } => {
                text.len() + signature.as_ref().map_or(0, |signature| signature.len())
            }
            Block::RedactedThinking { data: text } | Block::Refusal(text) => text.len(),
            Block::Foreign { raw, .. } => raw.get().len(),
        };
        // Escapes make prose a little longer; they leave the letters of a picture alone.
        let escapes = if matches!(self.block, Block::Media(_)) {
            0
        } else {
            said / 16
        };
        said + escapes + FRAME
    }
}

impl<'a> Source<'a> {
    /// Reads a URL, which may be `data:<media type>;base64,<data>`. RFC 2397.
    pub fn of_url(url: Cow<'a, str>) -> Self {
        let split = url.strip_prefix("data:").and_then(|rest| {
            let (head, data) = rest.split_once(',')?;
            let media = head.strip_suffix(";base64")?;
            // Parameters such as `;charset=utf-8` say nothing to a model.
            let media = media.split(';').next().unwrap_or_default();
            Some((media.len(), url.len() - data.len()))
        });
        let Some((media, data)) = split else {
            return Self::Url {
                url,
                media_type: None,
            };
        };
        let cut = |text: &'a str| {
            let media = text.get(5..5 + media).unwrap_or_default();
            (media, text.get(data..).unwrap_or_default())
        };
        match url {
            Cow::Borrowed(text) => {
                let (media, data) = cut(text);
                Self::Data {
                    media_type: usual_name(media).into(),
                    base64: data.into(),
                }
            }
            Cow::Owned(text) => Self::Data {
                media_type: usual_name(text.get(5..5 + media).unwrap_or_default())
                    .to_owned()
                    .into(),
                base64: text.get(data..).unwrap_or_default().to_owned().into(),
            },
        }
    }

    /// The pieces of its URL, which for data is a `data:` one; `None` where there is none. What is in pieces is
    /// written without being put together first: a picture is not small.
    pub(crate) fn url_pieces(&self) -> Option<[&str; 4]> {
        match self {
            Self::Data { media_type, base64 } => Some(["data:", media_type, ";base64,", base64]),
            Self::Url { url, .. } => Some([url, "", "", ""]),
            Self::Text(_) | Self::File(_) | Self::Foreign(_) => None,
        }
    }

    /// As a URL, which for data is a `data:` one; `None` where there is none.
    pub fn to_url(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Url { url, .. } => Some(Cow::Borrowed(url)),
            _ => self.url_pieces().map(|pieces| pieces.concat().into()),
        }
    }
}

/// Media types under their registered names.
fn usual_name(media_type: &str) -> &str {
    match media_type {
        "image/jpg" => "image/jpeg",
        "" => "text/plain",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_urls_are_data() {
        for url in [
            "data:image/jpg;charset=x;base64,QUJD",
            "data:image/jpeg;base64,QUJD",
        ] {
            for source in [
                Source::of_url(url.into()),
                Source::of_url(url.to_owned().into()),
            ] {
                let Source::Data { media_type, base64 } = source else {
                    panic!("not data: {url}")
                };
                assert_eq!(
                    (media_type.as_ref(), base64.as_ref()),
                    ("image/jpeg", "QUJD")
                );
            }
        }
        for url in ["https://x/a.png", "data:text/plain,hi", "gs://b/o"] {
            assert_eq!(Source::of_url(url.into()).to_url().unwrap(), url);
        }
    }
}
