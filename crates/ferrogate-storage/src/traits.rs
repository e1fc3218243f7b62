//! What is kept, and what is asked of whoever keeps it.

pub(crate) mod audit;
pub(crate) mod changes;
pub(crate) mod config;
pub(crate) mod document;
pub(crate) mod idempotency;
pub(crate) mod key;
pub(crate) mod ledger;
pub(crate) mod request_log;
pub(crate) mod session;
pub(crate) mod tenant;

/// What must be true of a row for it to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It is not there yet.
    Absent,
    /// It is there, at whatever version.
    Present,
    /// It is there at this version: `If-Match`.
    Version(u64),
}
