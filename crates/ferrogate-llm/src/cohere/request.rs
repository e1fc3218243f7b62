//! Requests.

mod message;
mod read;
mod write;
mod write_messages;

pub(super) use self::message::call as read_call;
pub(super) use self::read::read;
pub(super) use self::write::write;
