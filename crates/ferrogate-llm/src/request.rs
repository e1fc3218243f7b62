//! A request body, decoded only as far as routing needs it.

use std::ops::Range;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::Error as _;
use serde_json::value::RawValue;

use crate::form::Form;
use crate::{Dialect, Operation, Surface};

/// A request of any surface: the bytes as they came, and where the parts that matter lie in them.
#[derive(Clone, Debug)]
pub struct ModelRequest {
    surface: Surface,
    body: Bytes,
    model: String,
    /// Where the model stands in the body; nowhere when the path names it.
    model_span: Option<Range<usize>>,
    encoding: Encoding,
    stream: bool,
    usage_asked: bool,
    stream_options: Option<Range<usize>>,
    max_output_tokens: Option<u64>,
    choices: u64,
    user: Option<String>,
    service_tier: Option<String>,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Json,
    /// `multipart/form-data`, RFC 7578.
    Form,
}

/// Why a body was refused.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON, not an object, or a member twice.
    #[error("the request body is not valid JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// `model` is missing or not a string.
    #[error("you must provide a model parameter")]
    Model,
    /// `stream` is neither a boolean nor null.
    #[error("`stream` must be true or false")]
    Stream,
    /// `stream_options` is neither an object nor null.
    #[error("`stream_options` must be an object")]
    StreamOptions,
    /// Not `multipart/form-data`, or broken.
    #[error("the request body must be multipart/form-data")]
    Form,
    /// A dialect that only providers speak.
    #[error(
        "no request can be made in the dialect `{dialect}`: use `/v1/chat/completions`, for instance"
    )]
    NotServed {
        /// Its name.
        dialect: &'static str,
    },
    /// A member is of the wrong type or missing.
    #[error("`{path}` must be {expected}")]
    Member {
        /// Where it stands, for instance `messages[3].role`.
        path: String,
        /// What belongs there.
        expected: &'static str,
    },
}

impl DecodeError {
    /// A member that is something else than it must be.
    pub(crate) fn wrong(path: impl Into<String>, expected: &'static str) -> Self {
        Self::Member {
            path: path.into(),
            expected,
        }
    }

    /// The same error, seen from further out: `role` within `messages[3]` is `messages[3].role`.
    pub(crate) fn within(self, outer: impl std::fmt::Display) -> Self {
        match self {
            Self::Member { path, expected } if path.is_empty() || path.starts_with('[') => {
                Self::Member {
                    path: format!("{outer}{path}"),
                    expected,
                }
            }
            Self::Member { path, expected } => Self::Member {
                path: format!("{outer}.{path}"),
                expected,
            },
            other => other,
        }
    }
    /// The member at fault, for the error envelope.
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::Member { path, .. } => Some(path),
            Self::Json(_) | Self::Form | Self::NotServed { .. } => None,
            Self::Model => Some("model"),
            Self::Stream => Some("stream"),
            Self::StreamOptions => Some("stream_options"),
        }
    }
}

/// The members routing looks at; everything else is skipped without being built.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    stream: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "even_null")]
    stream_options: Option<&'a RawValue>,
    #[serde(borrow)]
    max_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    max_completion_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    max_output_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    n: Option<&'a RawValue>,
    #[serde(borrow)]
    best_of: Option<&'a RawValue>,
    #[serde(borrow)]
    user: Option<&'a RawValue>,
    #[serde(borrow)]
    service_tier: Option<&'a RawValue>,
    /// Gemini's word for it, and Converse's object.
    #[serde(borrow, rename = "serviceTier")]
    tier: Option<&'a RawValue>,
    /// Anthropic's faster machines.
    #[serde(borrow)]
    speed: Option<&'a RawValue>,
    /// Gemini's settings.
    #[serde(borrow, rename = "generationConfig")]
    generation: Option<&'a RawValue>,
    /// Converse's settings.
    #[serde(borrow, rename = "inferenceConfig")]
    inference: Option<&'a RawValue>,
}

/// Limits of output in the settings of Gemini and Converse.
#[derive(Default, Deserialize)]
struct Settings {
    #[serde(
        alias = "maxTokens",
        alias = "max_output_tokens",
        rename = "maxOutputTokens"
    )]
    max_output_tokens: Option<u64>,
    #[serde(alias = "candidate_count", rename = "candidateCount")]
    candidate_count: Option<u64>,
}

/// Keeps a written `null` apart from an absent member: its bytes have to be replaced.
fn even_null<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

impl ModelRequest {
    /// Reads what routing needs. The whole body is checked to be one JSON object. `addressed` is the model where the
    /// path names it.
    pub fn decode(
        surface: Surface,
        addressed: Option<&str>,
        body: Bytes,
    ) -> Result<Self, DecodeError> {
        // The derived reader would take a list for the members in their order.
        if body.trim_ascii_start().starts_with(b"[") {
            return Err(DecodeError::Json(serde_json::Error::custom(
                "an object is expected",
            )));
        }
        let envelope: Envelope<'_> = serde_json::from_slice(&body).map_err(DecodeError::Json)?;
        let (model, model_span) = if let Some(model) = addressed {
            (model.to_owned(), None)
        } else {
            let raw = envelope.model.ok_or(DecodeError::Model)?;
            let model: String = serde_json::from_str(raw.get()).map_err(|_| DecodeError::Model)?;
            (model, Some(span_of(&body, raw)))
        };
        let stream = match envelope.stream {
            None => false,
            Some(raw) => serde_json::from_str::<Option<bool>>(raw.get())
                .map_err(|_| DecodeError::Stream)?
                .unwrap_or(false),
        };
        let options = match envelope.stream_options {
            None => None,
            Some(raw) => serde_json::from_str::<Option<StreamOptions>>(raw.get())
                .map_err(|_| DecodeError::StreamOptions)?,
        };
        let stream_options = envelope.stream_options.map(|raw| span_of(&body, raw));
        let number = |raw: Option<&RawValue>| {
            raw.and_then(|raw| serde_json::from_str::<u64>(raw.get()).ok())
        };
        let settings = |raw: Option<&RawValue>| {
            raw.and_then(|raw| serde_json::from_str::<Settings>(raw.get()).ok())
                .unwrap_or_default()
        };
        // Of two names the larger counts: which one a server obeys differs. A name its surface does not have says
        // nothing, or a caller could make its worst case look small with it.
        let (max_output_tokens, made) = match surface.operation() {
            Operation::Chat(Dialect::OpenAiChat) => (
                number(envelope.max_completion_tokens).max(number(envelope.max_tokens)),
                number(envelope.n),
            ),
            Operation::Chat(Dialect::OpenAiResponses) => (number(envelope.max_output_tokens), None),
            Operation::Chat(Dialect::Gemini) => {
                let settings = settings(envelope.generation);
                (settings.max_output_tokens, settings.candidate_count)
            }
            Operation::Chat(Dialect::Converse) => {
                (settings(envelope.inference).max_output_tokens, None)
            }
            Operation::Chat(_) => (number(envelope.max_tokens), None),
            Operation::Completions => (
                number(envelope.max_tokens),
                number(envelope.n).max(number(envelope.best_of)),
            ),
            _ => (None, number(envelope.n)),
        };
        let word = |raw: Option<&RawValue>| {
            raw.and_then(crate::json::text)
                .map(std::borrow::Cow::into_owned)
        };
        let service_tier = match surface.operation() {
            // Its own `service_tier` chooses between what was paid for and nothing more.
            Operation::Chat(Dialect::Anthropic) => word(envelope.speed),
            Operation::Chat(Dialect::Gemini) => word(envelope.tier),
            Operation::Chat(Dialect::Converse) => envelope.tier.and_then(|raw| {
                let [kind] = crate::json::peek(raw.get().as_bytes(), ["type"]).ok()?;
                word(kind)
            }),
            Operation::Chat(Dialect::OpenAiChat | Dialect::OpenAiResponses) => {
                word(envelope.service_tier)
            }
            _ => None,
        };
        let user = envelope
            .user
            .and_then(|raw| serde_json::from_str(raw.get()).ok());
        Ok(Self {
            surface,
            model,
            model_span,
            encoding: Encoding::Json,
            stream: surface.is_stream() || (stream && surface.may_stream()),
            usage_asked: options
                .and_then(|options| options.include_usage)
                .unwrap_or(false),
            stream_options,
            max_output_tokens,
            choices: made.unwrap_or(1).max(1),
            user,
            service_tier,
            body,
        })
    }

    /// Reads what routing needs of a form with a file in it, as for transcriptions.
    pub fn decode_form(
        surface: Surface,
        content_type: &str,
        body: Bytes,
    ) -> Result<Self, DecodeError> {
        let form = Form::new(content_type, &body).ok_or(DecodeError::Form)?;
        let model_span = form.field("model").ok_or(DecodeError::Model)?;
        let text = |span: Range<usize>| {
            body.get(span)
                .and_then(|bytes| std::str::from_utf8(bytes).ok())
        };
        let model = text(model_span.clone())
            .ok_or(DecodeError::Model)?
            .to_owned();
        let stream = form.field("stream").and_then(text) == Some("true");
        let choices = form.field("n").and_then(text).and_then(|n| n.parse().ok());
        Ok(Self {
            surface,
            model,
            model_span: Some(model_span),
            encoding: Encoding::Form,
            stream: stream && surface.may_stream(),
            usage_asked: false,
            stream_options: None,
            max_output_tokens: None,
            choices: choices.unwrap_or(1).max(1),
            user: None,
            service_tier: None,
            body,
        })
    }

    /// The surface it was sent to.
    pub fn surface(&self) -> Surface {
        self.surface
    }

    /// The model asked for, as written.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Whether a stream is asked for, of a surface that has them.
    pub fn stream(&self) -> bool {
        self.stream
    }

    /// Whether the caller asked for usage in the stream itself.
    pub fn usage_asked(&self) -> bool {
        self.usage_asked
    }

    /// The caller's limit on the output of one choice, in tokens.
    pub fn max_output_tokens(&self) -> Option<u64> {
        self.max_output_tokens
    }

    /// How many answers are made (`n`; for completions `best_of` where it is larger), at least one.
    pub fn choices(&self) -> u64 {
        self.choices
    }

    /// The caller's own user, if named.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// How urgently it is to be served, in the words of its dialect: OpenAI's and Gemini's `service_tier`, Converse's
    /// `serviceTier.type`, Anthropic's `speed`.
    pub fn service_tier(&self) -> Option<&str> {
        self.service_tier.as_deref()
    }

    /// The bytes as they came.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body for a provider: the model replaced, usage asked for in streams, every other byte as it came.
    ///
    /// `stream_options.include_usage` exists on the chat and completions surfaces only; the Responses API
    /// reports usage by itself. Source: OpenAI API reference, `stream_options`.
    pub fn rewrite(&self, upstream_model: &str) -> Bytes {
        let written = match self.encoding {
            Encoding::Json => serde_json::Value::from(upstream_model).to_string(),
            Encoding::Form => upstream_model.to_owned(),
        };
        let mut edits: Vec<(Range<usize>, String)> = Vec::with_capacity(2);
        edits.extend(self.model_span.clone().map(|span| (span, written)));
        let wants_usage = self.stream()
            && self.encoding == Encoding::Json
            && matches!(
                self.surface.operation(),
                Operation::Chat(Dialect::OpenAiChat) | Operation::Completions
            );
        if wants_usage && !self.usage_asked {
            edits.extend(self.ask_for_usage());
        }
        edits.sort_by_key(|(span, _)| span.start);
        let unchanged = edits
            .iter()
            .all(|(span, text)| self.body.get(span.clone()) == Some(text.as_bytes()));
        if unchanged {
            return self.body.clone();
        }
        let grown: usize = edits.iter().map(|(_, text)| text.len()).sum();
        let mut out = Vec::with_capacity(self.body.len() + grown);
        let mut at = 0;
        for (span, text) in edits {
            out.extend_from_slice(self.body.get(at..span.start).unwrap_or_default());
            out.extend_from_slice(text.as_bytes());
            at = span.end;
        }
        out.extend_from_slice(self.body.get(at..).unwrap_or_default());
        out.into()
    }

    fn ask_for_usage(&self) -> Option<(Range<usize>, String)> {
        let Some(span) = &self.stream_options else {
            // The model is a member, so the object is not empty and a comma is always right.
            let end = self.model_span.as_ref()?.end;
            return Some((
                end..end,
                r#","stream_options":{"include_usage":true}"#.to_owned(),
            ));
        };
        // An object keeps its other members: the member is added in front, and a caller's own
        // `include_usage: false` behind it is replaced by rebuilding this one small object.
        let written = self.body.get(span.clone()).unwrap_or_default();
        let mut options: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice::<Option<_>>(written)
                .ok()
                .flatten()
                .unwrap_or_default();
        options.insert("include_usage".to_owned(), true.into());
        Some((span.clone(), serde_json::Value::Object(options).to_string()))
    }
}

/// Where a borrowed raw value lies in the body it was parsed from.
fn span_of(body: &[u8], raw: &RawValue) -> Range<usize> {
    let start = raw.get().as_ptr().addr() - body.as_ptr().addr();
    start..start + raw.get().len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(surface: Surface, body: &str) -> ModelRequest {
        ModelRequest::decode(surface, None, Bytes::copy_from_slice(body.as_bytes())).unwrap()
    }

    fn check(surface: Surface, body: &str, expected: &str) {
        let rewritten = decode(surface, body).rewrite("up");
        assert_eq!(std::str::from_utf8(&rewritten).unwrap(), expected);
    }

    #[test]
    fn a_list_is_no_request() {
        for elements in 0..32 {
            let list = vec![r#""m""#; elements].join(",");
            let body = format!(" [{list}]");
            let decoded = ModelRequest::decode(Surface::EMBEDDINGS, None, body.into());
            assert!(matches!(decoded, Err(DecodeError::Json(_))), "{elements}");
        }
    }

    #[test]
    fn reads_how_urgent_it_is_in_the_words_of_its_dialect() {
        for (path, members, expected) in [
            (
                "/v1/chat/completions",
                r#""service_tier":"flex""#,
                Some("flex"),
            ),
            (
                "/v1/responses",
                r#""service_tier":"priority""#,
                Some("priority"),
            ),
            ("/v1/chat/completions", r#""service_tier":null"#, None),
            ("/v1/chat/completions", r#""speed":"fast""#, None),
            (
                "/v1/messages",
                r#""service_tier":"auto","speed":"fast""#,
                Some("fast"),
            ),
            (
                "/v1beta/models/m:generateContent",
                r#""serviceTier":"flex""#,
                Some("flex"),
            ),
            (
                "/model/m/converse",
                r#""serviceTier":{"type":"priority"}"#,
                Some("priority"),
            ),
        ] {
            let (surface, model) = Surface::at(path).unwrap();
            let body = format!(r#"{{"model":"m",{members}}}"#);
            let request = ModelRequest::decode(surface, model.as_deref(), body.into()).unwrap();
            assert_eq!(request.service_tier(), expected, "{path} {members}");
        }
    }

    #[test]
    fn splices_the_model_and_nothing_else() {
        check(
            Surface::CHAT,
            r#"{ "messages" : [ {"role":"user","content":"\u00e9 1.50"} ],  "model":"a\/b", "x": 1.0e2 }"#,
            r#"{ "messages" : [ {"role":"user","content":"\u00e9 1.50"} ],  "model":"up", "x": 1.0e2 }"#,
        );
        check(
            Surface::EMBEDDINGS,
            r#"{"model":"m","input":[1,2],"stream":true}"#,
            r#"{"model":"up","input":[1,2],"stream":true}"#,
        );
        check(
            Surface::RESPONSES,
            r#"{"model":"m","stream":true}"#,
            r#"{"model":"up","stream":true}"#,
        );
    }

    #[test]
    fn asks_for_usage_in_streams() {
        check(
            Surface::CHAT,
            r#"{"model":"m","stream":true}"#,
            r#"{"model":"up","stream_options":{"include_usage":true},"stream":true}"#,
        );
        check(
            Surface::CHAT,
            r#"{"stream_options":{"include_usage":false,"k":1},"model":"m","stream":true}"#,
            r#"{"stream_options":{"include_usage":true,"k":1},"model":"up","stream":true}"#,
        );
        check(
            Surface::COMPLETIONS,
            r#"{"stream_options":null,"model":"m","stream":true}"#,
            r#"{"stream_options":{"include_usage":true},"model":"up","stream":true}"#,
        );
        check(
            Surface::CHAT,
            r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#,
            r#"{"model":"up","stream":true,"stream_options":{"include_usage":true}}"#,
        );
    }

    #[test]
    fn the_same_model_is_the_same_bytes() {
        let request = decode(Surface::CHAT, r#"{"model":"up"}"#);
        assert_eq!(request.rewrite("up").as_ptr(), request.body().as_ptr());
    }

    #[test]
    fn refuses_what_it_cannot_route() {
        let refuse = |body: &str| {
            ModelRequest::decode(Surface::CHAT, None, Bytes::copy_from_slice(body.as_bytes()))
                .unwrap_err()
        };
        assert!(matches!(refuse("{"), DecodeError::Json(_)));
        assert!(matches!(refuse("[]"), DecodeError::Json(_)));
        assert!(matches!(
            refuse(r#"{"model":"a","model":"b"}"#),
            DecodeError::Json(_)
        ));
        assert!(matches!(refuse(r#"{"model":"a"} x"#), DecodeError::Json(_)));
        assert!(matches!(refuse("{}"), DecodeError::Model));
        assert!(matches!(refuse(r#"{"model":7}"#), DecodeError::Model));
        assert!(matches!(
            refuse(r#"{"model":"a","stream":"yes"}"#),
            DecodeError::Stream
        ));
        assert!(matches!(
            refuse(r#"{"model":"a","stream_options":1}"#),
            DecodeError::StreamOptions
        ));
    }

    #[test]
    fn reads_the_limits() {
        let request = decode(
            Surface::CHAT,
            r#"{"model":"m","max_tokens":5,"n":3,"user":"u","stream":null}"#,
        );
        assert_eq!(
            (
                request.max_output_tokens(),
                request.choices(),
                request.user()
            ),
            (Some(5), 3, Some("u"))
        );
        assert!(!request.stream());
        for (surface, body, tokens, choices) in [
            (
                Surface::CHAT,
                r#"{"model":"m","max_completion_tokens":1,"max_tokens":9}"#,
                Some(9),
                1,
            ),
            (
                Surface::CHAT,
                r#"{"model":"m","max_output_tokens":1}"#,
                None,
                1,
            ),
            (
                Surface::RESPONSES,
                r#"{"model":"m","max_completion_tokens":1}"#,
                None,
                1,
            ),
            (
                Surface::RESPONSES,
                r#"{"model":"m","max_output_tokens":4}"#,
                Some(4),
                1,
            ),
            (
                Surface::COMPLETIONS,
                r#"{"model":"m","max_tokens":4,"n":2,"best_of":20}"#,
                Some(4),
                20,
            ),
        ] {
            let request = decode(surface, body);
            assert_eq!(
                (request.max_output_tokens(), request.choices()),
                (tokens, choices),
                "{body}"
            );
        }
    }

    proptest! {
        #[test]
        fn never_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(ModelRequest::decode(Surface::CHAT, None, body.into()));
        }

        #[test]
        fn a_rewritten_body_differs_in_the_model_only(model in "[a-z\"\\\\/é]{1,12}", text in ".{0,40}", up in ".{1,12}") {
            let body = serde_json::json!({"messages": [{"content": text}], "model": model, "temperature": 0.5});
            let request = decode(Surface::CHAT, &body.to_string());
            prop_assert_eq!(request.model(), model.as_str());
            let mut expected = body;
            expected["model"] = up.clone().into();
            let rewritten: serde_json::Value = serde_json::from_slice(&request.rewrite(&up)).unwrap();
            prop_assert_eq!(rewritten, expected);
        }
    }
}
