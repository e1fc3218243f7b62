//! Requests.

mod breakpoints;
mod part;
mod plan;
mod read;
mod schema;
mod tools;
mod turns;
mod write;

pub(super) use self::part::write_input;
pub(super) use self::plan::emulation;
pub(super) use self::read::read;
pub(super) use self::write::{Purpose, write};

/// Members of a request of which what is not understood is kept beside the request's own.
const INNER: [&str; 4] = ["thinking", "output_config", "tool_choice", "metadata"];
