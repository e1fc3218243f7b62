//! Whole answers.

mod finish;
mod read;
mod write;

pub(super) use self::finish::{read as read_finish, write as write_finish};
pub(super) use self::read::{read, stop_sequence};
pub(super) use self::write::write;
