//! The stores against what is asked of them, and against real servers.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where it stopped"
)]

mod conformance;
mod files;
mod grants;
mod migration;
mod outage;
mod place;
mod rates;
mod redis;
mod server;
mod tls;
