//! The provider table: one row for each kind.
//!
//! A row is data: where the vendor's API is, how a credential travels, which operations it serves in which dialect,
//! and how it departs from that dialect. A provider that speaks OpenAI's dialect is a row and nothing else. Every
//! departure is one the row's documentation names.

mod clouds;
mod compatible;
mod vendors;

use std::fmt;

use ferrogate_llm::{Dialect, Operation, Quirk, RerankDialect};
use serde::{Serialize, Serializer};

/// What is known of a kind of provider.
#[derive(Debug)]
pub struct ProviderRow {
    /// Its key in configuration.
    pub key: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// Its name for people.
    pub display_name: &'static str,
    /// How its credential travels.
    pub auth: AuthScheme,
    /// Whether it cannot be called without a credential.
    pub needs_credential: bool,
    /// The API root as the vendor's own SDK takes it.
    pub base_url: BaseUrl,
    /// The variables its key usually is in; the first one set counts.
    pub key_variables: &'static [&'static str],
    /// Variables that say just as well that it is to be used: other ways to a credential.
    pub other_variables: &'static [&'static str],
    /// Further settings of its kind.
    pub settings: &'static [Setting],
    /// What it serves. Of several dialects for one operation, the caller's own is used, else the first.
    pub serves: &'static [Endpoint],
    /// How it departs from OpenAI's chat dialect.
    pub quirks: &'static [Quirk],
    /// Where its API is documented; what its quirks rest on.
    pub documentation: &'static str,
}

/// Where a kind's API is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseUrl {
    /// Always there.
    Fixed(&'static str),
    /// There, with `{setting}` filled in.
    Template(&'static str),
    /// Usually there; a variable may say otherwise.
    Usually(&'static str, &'static str),
    /// Wherever the operator says; the variables that may say it.
    Asked(&'static [&'static str]),
    /// Nowhere: it is built in.
    None,
}

/// How a credential travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthScheme {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// The key in a header of its own.
    Header(&'static str),
    /// A signature of each request (SigV4), or `Authorization: Bearer KEY` where a key is configured.
    Aws,
    /// A token of Google's, or `x-goog-api-key: KEY` where a key is configured.
    Google,
    /// `api-key: KEY`, or a token of Entra's.
    Azure,
    /// `Authorization: Bearer KEY`, or a token for a client's id and secret.
    Databricks,
    /// None.
    None,
}

/// A setting that only some kinds have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name in configuration.
    pub name: &'static str,
    /// The variables it usually is in; the first one set counts.
    pub variables: &'static [&'static str],
    /// Whether the kind cannot do without it.
    pub required: bool,
    /// Whether it is a secret.
    pub secret: bool,
}

impl Setting {
    const fn optional(name: &'static str, variables: &'static [&'static str]) -> Self {
        Self {
            name,
            variables,
            required: false,
            secret: false,
        }
    }

    const fn required(name: &'static str, variables: &'static [&'static str]) -> Self {
        Self {
            required: true,
            ..Self::optional(name, variables)
        }
    }

    const fn secret(name: &'static str, variables: &'static [&'static str]) -> Self {
        Self {
            secret: true,
            ..Self::optional(name, variables)
        }
    }
}

/// An operation a provider serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// What it is, and in which dialect.
    pub operation: Operation,
    /// The path below the API root; `{model}` and `{setting}` are filled in, each as one segment.
    pub path: &'static str,
    /// The path for streams, where it is another.
    pub stream_path: Option<&'static str>,
    /// Only for models whose name contains this.
    pub models: Option<&'static str>,
    /// How the API root ends where this is beside it and not below: the path continues what is left of the root.
    pub outside: Option<&'static str>,
}

impl Endpoint {
    const fn new(operation: Operation, path: &'static str) -> Self {
        Self {
            operation,
            path,
            stream_path: None,
            models: None,
            outside: None,
        }
    }

    const fn streamed(self, path: &'static str) -> Self {
        Self {
            stream_path: Some(path),
            ..self
        }
    }

    const fn only(self, models: &'static str) -> Self {
        Self {
            models: Some(models),
            ..self
        }
    }

    const fn outside(self, end: &'static str) -> Self {
        Self {
            outside: Some(end),
            ..self
        }
    }
}

/// A kind of provider: a row of the table.
#[derive(Clone, Copy)]
pub struct ProviderKind(&'static ProviderRow);

impl ProviderKind {
    /// Every kind, in the order of the documentation.
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        let rows = vendors::ROWS
            .iter()
            .chain(clouds::ROWS)
            .chain(compatible::ROWS);
        rows.map(Self)
    }

    /// The kind of that key or alias.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|kind| kind.0.key == name || kind.0.aliases.contains(&name))
    }

    /// The built-in kind that answers with what it was asked.
    pub fn echo() -> Self {
        Self(&compatible::ECHO)
    }

    /// What is known of it.
    pub fn row(self) -> &'static ProviderRow {
        self.0
    }

    /// Whether it is built in.
    pub fn is_echo(self) -> bool {
        self.0.base_url == BaseUrl::None
    }
}

impl PartialEq for ProviderKind {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for ProviderKind {}

impl fmt::Debug for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProviderKind({})", self.0.key)
    }
}

impl Serialize for ProviderKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.key)
    }
}

impl ProviderRow {
    /// The endpoint for what a caller asks: in the caller's own dialect where there is one, else the first of the
    /// same operation. Where texts are not completed, a conversation does it. `None` where the kind does not serve it.
    pub fn endpoint(&self, asked: Operation, model: &str) -> Option<&'static Endpoint> {
        let found = self.own_endpoint(asked, model);
        if found.is_none() && asked == Operation::Completions {
            return self.own_endpoint(Operation::Chat(Dialect::OpenAiChat), model);
        }
        found
    }

    fn own_endpoint(&self, asked: Operation, model: &str) -> Option<&'static Endpoint> {
        let fits = |endpoint: &&'static Endpoint| {
            endpoint.operation.is_same_as(asked)
                && endpoint.models.is_none_or(|part| model.contains(part))
        };
        let all = self.serves.iter().filter(fits);
        // Endpoints for certain models are the only ones these models have.
        let special = all.clone().any(|endpoint| endpoint.models.is_some());
        let mut all = all.filter(|endpoint| endpoint.models.is_some() == special);
        let exact = all.clone().find(|endpoint| endpoint.operation == asked);
        exact.or_else(|| all.next())
    }

    /// The root of its API with `setting` filled in; `None` where the operator must say it, or a setting is missing
    /// or could not be part of a host.
    pub fn root(&self, setting: impl Fn(&str) -> Option<String>) -> Option<String> {
        match self.base_url {
            BaseUrl::Fixed(url) | BaseUrl::Usually(url, _) => Some(url.to_owned()),
            BaseUrl::Template(template) => {
                let (before, rest) = template.split_once('{')?;
                let (name, behind) = rest.split_once('}')?;
                let value = setting(name)?;
                // It becomes part of a host: nothing may end the label or begin a path.
                let plain = value
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                (plain && !value.is_empty()).then(|| match (self.auth, value.as_str()) {
                    // Source: Vertex AI's documentation, "Locations": the global and the multi-regional hosts.
                    (AuthScheme::Google, "global") => {
                        "https://aiplatform.googleapis.com".to_owned()
                    }
                    (AuthScheme::Google, "us" | "eu") => {
                        format!("https://aiplatform.{value}.rep.googleapis.com")
                    }
                    (AuthScheme::Aws, value) if value.starts_with("cn-") => {
                        format!("{before}{value}{behind}.cn")
                    }
                    _ => format!("{before}{value}{behind}"),
                })
            }
            BaseUrl::Asked(_) | BaseUrl::None => None,
        }
    }

    /// Whether its API root is a host without a version, so that a version given with it means the same.
    pub fn is_rooted_at_host(&self) -> bool {
        self.serves.first().is_some_and(|endpoint| {
            [
                "/v1",
                "/v2",
                "/api",
                "/openai",
                "/model/",
                "/serving",
                "/anthropic",
            ]
            .iter()
            .any(|start| endpoint.path.starts_with(start))
        })
    }

    /// The setting of that name.
    pub fn setting(&self, name: &str) -> Option<&'static Setting> {
        self.settings.iter().find(|setting| setting.name == name)
    }
}

/// OpenAI's chat below an API root that ends in the version.
const CHAT: Endpoint = Endpoint::new(Operation::Chat(Dialect::OpenAiChat), "/chat/completions");
const COMPLETIONS: Endpoint = Endpoint::new(Operation::Completions, "/completions");
const EMBEDDINGS: Endpoint = Endpoint::new(Operation::EMBEDDINGS, "/embeddings");
const RESPONSES: Endpoint = Endpoint::new(Operation::Chat(Dialect::OpenAiResponses), "/responses");
const MESSAGES: Endpoint = Endpoint::new(Operation::Chat(Dialect::Anthropic), "/messages");
const IMAGES: Endpoint = Endpoint::new(Operation::IMAGES, "/images/generations");
const IMAGE_EDITS: Endpoint = Endpoint::new(Operation::IMAGE_EDITS, "/images/edits");
const IMAGE_VARIATIONS: Endpoint = Endpoint::new(Operation::IMAGE_VARIATIONS, "/images/variations");
const SPEECH: Endpoint = Endpoint::new(Operation::SPEECH, "/audio/speech");
const TRANSCRIPTIONS: Endpoint = Endpoint::new(Operation::TRANSCRIPTIONS, "/audio/transcriptions");
const TRANSLATIONS: Endpoint = Endpoint::new(Operation::TRANSLATIONS, "/audio/translations");
const MODERATIONS: Endpoint = Endpoint::new(Operation::Moderations, "/moderations");
const RERANK: Endpoint = Endpoint::new(Operation::Rerank(RerankDialect::Jina), "/rerank");
const REALTIME: Endpoint = Endpoint::new(Operation::Realtime, "/realtime?model={model}");

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_row_is_complete_and_its_own() {
        let mut names = HashSet::new();
        let mut rows = 0;
        for kind in ProviderKind::all() {
            let row = kind.row();
            rows += 1;
            for name in row.aliases.iter().chain([&row.key]) {
                assert!(names.insert(*name), "`{name}` names two kinds");
                assert_eq!(ProviderKind::named(name), Some(kind));
            }
            assert!(
                !row.needs_credential || row.auth != AuthScheme::None,
                "{}",
                row.key
            );
            assert!(row.documentation.contains('/') && !row.display_name.is_empty());
            assert!(
                !row.serves.is_empty()
                    && row
                        .serves
                        .iter()
                        .all(|endpoint| endpoint.path.starts_with('/'))
            );
            if let BaseUrl::Fixed(url) | BaseUrl::Template(url) | BaseUrl::Usually(url, _) =
                row.base_url
            {
                assert!(url.starts_with("http") && !url.ends_with('/'), "{url}");
            }
            if let BaseUrl::Template(url) = row.base_url {
                let named = row
                    .settings
                    .iter()
                    .any(|setting| url.contains(&format!("{{{}}}", setting.name)));
                assert!(named, "{url}");
            }
            if row.auth == AuthScheme::Bearer && row.needs_credential {
                assert!(!row.key_variables.is_empty(), "{}", row.key);
            }
        }
        assert!(rows >= 32, "{rows} rows");
    }

    #[test]
    fn the_callers_own_dialect_comes_first() {
        let of = |kind: &str, dialect, model| {
            ProviderKind::named(kind)
                .and_then(|kind| kind.row().endpoint(Operation::Chat(dialect), model))
                .map(|endpoint| (endpoint.operation, endpoint.path))
        };
        let chat = Operation::Chat(Dialect::OpenAiChat);
        assert_eq!(
            of("openai", Dialect::OpenAiResponses, "m"),
            Some((Operation::Chat(Dialect::OpenAiResponses), "/responses"))
        );
        assert_eq!(
            of("openai", Dialect::Anthropic, "m"),
            Some((chat, "/chat/completions"))
        );
        assert_eq!(
            of("grok", Dialect::Gemini, "m"),
            Some((chat, "/chat/completions"))
        );
        assert_eq!(
            of("azure", Dialect::OpenAiChat, "m").map(|found| found.0),
            Some(chat)
        );
        let claude = of("vertex-ai", Dialect::OpenAiChat, "claude-opus-5").map(|found| found.0);
        assert_eq!(claude, Some(Operation::Chat(Dialect::Anthropic)));
        let gemini = of("google", Dialect::OpenAiChat, "gemini-3-pro").map(|found| found.0);
        assert_eq!(gemini, Some(Operation::Chat(Dialect::Gemini)));
    }
}
