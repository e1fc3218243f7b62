//! Whole answers.

mod item;
mod object;
mod read;
mod write;

pub(super) use self::item::{Item, is_item, write_annotation, write_text_part};
pub(super) use self::object::{Envelope, Status};
pub(super) use self::read::{read, read_image, reason_of};
pub(super) use self::write::write;
