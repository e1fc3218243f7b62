//! What a stream brings.

use ferrogate_types::Usage;
use serde_json::value::RawValue;

use super::{Citation, FinishReason};
use crate::UpstreamFault;

/// One step of a streamed answer.
///
/// Blocks of one choice are numbered from 0 in the order they begin. Most dialects write one at a time; OpenAI's
/// may interleave calls of tools, so a delta names its block. Every block that was opened is closed before the
/// choice finishes.
#[derive(Clone, Debug)]
pub enum Event {
    /// The answer begins.
    Start(Start),
    /// A block begins.
    Open {
        /// Of which answer, from 0.
        choice: u32,
        /// Its number within the answer.
        block: u32,
        /// What it is.
        kind: BlockKind,
    },
    /// A block goes on.
    Delta {
        /// Of which answer, from 0.
        choice: u32,
        /// Which block.
        block: u32,
        /// What is added.
        delta: Delta,
    },
    /// A block ends.
    Close {
        /// Of which answer, from 0.
        choice: u32,
        /// Which block.
        block: u32,
    },
    /// An answer ends.
    Finish {
        /// Which, from 0.
        choice: u32,
        /// Why.
        reason: FinishReason,
        /// The stop sequence that ended it.
        stop_sequence: Option<String>,
    },
    /// OpenAI's `logprobs` object for what was just said.
    Logprobs {
        /// Of which answer, from 0.
        choice: u32,
        /// As it came.
        raw: Box<RawValue>,
    },
    /// Usage so far; a later one replaces it.
    Usage(Usage),
    /// Nothing new, but still there.
    KeepAlive,
    /// The provider failed; the stream is over.
    Fault(UpstreamFault),
    /// The dialect's own end.
    End,
}

/// How an answer begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// The vendor's id; empty where it gives none.
    pub id: String,
    /// The model that answers, in the vendor's words.
    pub model: String,
    /// Seconds since 1970.
    pub created: Option<u64>,
    /// The tier that serves it, in OpenAI's words.
    pub service_tier: Option<String>,
}

/// What a block is.
#[derive(Clone, Debug)]
pub enum BlockKind {
    /// Text.
    Text,
    /// Thoughts.
    Thinking,
    /// A thought nobody may read, complete.
    RedactedThinking {
        /// Opaque.
        data: String,
    },
    /// A call of a tool; its arguments follow.
    ToolUse {
        /// Ties the result to the call.
        id: String,
        /// The tool.
        name: String,
        /// A custom tool, whose input is free text.
        custom: bool,
    },
    /// The model declines.
    Refusal,
    /// A picture, complete.
    Image {
        /// For instance `image/png`.
        media_type: String,
        /// In base64.
        base64: String,
    },
    /// A block that only its own dialect knows, complete.
    Foreign {
        /// Its `type` or key.
        kind: String,
        /// As it came.
        raw: Box<RawValue>,
    },
}

/// What is added to a block.
#[derive(Clone, Debug)]
pub enum Delta {
    /// Text, thoughts or the words of a refusal, by the block's kind.
    Text(String),
    /// The signature of a thought, or the vendor's mark on a call or text.
    Signature(String),
    /// A piece of a call's arguments: JSON text, or free text for a custom tool.
    Arguments(String),
    /// Where the text is from.
    Citation(Box<Citation<'static>>),
}

impl BlockKind {
    /// Bytes it brings by itself.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::ToolUse { name, .. } => name.len(),
            Self::RedactedThinking { data } => data.len(),
            Self::Text
            | Self::Thinking
            | Self::Refusal
            | Self::Image { .. }
            | Self::Foreign { .. } => 0,
        }
    }
}

impl Delta {
    /// Bytes of what the model said.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(text) | Self::Arguments(text) => text.len(),
            Self::Signature(_) | Self::Citation(_) => 0,
        }
    }
}
