//! Text to syntax tree to resolved model.
//!
//! A file in one of the configuration languages goes in; out come a [`model::Config`] with defaults applied and
//! references checked, and a [`Report`] of everything that is wrong, each problem with its place in the original
//! text. The Caddyfile goes through words, a tree of lines and blocks with imports put in, and tables of
//! directives; TOML becomes such lines and is read by the same tables. Loading is the same for `validate` and for a
//! start. [`format()`] prints a Caddyfile anew.
//!
//! Refuses: to ignore anything (an unknown name, a number that does not parse), to open sockets, to read clocks,
//! and to print; the environment is a function the caller gives.

mod caddyfile;
mod diagnostic;
mod ferro_labs;
mod fmt;
mod load;
pub mod model;
mod render;
mod report;
mod source;
mod suggest;
mod toml;

pub use caddyfile::{ReferenceEntry, reference};
pub use diagnostic::{Diagnostic, ImportFrame, Severity};
pub use fmt::{format, is_formatted};
pub use load::{LoadOptions, Loaded, SourceFormat, load, load_str, migrate_ferro_labs};
pub use report::Report;
pub use source::{FileId, Position, Sources, Span};
pub use toml::{toml_reference, toml_schema};
