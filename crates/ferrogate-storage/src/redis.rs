//! Redis: what several nodes decide together.
//!
//! Every decision is one script, which Redis runs alone. There is no support for Redis Cluster: the counters of one
//! request may be anywhere in it.

mod client;
mod connection;
mod cooldown;
mod counters;
mod gate;
mod grant;
mod number;
mod rate;
mod reply;
mod script;

pub use client::{Redis, RedisSettings};
pub use counters::{RateCounters, RateCounts, RateSettings, RateTask};
