//! Streams of named events.

mod read;
mod write;

pub(super) use self::read::Reader;
pub(super) use self::write::Writer;
