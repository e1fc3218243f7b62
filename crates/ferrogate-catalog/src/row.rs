//! One model at one provider.

use std::sync::Arc;

use ferrogate_llm::{Efforts, ModelTraits, ThinkingStyle};
use serde::Serialize;

use crate::said::Said;
use crate::words::words;
use crate::{Capabilities, Date, Prices};

words! {
    /// What a model is called for.
    pub enum Mode {
        /// Conversations.
        Chat = "chat",
        /// Conversations, by OpenAI's Responses API only.
        Responses = "responses",
        /// The continuation of a text.
        Completion = "completion",
        /// Vectors.
        Embedding = "embedding",
        /// Pictures.
        Image = "image",
        /// Text of speech.
        Transcription = "transcription",
        /// Speech of text.
        Speech = "speech",
        /// The order of documents.
        Rerank = "rerank",
        /// Whether a text is harmful.
        Moderation = "moderation",
        /// Live sessions of sound or text.
        Realtime = "realtime",
    }
}

words! {
    /// How long a model may be relied on.
    pub enum Status {
        /// May change or go without notice.
        Preview = "preview",
        /// In use.
        Active = "active",
        /// Its end is announced.
        Deprecated = "deprecated",
        /// Gone.
        Retired = "retired",
    }
}

/// From a model's announcement to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lifecycle {
    /// Where it stands.
    pub status: Status,
    /// When its end was announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Date>,
    /// The day it stops answering.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sunset: Option<Date>,
    /// What its provider says to use instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub successor: Option<String>,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            status: Status::Active,
            deprecated: None,
            sunset: None,
            successor: None,
        }
    }
}

/// What is known of one model at one provider.
#[derive(Clone, Debug, Serialize)]
pub struct ModelRow {
    /// The provider's canonical key.
    pub provider: Arc<str>,
    /// What the provider calls the model.
    pub id: String,
    /// What the provider calls it too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// A date or version number behind the id or an alias names the same model.
    pub dated: bool,
    /// What it is called for.
    pub mode: Mode,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Tokens of input and output together.
    pub context_window: Option<u64>,
    /// Tokens of output.
    pub max_output_tokens: Option<u64>,
    /// How it is told to think.
    pub thinking: ThinkingStyle,
    /// How much it can be told to think.
    pub efforts: Efforts,
    /// What it costs.
    pub prices: Prices,
    /// From its announcement to its end.
    pub lifecycle: Lifecycle,
    /// The provider's public page that has these facts.
    pub source: Option<Arc<str>>,
    /// The day on which the facts were taken.
    pub as_of: Option<Date>,
    /// What its own line says.
    #[serde(skip)]
    pub(crate) said: Said,
    /// What its line and its families say.
    #[serde(skip)]
    pub(crate) resolved: Said,
}

impl ModelRow {
    /// What it takes and refuses, with what its family has in common.
    pub fn traits(&self) -> ModelTraits {
        self.resolved.traits()
    }

    /// Whether any price is known.
    pub fn is_priced(&self) -> bool {
        !self.prices.is_empty()
    }

    /// Joins what the row says with what its families say.
    pub(crate) fn resolve(&mut self, inherited: &Said) {
        let said = self.said.over(inherited);
        self.capabilities = said.capabilities(self.mode);
        self.context_window = said.context_window;
        self.max_output_tokens = said.max_output_tokens;
        self.thinking = said.thinking.unwrap_or_default();
        self.efforts = said.efforts.unwrap_or_default();
        self.resolved = said;
    }
}
