//! Whole answers.

mod finish;
mod read;
pub(super) mod thoughts;
mod write;

pub(super) use self::finish::{read as read_finish, write as write_finish};
pub(super) use self::read::{content as read_content, read};
pub(super) use self::write::{annotation as write_annotation, write};
