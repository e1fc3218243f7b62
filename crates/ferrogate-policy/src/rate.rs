//! Requests a minute.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A limit on requests a minute, by the generic cell rate algorithm.
///
/// Up to `limit` requests may come at once; after that one is admitted every 60/`limit` seconds. There is no
/// window whose edge lets twice the limit through. Source: ITU-T I.371, the virtual scheduling form.
#[derive(Debug)]
pub struct RateLimiter {
    limit: u64,
    interval: Duration,
    /// The theoretical arrival time: when the bucket would be full again.
    arrival: Mutex<Option<Instant>>,
}

/// How much of a limit is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateState {
    /// Requests a minute.
    pub limit: u64,
    /// Requests that may come at once now.
    pub remaining: u64,
    /// Until all of them may come again.
    pub reset: Duration,
}

/// The answer to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Admitted and counted.
    Admitted(RateState),
    /// Refused and not counted; the next one is admitted after `retry_after`.
    Refused {
        /// What the headers say.
        state: RateState,
        /// Until one would be admitted.
        retry_after: Duration,
    },
}

const WINDOW: Duration = Duration::from_secs(60);

impl RateLimiter {
    /// A limit of so many requests a minute; zero admits nothing.
    pub fn per_minute(limit: u64) -> Self {
        let nanos = u64::try_from(WINDOW.as_nanos()).unwrap_or(u64::MAX);
        Self {
            limit,
            interval: Duration::from_nanos(nanos / limit.max(1)),
            arrival: Mutex::new(None),
        }
    }

    /// Counts one request, or refuses it.
    pub fn check(&self, now: Instant) -> Verdict {
        if self.limit == 0 {
            let state = RateState {
                limit: 0,
                remaining: 0,
                reset: WINDOW,
            };
            return Verdict::Refused {
                state,
                retry_after: WINDOW,
            };
        }
        let mut arrival = self.arrival.lock();
        let base = arrival.map_or(now, |at| at.max(now));
        let next = base + self.interval;
        let full = self.interval * u32::try_from(self.limit).unwrap_or(u32::MAX);
        let ahead = next.duration_since(now);
        if ahead > full {
            return Verdict::Refused {
                state: self.state(base, now),
                retry_after: ahead.saturating_sub(full),
            };
        }
        *arrival = Some(next);
        Verdict::Admitted(self.state(next, now))
    }

    fn state(&self, arrival: Instant, now: Instant) -> RateState {
        let used = arrival.saturating_duration_since(now);
        let taken = used.as_nanos().div_ceil(self.interval.as_nanos().max(1));
        let taken = u64::try_from(taken).unwrap_or(u64::MAX);
        RateState {
            limit: self.limit,
            remaining: self.limit.saturating_sub(taken),
            reset: used,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn admitted(verdict: Verdict) -> bool {
        matches!(verdict, Verdict::Admitted(_))
    }

    #[test]
    fn admits_the_limit_at_once_and_then_a_trickle() {
        let start = Instant::now();
        let limiter = RateLimiter::per_minute(3);
        let remaining: Vec<u64> = (0..3)
            .map(|_| match limiter.check(start) {
                Verdict::Admitted(state) => state.remaining,
                Verdict::Refused { .. } => panic!("refused"),
            })
            .collect();
        assert_eq!(remaining, [2, 1, 0]);
        let Verdict::Refused { retry_after, state } = limiter.check(start) else {
            panic!("admitted")
        };
        assert_eq!((retry_after, state.remaining), (Duration::from_secs(20), 0));
        assert!(!admitted(limiter.check(start + Duration::from_secs(19))));
        assert!(admitted(limiter.check(start + Duration::from_secs(20))));
        assert!(!admitted(limiter.check(start + Duration::from_secs(20))));
    }

    #[test]
    fn zero_admits_nothing() {
        assert!(!admitted(RateLimiter::per_minute(0).check(Instant::now())));
    }

    proptest! {
        /// Over any stretch of time t, no more than the limit plus what the rate grants in t.
        #[test]
        fn never_admits_more_than_the_quota(limit in 1_u64..200, gaps in proptest::collection::vec(0_u64..3_000, 1..300)) {
            let limiter = RateLimiter::per_minute(limit);
            let start = Instant::now();
            let mut now = start;
            let mut count = 0_u64;
            for gap in gaps {
                now += Duration::from_millis(gap);
                count += u64::from(admitted(limiter.check(now)));
                let granted = now.duration_since(start).as_nanos() / limiter.interval.as_nanos();
                prop_assert!(u128::from(count) <= u128::from(limit) + granted);
            }
        }
    }
}
