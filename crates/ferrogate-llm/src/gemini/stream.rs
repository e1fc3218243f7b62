//! Streams of partial answers.

mod read;
mod write;

pub(super) use self::read::Reader;
pub(super) use self::write::Writer;
