//! The commands, one room each.

pub(crate) mod adapt;
pub(crate) mod admin;
pub(crate) mod completions;
pub(crate) mod explain;
pub(crate) mod fmt;
pub(crate) mod hash_key;
pub(crate) mod man;
pub(crate) mod models;
pub(crate) mod planned;
pub(crate) mod providers;
pub(crate) mod reload;
pub(crate) mod run;
pub(crate) mod status;
pub(crate) mod validate;
pub(crate) mod version;

mod document;
mod source;
mod table;
mod yaml;
