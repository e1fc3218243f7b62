//! The generic cell rate algorithm, without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::RateState;
use crate::limit::Quota;

/// One quota's state.
///
/// It is a bucket that leaks at the quota's rate: what is taken raises its level, and nothing is taken that would
/// raise it above the brim. So over any stretch of time no more is admitted than the burst plus what the rate grants
/// in that time, and no window has an edge. Source: ITU-T I.371, the virtual scheduling form.
///
/// Refunds keep that promise: what a taking is worth shrinks as the bucket leaks, and is nothing once the bucket
/// would have been empty without it. Each taking notes how far it raised the bucket, and a refund is worth at most
/// what of that, less all refunds since, has not leaked yet.
#[derive(Debug)]
pub(crate) struct Gcra {
    limit: u64,
    interval: Ticks,
    brim: Ticks,
    /// When the bucket is empty: its level, as a time.
    arrival: AtomicU64,
    /// Everything refunded so far, wrapping.
    refunded: AtomicU64,
}

/// Sixteenths of a nanosecond since a common beginning: 36 years fit, and a billion tokens a minute are counted to a
/// thousandth.
pub(crate) type Ticks = u64;

const TICKS_PER_NANO: u64 = 16;

/// What was taken, and when that is worth nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    cost: Ticks,
    arrival: Ticks,
    refunded: Ticks,
}

/// There is not enough left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Short {
    /// There will be after this long.
    For(Duration),
    /// There never will be: more is asked for than the limit.
    Forever,
}

/// The time as [`Ticks`] after `base`; what was before it is taken for it.
pub(crate) fn ticks(base: Instant, now: Instant) -> Ticks {
    to_ticks(now.saturating_duration_since(base))
}

fn to_ticks(duration: Duration) -> Ticks {
    u64::try_from(duration.as_nanos())
        .unwrap_or(u64::MAX)
        .saturating_mul(TICKS_PER_NANO)
}

fn to_duration(ticks: Ticks) -> Duration {
    Duration::from_nanos(ticks.div_ceil(TICKS_PER_NANO))
}

impl Gcra {
    pub(crate) fn new(quota: &Quota) -> Self {
        // Rounded up: rather a thousandth too strict than too lax.
        let interval = to_ticks(quota.window).div_ceil(quota.limit.max(1)).max(1);
        Self {
            limit: quota.burst,
            interval,
            brim: interval.saturating_mul(quota.burst),
            arrival: AtomicU64::new(0),
            refunded: AtomicU64::new(0),
        }
    }

    /// Takes so much, or nothing.
    pub(crate) fn take(&self, amount: u64, now: Ticks) -> Result<Taken, Short> {
        let cost = self.interval.saturating_mul(amount);
        if cost > self.brim {
            return Err(Short::Forever);
        }
        // Read before the bucket is raised: a refund in between makes this taking worth less, never more.
        let refunded = self.refunded.load(Ordering::Acquire);
        let mut current = self.arrival.load(Ordering::Acquire);
        loop {
            let arrival = current.max(now).saturating_add(cost);
            let level = arrival.saturating_sub(now);
            if level > self.brim {
                return Err(Short::For(to_duration(level.saturating_sub(self.brim))));
            }
            match self.arrival.compare_exchange_weak(
                current,
                arrival,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => {
                    return Ok(Taken {
                        cost,
                        arrival,
                        refunded,
                    });
                }
                Err(actual) => current = actual,
            }
        }
    }

    /// Takes so much even where it is not left: what was used is used.
    pub(crate) fn charge(&self, amount: u64, now: Ticks) {
        let cost = self.interval.saturating_mul(amount);
        let raised = |arrival: Ticks| Some(arrival.max(now).saturating_add(cost));
        // The closure always gives a value, so there is no error to see.
        self.arrival
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, raised)
            .ok();
    }

    /// Gives back so much of what was taken, as far as it is still worth something.
    pub(crate) fn refund(&self, taken: &Taken, amount: u64, now: Ticks) {
        let wanted = self.interval.saturating_mul(amount).min(taken.cost);
        let mut refunded = self.refunded.load(Ordering::Acquire);
        let worth = loop {
            let since = refunded.wrapping_sub(taken.refunded);
            let left = taken.arrival.saturating_sub(since).saturating_sub(now);
            let worth = wanted.min(left);
            if worth == 0 {
                return;
            }
            // The sum first: whoever refunds at the same time sees it, and the same time is not given back twice.
            match self.refunded.compare_exchange_weak(
                refunded,
                refunded.wrapping_add(worth),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => break worth,
                Err(actual) => refunded = actual,
            }
        };
        let lowered = |arrival: Ticks| Some(arrival.saturating_sub(worth));
        self.arrival
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, lowered)
            .ok();
    }

    /// How full the bucket is.
    pub(crate) fn level(&self, now: Ticks) -> Ticks {
        self.arrival.load(Ordering::Acquire).saturating_sub(now)
    }

    /// What the rate-limit headers say.
    pub(crate) fn state(&self, now: Ticks) -> RateState {
        let level = self.level(now);
        RateState {
            limit: self.limit,
            remaining: self.limit.saturating_sub(level.div_ceil(self.interval)),
            reset: to_duration(level),
        }
    }
}

#[cfg(test)]
mod tests;
