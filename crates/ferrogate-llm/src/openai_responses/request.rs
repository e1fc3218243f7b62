//! Requests.

mod content;
mod items;
mod read;
mod tools;
mod write;
mod write_content;
mod write_items;

pub(super) use self::content::{read_annotation, read_parts};
pub(super) use self::items::{read_call, read_thought};
pub(super) use self::read::read;
pub(super) use self::write::write;

/// Members of a request of which what is not understood is kept beside the request's own.
const INNER: [&str; 2] = ["reasoning", "text"];
