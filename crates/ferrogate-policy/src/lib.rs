//! Limits on what a principal may do, and how often.
//!
//! A [`RateLimiter`] holds one limit and answers with a [`Verdict`] that carries what the rate-limit headers
//! say. Time is the caller's.
//!
//! Refuses: clocks, storage, and windows whose edges let twice the limit through.

mod rate;

pub use rate::{RateLimiter, RateState, Verdict};
