//! Whole answers.

mod read;
mod write;

pub(super) use self::read::{logprobs, read};
pub(super) use self::write::{head, write, write_logprobs};
