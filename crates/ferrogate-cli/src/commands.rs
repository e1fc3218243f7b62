//! The commands, one room each.

pub(crate) mod adapt;
pub(crate) mod completions;
pub(crate) mod explain;
pub(crate) mod fmt;
pub(crate) mod hash_key;
pub(crate) mod models;
pub(crate) mod planned;
pub(crate) mod providers;
pub(crate) mod run;
pub(crate) mod validate;
pub(crate) mod version;

mod source;
mod table;
