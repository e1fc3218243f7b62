//! What a request holds of its limits.

use std::sync::Arc;
use std::time::Instant;

use ferrogate_types::{Subject, TokenCount};

use super::bucket::Held;
use super::exceeded::LimitKind;
use super::quota::{Cost, OnStoreFailure, Quota};
use super::shared::{SharedCharge, SharedCounters, SharedGrant};
use crate::RateState;
use crate::gcra::{self, Ticks};

/// What a request holds of its limits: a place among those under way until it ends, and its requests and tokens.
///
/// Exactly one of three ends: [`settle`](Self::settle) with the tokens that were used; [`release`](Self::release)
/// when the request was refused elsewhere, which undoes all of it; or a drop, which releases what was not
/// [sent](Self::sent) and charges everything of what was, since nobody knows what it used.
#[derive(Debug)]
#[must_use = "an admission that is dropped at once limits nothing"]
pub struct Admission {
    held: Vec<(usize, Held)>,
    base: Instant,
    requests: Option<RateState>,
    tokens: Option<RateState>,
    sent: bool,
    shared: Option<Shared>,
}

/// What is held of counters that nodes share.
#[derive(Debug)]
struct Shared {
    counters: Arc<dyn SharedCounters>,
    held: Vec<(SharedCharge, SharedGrant)>,
}

impl Admission {
    pub(super) fn new(held: Vec<(usize, Held)>, base: Instant, now: Ticks) -> Self {
        let mut requests = None;
        let mut tokens = None;
        for (_, held) in &held {
            requests = tighter(requests, held.requests(now));
            tokens = tighter(tokens, held.tokens(now));
        }
        Self {
            held,
            base,
            requests,
            tokens,
            sent: false,
            shared: None,
        }
    }

    /// The tightest limit on requests as it was when the request was let in: `x-ratelimit-*-requests`.
    pub fn requests(&self) -> Option<RateState> {
        self.requests
    }

    /// The tightest limit on tokens as it was when the request was let in: `x-ratelimit-*-tokens`.
    pub fn tokens(&self) -> Option<RateState> {
        self.tokens
    }

    /// Says that the request was sent to a provider: from now on it counts, however it ends.
    pub fn sent(&mut self) {
        self.sent = true;
    }

    /// Makes of the tokens that were expected those that were used, be they more or fewer.
    pub fn settle(mut self, used: TokenCount, now: Instant) {
        let ticks = gcra::ticks(self.base, now);
        for (_, held) in &mut self.held {
            held.settle(used, ticks);
        }
        if let Some(shared) = self.shared.take() {
            for (charge, grant) in shared.held {
                if charge.kind == LimitKind::Tokens {
                    shared.counters.settle(charge, grant.receipt, used);
                }
            }
        }
        self.held.clear();
    }

    /// Undoes all of it: the request was refused elsewhere, and uses up nothing.
    pub fn release(mut self, now: Instant) {
        self.undo(now);
    }

    fn undo(&mut self, now: Instant) {
        let ticks = gcra::ticks(self.base, now);
        for (_, held) in self.held.iter_mut().rev() {
            held.give_back(ticks);
        }
        if let Some(shared) = self.shared.take() {
            for (charge, grant) in shared.held {
                shared.counters.settle(charge, grant.receipt, 0);
            }
        }
        self.held.clear();
    }

    /// What counters that nodes share have to say, too. A limit that a subject has twice, of its own and as one of its
    /// kind, is one counter there, and is charged once.
    pub(super) fn charges(&self, subjects: &[Subject], cost: Cost) -> Vec<SharedCharge> {
        let mut charges = Vec::new();
        for (index, held) in &self.held {
            let Some(subject) = subjects.get(*index) else {
                continue;
            };
            let spec = held.spec();
            let kinds = [
                (LimitKind::Requests, spec.requests, cost.requests),
                (LimitKind::Tokens, spec.tokens, cost.tokens),
            ];
            for (kind, quota, amount) in kinds {
                let Some(quota) = quota.filter(|_| amount > 0) else {
                    continue;
                };
                let counter = |quota: Quota| quota.on_store_failure(OnStoreFailure::Open);
                let same = charges.iter_mut().find(|charge: &&mut SharedCharge| {
                    charge.kind == kind
                        && charge.subject == *subject
                        && counter(charge.quota) == counter(quota)
                });
                match same {
                    Some(charge) if quota.on_store_failure == OnStoreFailure::Closed => {
                        charge.quota = quota;
                    }
                    Some(_) => {}
                    None => charges.push(SharedCharge {
                        subject: subject.clone(),
                        kind,
                        quota,
                        amount,
                    }),
                }
            }
        }
        charges
    }

    pub(super) fn hold(
        &mut self,
        counters: &Arc<dyn SharedCounters>,
        held: Vec<(SharedCharge, SharedGrant)>,
    ) {
        for (charge, grant) in &held {
            let state = match charge.kind {
                LimitKind::Tokens => &mut self.tokens,
                LimitKind::Requests | LimitKind::Concurrency => &mut self.requests,
            };
            *state = tighter(*state, Some(grant.state));
        }
        self.shared = Some(Shared {
            counters: Arc::clone(counters),
            held,
        });
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if !self.sent && !self.held.is_empty() {
            // Nobody is there to say what time it is: the caller left, or something panicked.
            self.undo(Instant::now());
        }
    }
}

/// The one of which less is left; of equals the one that takes longer to recover.
fn tighter(one: Option<RateState>, other: Option<RateState>) -> Option<RateState> {
    let (Some(left), Some(right)) = (one, other) else {
        return one.or(other);
    };
    let other_is = (right.remaining, std::cmp::Reverse(right.reset))
        < (left.remaining, std::cmp::Reverse(left.reset));
    Some(if other_is { right } else { left })
}
