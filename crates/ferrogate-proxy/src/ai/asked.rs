//! What routing learns of a request.

use std::borrow::Cow;
use std::sync::OnceLock;
use std::time::Duration;

use ferrogate_llm::chat::{Block, ChatRequest, Role};
use ferrogate_llm::{Address, DecodeError, ModelRequest, Operation, estimate_tokens};
use ferrogate_providers::{Asked, LogicalModel};
use ferrogate_types::routing::{HashKey, Strategy};
use ferrogate_types::{TokenCount, clock};
use http::HeaderMap;
use serde_json::Value;

use super::facts::{Facts, scalar};
use super::refusal::Refusal;

/// A request, as far as the choice of a target depends on it.
pub(super) struct Asking<'a> {
    /// The model as the caller named it.
    model: &'a str,
    /// What is asked of it; a realtime session says that later.
    request: Option<&'a ModelRequest>,
    facts: Facts,
    /// The headers that the model's routing looks at.
    headers: HeaderMap,
    key: Option<&'a str>,
    /// The conversation, read when somebody needs it.
    chat: OnceLock<Result<ChatRequest<'a>, DecodeError>>,
    users_words: OnceLock<Option<String>>,
}

impl<'a> Asking<'a> {
    /// A request for a model, with these headers; `key` is the id of the caller's.
    pub(super) fn new(
        request: &'a ModelRequest,
        model: &LogicalModel,
        headers: &HeaderMap,
        key: Option<&'a str>,
    ) -> Result<Self, Refusal> {
        let session = Self::session(request.model(), model, headers, key)?;
        Ok(Self {
            request: Some(request),
            ..session
        })
    }

    /// A session with a model, under this name.
    pub(super) fn session(
        name: &'a str,
        model: &LogicalModel,
        headers: &HeaderMap,
        key: Option<&'a str>,
    ) -> Result<Self, Refusal> {
        Ok(Self {
            model: name,
            request: None,
            facts: Facts::read(headers)?,
            headers: hashed_headers(model, headers),
            key,
            chat: OnceLock::new(),
            users_words: OnceLock::new(),
        })
    }

    /// The conversation of a request, apart from its dialect.
    pub(super) fn chat(&self, request: &'a ModelRequest) -> Result<&ChatRequest<'a>, &DecodeError> {
        let read = || {
            let address = Address {
                model: Some(Cow::Borrowed(request.model())),
                stream: request.stream(),
            };
            let protocol = request.surface().dialect().protocol();
            let mut chat = protocol.read_request(request.body(), address)?;
            chat.unfold_thought_ids();
            Ok(chat)
        };
        self.chat.get_or_init(read).as_ref()
    }

    /// The conversation, where the request is one that can be read.
    fn conversation(&self) -> Option<&ChatRequest<'a>> {
        let request = self.request?;
        match request.surface().operation() {
            Operation::Chat(_) | Operation::CountTokens(_) => self.chat(request).ok(),
            _ => None,
        }
    }
}

impl Asked for Asking<'_> {
    fn model(&self) -> &str {
        self.model
    }

    fn user(&self) -> Option<&str> {
        self.request
            .and_then(ModelRequest::user)
            .or(self.facts.user.as_deref())
            .or_else(|| self.conversation()?.user.as_deref())
    }

    fn session(&self) -> Option<&str> {
        self.facts.session.as_deref()
    }

    fn key(&self) -> Option<&str> {
        self.key
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn metadata(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some(label) = self.facts.labels.get(name) {
            return Some(Cow::Borrowed(label));
        }
        let labels = self.conversation()?.metadata.as_ref()?;
        let labels: Value = serde_json::from_str(labels.get()).ok()?;
        scalar(labels.get(name)?).map(Cow::Owned)
    }

    fn stream(&self) -> bool {
        self.request.is_none_or(ModelRequest::stream)
    }

    fn has_tools(&self) -> bool {
        self.conversation()
            .is_some_and(|chat| !chat.tools.is_empty())
    }

    fn prompt(&self) -> Option<Cow<'_, str>> {
        let said = self.users_words.get_or_init(|| {
            let messages = &self.conversation()?.messages;
            let users = messages.iter().filter(|said| said.role == Role::User);
            Some(texts(
                users.flat_map(|said| &said.parts).map(|part| &part.block),
                usize::MAX,
            ))
        });
        said.as_deref().map(Cow::Borrowed)
    }

    fn prompt_prefix(&self, chars: usize) -> Option<Cow<'_, str>> {
        let messages = &self.conversation()?.messages;
        let blocks = messages.iter().flat_map(|said| &said.parts);
        Some(texts(blocks.map(|part| &part.block), chars).into())
    }

    fn input_tokens(&self) -> TokenCount {
        self.request
            .map_or(0, |request| estimate_tokens(request.body().len()))
    }

    fn max_output_tokens(&self) -> Option<TokenCount> {
        self.request?.max_output_tokens()
    }

    fn random(&self) -> u64 {
        fastrand::u64(..)
    }

    fn since_epoch(&self) -> Duration {
        clock::since_epoch()
    }
}

/// The texts among blocks, a line each, up to so many characters.
fn texts<'b>(blocks: impl Iterator<Item = &'b Block<'b>>, chars: usize) -> String {
    let enough = chars.saturating_mul(char::MAX.len_utf8());
    let mut all = String::new();
    for block in blocks {
        if all.len() >= enough {
            break;
        }
        if let Block::Text { text, .. } = block {
            all.push_str(text);
            all.push('\n');
        }
    }
    if let Some((end, _)) = all.char_indices().nth(chars) {
        all.truncate(end);
    }
    all
}

/// The headers of a request that its model's routing looks at.
fn hashed_headers(model: &LogicalModel, headers: &HeaderMap) -> HeaderMap {
    let routing = &model.spec.routing;
    let strategy = match &routing.strategy {
        Strategy::Hash(key) => Some(key),
        _ => None,
    };
    let sticky = routing.sticky.as_ref().map(|sticky| &sticky.key);
    let mut kept = HeaderMap::new();
    for key in strategy.into_iter().chain(sticky) {
        if let HashKey::Header(name) = key
            && let Ok(name) = http::HeaderName::try_from(name.as_str())
            && let Some(value) = headers.get(&name)
        {
            kept.insert(name, value.clone());
        }
    }
    kept
}
