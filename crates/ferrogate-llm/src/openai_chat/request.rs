//! Requests.

mod content;
mod read;
mod write;
mod write_messages;

pub(super) use self::read::{call as read_call, read};
pub(super) use self::write::write;
