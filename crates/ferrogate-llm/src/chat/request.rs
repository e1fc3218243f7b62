//! What a model is asked.

use std::borrow::Cow;

use super::{Message, Part, Tool, ToolChoice};
use crate::Dialect;
use crate::json::{Json, Object};

/// A request of any chat dialect.
#[derive(Clone, Debug)]
pub struct ChatRequest<'a> {
    /// What it was written in: [`extra`](Self::extra) members are that dialect's.
    pub dialect: Dialect,
    /// The model asked for.
    pub model: Cow<'a, str>,
    /// The conversation; instructions are messages of [`Role::System`](super::Role), in place.
    pub messages: Vec<Message<'a>>,
    /// Tools that may be called.
    pub tools: Vec<Tool<'a>>,
    /// Whether one is to be called.
    pub tool_choice: Option<ToolChoice<'a>>,
    /// Whether several may be called at once.
    pub parallel_tools: Option<bool>,
    /// How the answer is drawn.
    pub sampling: Sampling<'a>,
    /// The most tokens to produce, thoughts included.
    pub max_tokens: Option<u64>,
    /// How long to think.
    pub reasoning: Reasoning<'a>,
    /// What the answer must look like.
    pub format: Option<ResponseFormat<'a>>,
    /// How wordy: `low`, `medium`, `high`.
    pub verbosity: Option<Cow<'a, str>>,
    /// The caller's own user, for the vendor's misuse detection.
    pub user: Option<Cow<'a, str>>,
    /// `auto`, `default`, `flex`, `priority`, …, in OpenAI's words.
    pub service_tier: Option<Cow<'a, str>>,
    /// The caller's own labels.
    pub metadata: Option<Json<'a>>,
    /// A stream is asked for.
    pub stream: bool,
    /// Usage in the stream was asked for.
    pub usage_asked: bool,
    /// Members of its own dialect.
    pub extra: Object<'a>,
    /// Members of its own dialect that say what fields say as well, whole, for targets of the same dialect.
    pub twins: Object<'a>,
}

impl ChatRequest<'_> {
    /// An empty request of a dialect.
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            model: Cow::Borrowed(""),
            messages: Vec::new(),
            tools: Vec::new(),
            tool_choice: None,
            parallel_tools: None,
            sampling: Sampling::default(),
            max_tokens: None,
            reasoning: Reasoning::default(),
            format: None,
            verbosity: None,
            user: None,
            service_tier: None,
            metadata: None,
            stream: false,
            usage_asked: false,
            extra: Object::default(),
            twins: Object::default(),
        }
    }

    /// About how many bytes it takes to write it.
    pub(crate) fn room(&self) -> usize {
        let parts = self.messages.iter().flat_map(|message| &message.parts);
        let said: usize = parts.map(Part::room).sum();
        said + self.tools.iter().map(Tool::room).sum::<usize>() + 512
    }
}

/// How an answer is drawn.
#[derive(Clone, Debug, Default)]
pub struct Sampling<'a> {
    /// 0 to 1 or 2, by vendor.
    pub temperature: Option<f64>,
    /// 0 to 1.
    pub top_p: Option<f64>,
    /// The likeliest so many.
    pub top_k: Option<u64>,
    /// -2 to 2.
    pub frequency_penalty: Option<f64>,
    /// -2 to 2.
    pub presence_penalty: Option<f64>,
    /// For the same answer again, as far as possible.
    pub seed: Option<i64>,
    /// What ends the answer.
    pub stop: Vec<Cow<'a, str>>,
    /// How many answers.
    pub n: Option<u64>,
    /// Whether to tell how likely each token was.
    pub logprobs: Option<bool>,
    /// How many other tokens to tell.
    pub top_logprobs: Option<u64>,
}

/// A value unless it is the usual one, with which nothing is lost.
pub(crate) fn unusual(value: Option<f64>, usual: f64) -> Option<f64> {
    value.filter(|value| (value - usual).abs() > f64::EPSILON)
}

/// How long to think. Each dialect writes some of this; a writer takes what it can use, effort first.
#[derive(Clone, Debug, Default)]
pub struct Reasoning<'a> {
    /// In words.
    pub effort: Option<Effort>,
    /// In tokens.
    pub budget: Option<u64>,
    /// Switched on or off.
    pub mode: Option<ThinkingMode>,
    /// What of the thoughts to show: OpenAI's `summary` or Anthropic's `display`.
    pub summary: Option<Cow<'a, str>>,
}

/// Whether to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThinkingMode {
    /// With a budget.
    Enabled,
    /// As the model sees fit.
    Adaptive,
    /// Not at all.
    Disabled,
}

/// How long to think, in words, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effort {
    /// Not at all.
    None,
    /// Hardly.
    Minimal,
    /// A little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// More.
    XHigh,
    /// All there is.
    Max,
}

/// Each effort, its word, and the budget in tokens that stands for it where a model wants one. The budgets are this
/// gateway's convention; no vendor gives any.
const EFFORTS: [(Effort, &str, u64); 7] = [
    (Effort::None, "none", 0),
    (Effort::Minimal, "minimal", 1024),
    (Effort::Low, "low", 1024),
    (Effort::Medium, "medium", 2048),
    (Effort::High, "high", 4096),
    (Effort::XHigh, "xhigh", 8192),
    (Effort::Max, "max", 16384),
];

impl Effort {
    /// Every effort, least first.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Minimal,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::XHigh,
        Self::Max,
    ];

    /// Reads OpenAI's and Anthropic's words.
    pub fn parse(word: &str) -> Option<Self> {
        EFFORTS
            .iter()
            .find(|(_, known, _)| *known == word)
            .map(|row| row.0)
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    /// A budget in tokens of about this effort.
    pub fn budget(self) -> u64 {
        self.row().2
    }

    /// The effort of about this budget.
    pub fn of_budget(tokens: u64) -> Self {
        match tokens {
            0 => Self::None,
            1..2048 => Self::Low,
            2048..8192 => Self::Medium,
            _ => Self::High,
        }
    }

    fn row(self) -> &'static (Self, &'static str, u64) {
        &EFFORTS[self as usize]
    }
}

impl Reasoning<'_> {
    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.effort.is_none() && self.budget.is_none() && self.mode.is_none()
    }

    /// The effort, told or guessed from the budget; `None` when only on, or nothing, was said.
    pub fn effort(&self) -> Option<Effort> {
        match (self.effort, self.mode, self.budget) {
            (Some(effort), ..) => Some(effort),
            (None, Some(ThinkingMode::Disabled), _) => Some(Effort::None),
            (None, _, budget) => budget.map(Effort::of_budget),
        }
    }
}

/// What an answer must look like.
#[derive(Clone, Debug)]
pub enum ResponseFormat<'a> {
    /// Text.
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON of a schema.
    JsonSchema {
        /// Its name; some dialects have none.
        name: Option<Cow<'a, str>>,
        /// What it is for.
        description: Option<Cow<'a, str>>,
        /// The schema.
        schema: Json<'a>,
        /// It must be followed exactly.
        strict: Option<bool>,
    },
    /// A form that only its own dialect knows.
    Foreign(Json<'a>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn efforts_stand_in_the_order_of_their_table() {
        for (effort, word, _) in EFFORTS {
            assert_eq!(Effort::parse(word), Some(effort));
            assert_eq!(effort.as_str(), word);
        }
        assert!(
            EFFORTS
                .windows(2)
                .all(|pair| pair[0].0 < pair[1].0 && pair[0].2 <= pair[1].2)
        );
    }
}
