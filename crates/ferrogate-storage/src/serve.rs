//! The stores that the crates above ask for, on what this one keeps.
//!
//! `ferrogate-auth` and `ferrogate-billing` each own the traits they need, in their own words: seconds, specs, digests,
//! events. The rooms here put those words into rows and back; what several nodes share in Redis stands in `redis`.

mod credential;
mod error;
mod key;
mod ledger;
mod seconds;
mod session;
mod settings;
mod tenant;

pub use key::{key_from_store, key_to_store};
pub use tenant::{tenant_from_store, tenant_to_store};
