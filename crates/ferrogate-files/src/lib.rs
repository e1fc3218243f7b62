//! Static files for `file_server`.
//!
//! An [`Ask`] (what the client wants) meets the [`Rules`] (where it may look) in [`serve`]. The path is confined to the
//! root ([`join`]), looked up on a thread of its own, judged by the request's conditions, and comes back as a [`Served`]:
//! a file with its fields and a [`FileBody`] that reads it piece by piece, a redirect to the canonical path, a listing,
//! or the status it fails with.
//!
//! Refuses: writing, following a path out of the root by dot segments in any encoding, NUL bytes, blocking a worker, and
//! holding more than one piece of a file in memory.

mod body;
mod condition;
mod content_type;
mod hide;
mod listing;
mod path;
mod range;
mod serve;

pub use body::{FileBody, PIECE};
pub use hide::Hidden;
pub use listing::{Listing, SortBy};
pub use path::join;
pub use serve::{Ask, BrowseRules, Encoding, Rules, Served, ServedFile, serve};
