//! Every store, written once in the SQL that both databases speak.

mod audit;
mod backend;
mod changes;
mod config;
mod document;
mod filter;
mod idempotency;
mod key;
mod ledger;
mod percentiles;
mod request_log;
mod row;
mod session;
mod store;
mod tenant;
mod usage;
mod value;

pub(crate) use backend::{Backend, Transaction};
pub(crate) use row::Row;
pub use store::Store;
pub(crate) use value::Value;
