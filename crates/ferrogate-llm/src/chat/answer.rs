//! What a model answers.

use std::borrow::Cow;

use ferrogate_types::Usage;

use super::Part;
use crate::Dialect;
use crate::json::{Json, Object};

/// A whole answer of any chat dialect.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// What it was written in: [`extra`](Self::extra) members are that dialect's.
    pub dialect: Dialect,
    /// The vendor's id; empty where it gives none.
    pub id: Cow<'a, str>,
    /// The model that answered, in the vendor's words.
    pub model: Cow<'a, str>,
    /// Seconds since 1970.
    pub created: Option<u64>,
    /// One answer, or as many as were asked for.
    pub choices: Vec<Choice<'a>>,
    /// What it used.
    pub usage: Option<Usage>,
    /// The tier that served it, in OpenAI's words.
    pub service_tier: Option<Cow<'a, str>>,
    /// Members of its own dialect.
    pub extra: Object<'a>,
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Choice<'a> {
    /// What was said, in order.
    pub parts: Vec<Part<'a>>,
    /// Why it ended.
    pub finish: FinishReason,
    /// The stop sequence that ended it.
    pub stop_sequence: Option<Cow<'a, str>>,
    /// OpenAI's `logprobs` object.
    pub logprobs: Option<Json<'a>>,
    /// Members of its own dialect.
    pub extra: Object<'a>,
}

/// Why an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// The model was done.
    Stop,
    /// A stop sequence came.
    StopSequence,
    /// Nothing more was allowed.
    Length,
    /// The context is full.
    ContextWindow,
    /// A tool is to be called.
    ToolUse,
    /// A filter stepped in.
    ContentFilter,
    /// The model declined.
    Refusal,
    /// A server-side loop paused; the caller sends the turn back to go on.
    Pause,
    /// A reason nobody else knows.
    Other(String),
}

impl Answer<'_> {
    /// An answer without anything in it.
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            id: Cow::Borrowed(""),
            model: Cow::Borrowed(""),
            created: None,
            choices: Vec::new(),
            usage: None,
            service_tier: None,
            extra: Object::default(),
        }
    }

    /// About how many bytes it takes to write it.
    pub(crate) fn room(&self) -> usize {
        let choice = |choice: &Choice<'_>| {
            let logprobs = choice.logprobs.as_ref().map_or(0, |raw| raw.get().len());
            choice.parts.iter().map(Part::room).sum::<usize>() + logprobs
        };
        self.choices.iter().map(choice).sum::<usize>() + 768
    }
}

impl<'a> Choice<'a> {
    /// A choice of these parts.
    pub fn new(parts: Vec<Part<'a>>, finish: FinishReason) -> Self {
        Self {
            parts,
            finish,
            stop_sequence: None,
            logprobs: None,
            extra: Object::default(),
        }
    }
}
