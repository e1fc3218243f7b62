//! The admin API, through its front door, on a real store, a real ledger and real credentials.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod billing;
mod budgets;
mod config;
mod facts;
mod keys;
mod lists;
mod logs;
mod node;
mod openapi;
mod policies;
mod repeat;
mod sessions;
mod support;
mod tenants;
mod usage;
