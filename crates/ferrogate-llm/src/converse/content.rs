//! Content blocks, in requests and answers alike.

mod media;
mod read;
mod write;

pub(super) use self::media::{DocumentNames, write as write_media};
pub(super) use self::read::{cache_point, citation, read, read_leniently};
pub(super) use self::write::{
    citation as write_citation, cited, object_text, redacted, text, thinking, tool_use,
};
