//! The dialects.

use crate::protocol::Protocol;
use crate::{
    anthropic, cohere, converse, gemini, ollama, openai_chat, openai_responses, openai_text,
    replicate,
};

/// A wire dialect of chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI's chat completions, the dialect most providers speak.
    OpenAiChat,
    /// OpenAI's Responses.
    OpenAiResponses,
    /// OpenAI's text completions, spoken by callers only.
    OpenAiText,
    /// Anthropic's Messages.
    Anthropic,
    /// Google's `generateContent`.
    Gemini,
    /// Amazon Bedrock's Converse.
    Converse,
    /// Cohere's chat, version 2.
    Cohere,
    /// Ollama's own `/api/chat`.
    Ollama,
    /// Replicate's predictions.
    Replicate,
}

impl Dialect {
    /// How it is read and written.
    pub fn protocol(self) -> &'static dyn Protocol {
        match self {
            Self::OpenAiChat => &openai_chat::OpenAiChat,
            Self::OpenAiResponses => &openai_responses::OpenAiResponses,
            Self::OpenAiText => &openai_text::OpenAiText,
            Self::Anthropic => &anthropic::Anthropic,
            Self::Gemini => &gemini::Gemini,
            Self::Converse => &converse::Converse,
            Self::Cohere => &cohere::Cohere,
            Self::Ollama => &ollama::Ollama,
            Self::Replicate => &replicate::Replicate,
        }
    }

    /// The name in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAiChat => "openai-chat",
            Self::OpenAiResponses => "openai-responses",
            Self::OpenAiText => "openai-text",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Converse => "bedrock-converse",
            Self::Cohere => "cohere",
            Self::Ollama => "ollama",
            Self::Replicate => "replicate",
        }
    }
}
