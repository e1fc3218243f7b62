//! Requests.

mod contents;
mod read;
mod settings;
mod thinking;
mod tools;
mod write;
mod write_contents;

pub(super) use self::read::{read, read_object};
pub(super) use self::write::write;
