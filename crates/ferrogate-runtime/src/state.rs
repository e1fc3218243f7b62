//! What outlives a configuration: where it is kept, and the books of calls.

mod books;
mod place;

pub(crate) use books::open as open_books;
pub(crate) use place::Place;
