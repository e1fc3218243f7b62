//! A conversation, apart from any dialect.
//!
//! The representation between a caller's dialect and a provider's, where the two differ. What at least two dialects
//! know has a field of its own; what only one knows stays with the part it was written on as `json::Object` and goes to
//! targets of the same dialect. Readers take members, writers name what they cannot carry in [`Lossy`](crate::Lossy):
//! nothing is lost without a word.

mod answer;
pub(crate) mod call_id;
pub(crate) mod calls;
mod event;
mod message;
mod request;
mod sequence;
pub(crate) mod thought_id;
mod thought_mark;
mod tool;

pub use answer::{Answer, Choice, FinishReason};
pub use event::{BlockKind, Delta, Event, Start};
pub(crate) use message::join;
pub use message::{Block, CacheMark, Citation, Media, MediaKind, Message, Part, Role, Source};
pub(crate) use request::unusual;
pub use request::{ChatRequest, Effort, Reasoning, ResponseFormat, Sampling, ThinkingMode};
pub(crate) use sequence::OVERFULL;
pub use sequence::Sequencer;
pub(crate) use thought_mark::Marking;
pub use thought_mark::may_hold_marks;
pub use tool::{Tool, ToolChoice, ToolKind};
