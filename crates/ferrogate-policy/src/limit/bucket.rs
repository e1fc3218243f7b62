//! The state of one subject's limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::exceeded::{ExceededReason, LimitKind};
use super::quota::{Cost, LimitSpec, Quota};
use crate::RateState;
use crate::gcra::{Gcra, Short, Taken, Ticks};

/// The state of one subject's limits. Its parts are shared with the bucket that takes its place on a reload, as far
/// as their limit is the same.
#[derive(Debug)]
pub(super) struct Bucket {
    spec: LimitSpec,
    requests: Option<Arc<Gcra>>,
    tokens: Option<Arc<Gcra>>,
    under_way: Arc<AtomicU64>,
}

/// What one request holds of a bucket.
#[derive(Debug)]
pub(super) struct Held {
    bucket: Arc<Bucket>,
    requests: Option<(u64, Taken)>,
    tokens: Option<(u64, Taken)>,
    place: bool,
}

/// What a bucket refuses, without whose it is.
#[derive(Debug)]
pub(super) struct Full {
    pub(super) kind: LimitKind,
    pub(super) window: Duration,
    pub(super) state: RateState,
    pub(super) reason: ExceededReason,
    pub(super) retry_after: Option<Duration>,
}

impl Bucket {
    pub(super) fn new(spec: LimitSpec) -> Self {
        let cell = |quota: Option<Quota>| quota.map(|quota| Arc::new(Gcra::new(&quota)));
        Self {
            spec,
            requests: cell(spec.requests),
            tokens: cell(spec.tokens),
            under_way: Arc::default(),
        }
    }

    /// A bucket in the place of another: what did not change keeps its state, and what is under way stays counted.
    pub(super) fn succeeding(&self, spec: LimitSpec) -> Self {
        let fresh = Self::new(spec);
        let keep = |same: bool, old: &Option<Arc<Gcra>>, new| if same { old.clone() } else { new };
        Self {
            requests: keep(
                spec.requests == self.spec.requests,
                &self.requests,
                fresh.requests,
            ),
            tokens: keep(spec.tokens == self.spec.tokens, &self.tokens, fresh.tokens),
            under_way: Arc::clone(&self.under_way),
            spec,
        }
    }

    pub(super) fn spec(&self) -> &LimitSpec {
        &self.spec
    }

    /// How each of its limits stands.
    pub(super) fn states(&self, now: Ticks) -> impl Iterator<Item = (LimitKind, RateState)> {
        let cells = [
            (LimitKind::Requests, &self.requests),
            (LimitKind::Tokens, &self.tokens),
        ];
        let rates = cells
            .into_iter()
            .filter_map(move |(kind, cell)| Some((kind, cell.as_ref()?.state(now))));
        let places = self.spec.concurrency.map(|limit| {
            let under_way = self.under_way.load(Ordering::Acquire);
            let state = RateState {
                limit,
                remaining: limit.saturating_sub(under_way),
                reset: Duration::ZERO,
            };
            (LimitKind::Concurrency, state)
        });
        rates.chain(places)
    }

    /// How long it would take to be as good as new, and whether somebody is under way: who is forgotten first.
    pub(super) fn weight(&self, now: Ticks) -> (bool, Ticks) {
        let level = |cell: &Option<Arc<Gcra>>| cell.as_ref().map_or(0, |cell| cell.level(now));
        (
            self.under_way.load(Ordering::Acquire) > 0,
            level(&self.requests).max(level(&self.tokens)),
        )
    }

    /// Takes everything, or nothing.
    pub(super) fn take(self: &Arc<Self>, cost: Cost, now: Ticks) -> Result<Held, Full> {
        let mut held = Held {
            bucket: Arc::clone(self),
            requests: None,
            tokens: None,
            place: false,
        };
        match held.fill(cost, now) {
            Ok(()) => Ok(held),
            Err(full) => {
                held.give_back(now);
                Err(full)
            }
        }
    }

    fn enter(&self) -> Result<bool, Full> {
        let Some(limit) = self.spec.concurrency else {
            return Ok(false);
        };
        let place = |count: u64| (count < limit).then_some(count.saturating_add(1));
        let entered = self
            .under_way
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, place);
        entered.map(|_| true).map_err(|_| Full {
            kind: LimitKind::Concurrency,
            window: Duration::ZERO,
            state: RateState {
                limit,
                remaining: 0,
                reset: Duration::ZERO,
            },
            reason: ExceededReason::UsedUp,
            // Whoever is under way knows when they are done; a second is what clients wait anyway.
            retry_after: (limit > 0).then_some(Duration::from_secs(1)),
        })
    }
}

impl Held {
    fn fill(&mut self, cost: Cost, now: Ticks) -> Result<(), Full> {
        let bucket = Arc::clone(&self.bucket);
        self.place = bucket.enter()?;
        let spec = bucket.spec;
        self.requests = take(
            LimitKind::Requests,
            bucket.requests.as_deref().zip(spec.requests),
            cost.requests,
            now,
        )?;
        self.tokens = take(
            LimitKind::Tokens,
            bucket.tokens.as_deref().zip(spec.tokens),
            cost.tokens,
            now,
        )?;
        Ok(())
    }

    pub(super) fn spec(&self) -> &LimitSpec {
        &self.bucket.spec
    }

    pub(super) fn requests(&self, now: Ticks) -> Option<RateState> {
        self.bucket.requests.as_ref().map(|cell| cell.state(now))
    }

    pub(super) fn tokens(&self, now: Ticks) -> Option<RateState> {
        self.bucket.tokens.as_ref().map(|cell| cell.state(now))
    }

    /// Makes of the tokens that were expected those that were used.
    pub(super) fn settle(&mut self, used: u64, now: Ticks) {
        if let (Some((expected, taken)), Some(cell)) = (self.tokens.take(), &self.bucket.tokens) {
            if used > expected {
                cell.charge(used.saturating_sub(expected), now);
            } else {
                cell.refund(&taken, expected.saturating_sub(used), now);
            }
        }
    }

    /// Undoes all of it: the request was not let in after all.
    pub(super) fn give_back(&mut self, now: Ticks) {
        let cells = [
            (self.requests.take(), &self.bucket.requests),
            (self.tokens.take(), &self.bucket.tokens),
        ];
        for (taken, cell) in cells {
            if let (Some((amount, taken)), Some(cell)) = (taken, cell) {
                cell.refund(&taken, amount, now);
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.place {
            self.bucket.under_way.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

fn take(
    kind: LimitKind,
    cell: Option<(&Gcra, Quota)>,
    amount: u64,
    now: Ticks,
) -> Result<Option<(u64, Taken)>, Full> {
    let Some((cell, quota)) = cell.filter(|_| amount > 0) else {
        return Ok(None);
    };
    cell.take(amount, now)
        .map(|taken| Some((amount, taken)))
        .map_err(|short| {
            let (reason, retry_after) = match short {
                Short::For(after) => (ExceededReason::UsedUp, Some(after)),
                // A limit of zero is a limit that is used up for good.
                Short::Forever if quota.burst == 0 => (ExceededReason::UsedUp, None),
                Short::Forever => (ExceededReason::TooLarge, None),
            };
            Full {
                kind,
                window: quota.window,
                state: cell.state(now),
                reason,
                retry_after,
            }
        })
}
