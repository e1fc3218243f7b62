//! Whole answers.

mod citations;
mod finish;
mod read;
mod write;

pub(super) use self::citations::{Grounding, write as write_grounding};
pub(super) use self::finish::{Native, read as read_finish, write as write_finish};
pub(super) use self::read::{fault, read, start_of};
pub(super) use self::write::{call as write_call, write};
