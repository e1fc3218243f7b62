//! Limits on what a principal may do, and how often.
//!
//! [`Rules`] say whether a call may go to a target. [`Limits`] hold requests, tokens and concurrency over the chain
//! of subjects a request belongs to: [admitted](Limits::admit) by all of them or by none, and settled with what was
//! really used. Time is the caller's.
//!
//! Refuses: clocks, storage, and windows whose edges let twice the limit through.

mod gcra;
mod limit;
mod rate;
mod rule;

pub use limit::{
    Admission, Cost, Exceeded, ExceededReason, LimitCounts, LimitKind, LimitSpec, Limits,
    OnStoreFailure, Quota, SharedCharge, SharedCounters, SharedFailure, SharedGrant, SharedReceipt,
    SharedVerdict,
};
pub use rate::RateState;
pub use rule::{
    Decision, Denial, Dimension, Effect, Explanation, Facts, Hours, HoursError, Pattern, Rule,
    RuleError, RuleMatch, Rules,
};
