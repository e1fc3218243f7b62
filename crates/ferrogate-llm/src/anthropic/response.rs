//! Whole answers.

mod read;
mod stop;
mod write;

pub(super) use self::read::{explanation, read, read_tier};
pub(super) use self::stop::{read as read_stop, write as write_stop};
pub(super) use self::write::{is_hosted, write, write_citation, write_image, write_tier};
