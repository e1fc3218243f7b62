//! What a translation must know of the model it translates for.

use serde::{Serialize, Serializer};

use crate::chat::Effort;

/// How a model is told to think.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ThinkingStyle {
    /// Nothing is known: ask in the way of the provider's dialect.
    #[default]
    Unknown,
    /// It does not think, and refuses to be asked.
    None,
    /// A budget of tokens, at least 1024: `thinking: {type: "enabled", budget_tokens}` (Claude up to 4.5).
    Budget,
    /// The model decides, guided by an effort: `thinking: {type: "adaptive"}` (Claude from 4.6).
    Adaptive,
    /// Like [`Adaptive`](Self::Adaptive), and cannot be switched off.
    AdaptiveAlways,
    /// A budget of tokens: `thinkingConfig: {thinkingBudget}` (Gemini 2.5).
    GeminiBudget,
    /// A level: `thinkingConfig: {thinkingLevel}` (Gemini 3 and later).
    GeminiLevel,
    /// An effort: `reasoning_effort`, or `reasoning: {effort}`.
    Effort,
    /// On or off, in the way of the provider: `thinking: {type}`, `enable_thinking`, `think`.
    Toggle,
    /// It always thinks, and there is nothing to set.
    Always,
}

impl ThinkingStyle {
    /// Every style.
    pub const ALL: [Self; 10] = [
        Self::Unknown,
        Self::None,
        Self::Budget,
        Self::Adaptive,
        Self::AdaptiveAlways,
        Self::GeminiBudget,
        Self::GeminiLevel,
        Self::Effort,
        Self::Toggle,
        Self::Always,
    ];

    /// The word for it in the model catalog.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::None => "none",
            Self::Budget => "budget",
            Self::Adaptive => "adaptive",
            Self::AdaptiveAlways => "adaptive_always",
            Self::GeminiBudget => "gemini_budget",
            Self::GeminiLevel => "gemini_level",
            Self::Effort => "effort",
            Self::Toggle => "toggle",
            Self::Always => "always",
        }
    }

    /// The style of that word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|style| style.as_str() == word)
    }
}

impl Serialize for ThinkingStyle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The efforts a model takes; the empty set says that nothing is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Efforts(u8);

impl Efforts {
    /// Nothing known.
    pub const UNKNOWN: Self = Self(0);

    /// Whether nothing is known.
    pub const fn is_unknown(self) -> bool {
        self.0 == 0
    }

    /// Whether the model is known to take `effort`.
    pub const fn contains(self, effort: Effort) -> bool {
        self.0 & (1 << effort as u8) != 0
    }

    /// With `effort` too.
    #[must_use]
    pub const fn with(self, effort: Effort) -> Self {
        Self(self.0 | (1 << effort as u8))
    }

    /// Those the model takes, weakest first.
    pub fn iter(self) -> impl Iterator<Item = Effort> {
        Effort::ALL
            .into_iter()
            .filter(move |&effort| self.contains(effort))
    }

    /// What to send for `wanted`: itself when the model takes it or nothing is known, else the nearest the model
    /// takes, the weaker of two equally near. Only a wish for [`Effort::None`] is answered with it.
    pub fn nearest(self, wanted: Effort) -> Effort {
        let distance = |effort: Effort| (effort as u8).abs_diff(wanted as u8);
        self.iter()
            .filter(|&effort| wanted == Effort::None || effort != Effort::None)
            .min_by_key(|&effort| distance(effort))
            .unwrap_or(wanted)
    }
}

impl Serialize for Efforts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Effort::as_str))
    }
}

impl FromIterator<Effort> for Efforts {
    fn from_iter<I: IntoIterator<Item = Effort>>(efforts: I) -> Self {
        efforts.into_iter().fold(Self::UNKNOWN, Self::with)
    }
}

/// What a model takes and refuses, as far as a translation depends on it.
///
/// The default is permissive: a model nobody described gets what the caller sent, and its provider decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelTraits {
    /// Tokens of input and output together.
    pub context_window: Option<u64>,
    /// Tokens of output; Anthropic's `max_tokens` when the caller named none.
    pub max_output_tokens: Option<u64>,
    /// How it is told to think.
    pub thinking: ThinkingStyle,
    /// How much it can be told to think.
    pub efforts: Efforts,
    /// The smallest budget of a style that has one, in tokens.
    pub min_thinking_budget: Option<u64>,
    /// Thinking can be switched off.
    pub thinking_off: bool,
    /// Takes `temperature`, `top_p`, `top_k` and `logprobs`, at least while it does not think.
    pub sampling: bool,
    /// Takes them while it thinks too.
    pub sampling_while_thinking: bool,
    /// Takes `presence_penalty` and `frequency_penalty`.
    pub penalties: bool,
    /// Takes stop sequences.
    pub stop: bool,
    /// The output limit must be sent as `max_completion_tokens`: `max_tokens` is refused.
    pub max_completion_tokens: bool,
    /// Takes tools.
    pub tools: bool,
    /// Takes several tool calls in one answer.
    pub parallel_tools: bool,
    /// A call of some tool, or of a named one, can be demanded.
    pub forced_tool_choice: bool,
    /// Takes ids on calls and results (Gemini: from 3 on, older models refuse the unknown field).
    pub call_ids: bool,
    /// Takes a JSON schema for the answer.
    pub json_schema: bool,
    /// Takes tools and a JSON schema in one request.
    pub tools_with_schema: bool,
    /// Continues an answer that the caller began.
    pub prefill: bool,
    /// Takes system messages after the first other message, in their place.
    pub system_in_messages: bool,
    /// Takes pictures.
    pub images: bool,
    /// Takes pictures by URL.
    pub image_urls: bool,
    /// Takes PDF documents.
    pub pdf: bool,
    /// Takes sound.
    pub audio_in: bool,
}

impl Default for ModelTraits {
    fn default() -> Self {
        Self {
            context_window: None,
            max_output_tokens: None,
            thinking: ThinkingStyle::Unknown,
            efforts: Efforts::UNKNOWN,
            min_thinking_budget: None,
            thinking_off: true,
            sampling: true,
            sampling_while_thinking: true,
            penalties: true,
            stop: true,
            max_completion_tokens: false,
            tools: true,
            parallel_tools: true,
            forced_tool_choice: true,
            call_ids: true,
            json_schema: true,
            tools_with_schema: true,
            prefill: true,
            // Moved to the front they are understood by every model.
            system_in_messages: false,
            images: true,
            image_urls: true,
            pdf: true,
            audio_in: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sends_the_nearest_effort_the_model_takes() {
        let set = |words: &str| {
            words
                .split(' ')
                .filter_map(Effort::parse)
                .collect::<Efforts>()
        };
        for (efforts, wanted, sent) in [
            ("", Effort::XHigh, Effort::XHigh),
            ("low medium high", Effort::Minimal, Effort::Low),
            ("low medium high", Effort::Max, Effort::High),
            ("low medium high", Effort::None, Effort::Low),
            ("none low medium high", Effort::None, Effort::None),
            ("none medium high", Effort::Minimal, Effort::Medium),
            ("low high", Effort::Medium, Effort::Low),
            ("low medium high xhigh max", Effort::Max, Effort::Max),
        ] {
            assert_eq!(set(efforts).nearest(wanted), sent, "{efforts} {wanted:?}");
        }
    }
}
