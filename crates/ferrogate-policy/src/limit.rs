//! Limits on requests, tokens and concurrency over a chain of subjects.

mod admission;
mod bucket;
mod exceeded;
mod quota;
mod shards;
mod shared;
mod table;

pub use admission::Admission;
pub use exceeded::{Exceeded, ExceededReason, LimitKind};
pub use quota::{Cost, LimitSpec, OnStoreFailure, Quota};
pub use shared::{
    SharedCharge, SharedCounters, SharedFailure, SharedGrant, SharedReceipt, SharedVerdict,
};
pub use table::{LimitCounts, Limits};
