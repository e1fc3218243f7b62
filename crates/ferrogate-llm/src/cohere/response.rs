//! Whole answers.

mod read;
mod write;

pub(super) use self::read::{error_of, read};
pub(super) use self::write::write;
