//! How providers depart from the dialect they speak.

use std::fmt;

/// A departure from OpenAI's chat dialect, applied by its writer at one named point each.
///
/// Which provider has which, and the document that says so, stands in the provider table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// The limit of output is `max_tokens`; `max_completion_tokens` is not known.
    MaxTokens,
    /// The limit of output is `max_completion_tokens`, whatever the model.
    MaxCompletionTokens,
    /// A member of the request that is refused or does nothing.
    Drop(&'static str),
    /// A member of the request under another name.
    Rename(&'static str, &'static str),
    /// A member of the request that is always sent, a string: `anthropic_version` of Claude on other platforms.
    Add(&'static str, &'static str),
    /// The role `developer` is not known: `system` instead.
    NoDeveloperRole,
    /// `name` of messages is refused.
    NoMessageNames,
    /// `stream_options` is refused; usage comes by itself.
    NoStreamOptions,
    /// Content must be a string: parts of text are joined.
    TextContent,
    /// Results of tools must be strings.
    TextToolResults,
    /// Each result must directly follow a turn with its own call alone.
    PairedToolResults,
    /// `tool_choice: required` is spelt `any`.
    AnyForRequired,
    /// A forced tool choice is refused: `auto` instead.
    NoForcedTools,
    /// `tool_choice` does nothing.
    NoToolChoice,
    /// `strict` of tools is refused.
    NoStrictTools,
    /// Ids of tool calls have exactly nine letters or digits.
    NineCharacterIds,
    /// Temperature is at most 1.
    TemperatureToOne,
    /// `logprobs` is the number of tokens told.
    NumericLogprobs,
    /// Only one answer: `n` is refused.
    OneChoice,
    /// Thoughts are sent back as `reasoning_content` with calls of tools.
    ReplaysReasoning,
    /// Effort is a switch: `thinking: {type: enabled|disabled}`.
    ThinkingSwitch,
    /// Effort is a switch: `enable_thinking`, with `thinking_budget`.
    EnableThinking,
    /// No effort is `reasoning: {enabled: false}`.
    ReasoningEnabled,
    /// The highest effort is `xhigh`.
    EffortToXHigh,
    /// `cache_control` on parts is understood; strings become parts to carry it.
    CacheControl,
    /// Penalties are refused.
    NoPenalties,
    /// Content of answers may be a list of parts: it is made text.
    ListContent,
    /// Chunks repeat the whole message so far beside the delta: the repetition is left out.
    AccumulatedMessages,
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match *self {
            Self::Drop(name) => return write!(f, "`{name}` is left out"),
            Self::Rename(from, to) => return write!(f, "`{from}` is called `{to}`"),
            Self::Add(name, value) => return write!(f, "`{name}: {value}` is always sent"),
            Self::MaxTokens => "the limit of output is `max_tokens`",
            Self::MaxCompletionTokens => "the limit of output is `max_completion_tokens`",
            Self::NoDeveloperRole => "`developer` becomes `system`",
            Self::NoMessageNames => "messages have no `name`",
            Self::NoStreamOptions => "`stream_options` is left out, usage comes by itself",
            Self::TextContent => "content is a string",
            Self::TextToolResults => "results of tools are strings",
            Self::PairedToolResults => "each result of a tool follows a turn with its own call",
            Self::AnyForRequired => "`tool_choice: required` is `any`",
            Self::NoForcedTools => "no tool can be forced",
            Self::NoToolChoice => "`tool_choice` is left out",
            Self::NoStrictTools => "tools have no `strict`",
            Self::NineCharacterIds => "ids of calls have nine characters",
            Self::TemperatureToOne => "temperature is at most 1",
            Self::NumericLogprobs => "`logprobs` is a number",
            Self::OneChoice => "`n` is left out",
            Self::ReplaysReasoning => "thoughts go back as `reasoning_content`",
            Self::ThinkingSwitch => "effort is `thinking: {type}`",
            Self::EnableThinking => "effort is `enable_thinking` with `thinking_budget`",
            Self::ReasoningEnabled => "no effort is `reasoning: {enabled: false}`",
            Self::EffortToXHigh => "the highest effort is `xhigh`",
            Self::CacheControl => "`cache_control` on parts is kept",
            Self::NoPenalties => "penalties are left out",
            Self::ListContent => "content of answers may be a list, and is made text",
            Self::AccumulatedMessages => "repeated messages in streams are left out",
        };
        f.write_str(text)
    }
}

impl Quirk {
    /// Whether it changes requests; else it changes answers.
    pub fn is_of_requests(self) -> bool {
        !self.is_of_answers()
    }

    /// Whether it changes answers, which then are read and written anew.
    pub fn is_of_answers(self) -> bool {
        matches!(self, Self::ListContent | Self::AccumulatedMessages)
    }
}
