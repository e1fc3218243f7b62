//! Streams of named events.

mod outline;
mod read;
mod write;

pub(crate) use self::outline::Outline;
pub(super) use self::read::Reader;
pub(super) use self::write::Writer;
