//! Counters that several nodes share.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ferrogate_types::Subject;

use super::admission::Admission;
use super::exceeded::{Exceeded, ExceededReason, LimitKind};
use super::quota::{Cost, OnStoreFailure, Quota};
use super::table::Limits;
use crate::RateState;

/// Counters that several nodes share, in Redis for instance.
///
/// The time is the store's own: the nodes' clocks differ.
#[async_trait]
pub trait SharedCounters: fmt::Debug + Send + Sync {
    /// Takes every charge in one atomic step, or none. Grants come in the order of the charges.
    ///
    /// Must answer or fail within a time of its own that is short beside a request.
    ///
    /// # Cancel safety
    ///
    /// Dropped while waiting, the charges may or may not have been taken; if so, they leak out by themselves.
    async fn take(&self, charges: &[SharedCharge]) -> Result<SharedVerdict, SharedFailure>;

    /// Makes of what was charged what was `used`, more or less: refunds are worth at most what the receipt says.
    ///
    /// Must not block: the adjustment goes through a bounded queue, and when that is full it is dropped and counted.
    /// A refund that is lost makes the limit tighter for a window; a charge that is lost makes it laxer as long.
    fn settle(&self, charge: SharedCharge, receipt: SharedReceipt, used: u64);
}

/// What one limit is charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedCharge {
    /// Whose limit.
    pub subject: Subject,
    /// On requests or on tokens.
    pub kind: LimitKind,
    /// The limit. It is part of the counter's name: another limit is another counter.
    pub quota: Quota,
    /// How much.
    pub amount: u64,
}

/// A charge that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedGrant {
    /// How much of the limit is left after it.
    pub state: RateState,
    /// What a refund needs to know.
    pub receipt: SharedReceipt,
}

/// What a refund needs to know: both in the store's own unit of time.
///
/// The algorithm is the local one's. A counter is a pair (`arrival`, `refunded`), both zero at first. Taking a cost
/// sets `arrival = max(arrival, now) + cost`, unless that is more than the burst ahead of now. A refund is worth
/// `min(cost, receipt.arrival - (refunded - receipt.refunded) - now)` where that is positive: it is added to
/// `refunded` and taken from `arrival`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharedReceipt {
    /// `arrival` after the taking.
    pub arrival: u64,
    /// `refunded` at the taking.
    pub refunded: u64,
}

/// The answer of shared counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharedVerdict {
    /// Everything was taken.
    Admitted(Vec<SharedGrant>),
    /// Nothing was taken.
    Refused {
        /// The first charge that did not fit.
        index: usize,
        /// How its limit stands.
        state: RateState,
        /// Until it would fit.
        retry_after: Duration,
    },
}

/// Shared counters could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the shared counters could not be asked: {0}")]
pub struct SharedFailure(pub String);

impl Limits {
    /// As [`Limits::admit`], and then by the counters that nodes share. What only this node counts comes first, since it
    /// is cheap. Where the shared ones cannot be asked, limits that fail closed refuse, and others rest on this
    /// node's count alone; the failure is returned beside the admission, to be counted.
    ///
    /// # Cancel safety
    ///
    /// Dropped while waiting, this node's share is given back.
    pub async fn admit_shared(
        &self,
        counters: &Arc<dyn SharedCounters>,
        subjects: &[Subject],
        cost: Cost,
        now: Instant,
    ) -> Result<(Admission, Option<SharedFailure>), Exceeded> {
        let mut admission = self.admit(subjects, cost, now)?;
        let mut charges = admission.charges(subjects, cost);
        if charges.is_empty() {
            return Ok((admission, None));
        }
        match counters.take(&charges).await {
            Ok(SharedVerdict::Admitted(grants)) if grants.len() == charges.len() => {
                admission.hold(counters, charges.into_iter().zip(grants).collect());
                Ok((admission, None))
            }
            Ok(SharedVerdict::Refused {
                index,
                state,
                retry_after,
            }) if index < charges.len() => {
                admission.release(now);
                Err(refused(charges.swap_remove(index), state, retry_after))
            }
            verdict => {
                let closed = charges
                    .into_iter()
                    .find(|charge| charge.quota.on_store_failure == OnStoreFailure::Closed);
                let Some(charge) = closed else {
                    let nonsense = || SharedFailure("the answer does not fit the charges".into());
                    return Ok((admission, Some(verdict.err().unwrap_or_else(nonsense))));
                };
                admission.release(now);
                Err(unavailable(charge))
            }
        }
    }
}

fn refused(charge: SharedCharge, state: RateState, retry_after: Duration) -> Exceeded {
    let never = charge.amount > charge.quota.burst;
    Exceeded {
        subject: charge.subject,
        kind: charge.kind,
        window: charge.quota.window,
        state,
        reason: if never && charge.quota.burst > 0 {
            ExceededReason::TooLarge
        } else {
            ExceededReason::UsedUp
        },
        retry_after: (!never).then_some(retry_after),
    }
}

fn unavailable(charge: SharedCharge) -> Exceeded {
    Exceeded {
        subject: charge.subject,
        kind: charge.kind,
        window: charge.quota.window,
        state: RateState {
            limit: charge.quota.burst,
            remaining: 0,
            reset: charge.quota.window,
        },
        reason: ExceededReason::StoreUnavailable,
        retry_after: None,
    }
}

#[cfg(test)]
mod tests;
