//! Requests.

mod history;
mod read;
mod thinking;
mod write;
mod write_messages;
mod write_tools;

pub(super) use self::read::read;
pub(super) use self::write::write;
