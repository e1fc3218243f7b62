//! Requests a minute.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::gcra::{self, Gcra, Short};
use crate::limit::{LimitKind, Quota};

/// A limit on requests a minute of one subject, for those who need no [`Limits`](crate::Limits).
#[derive(Debug)]
pub struct RateLimiter {
    cell: Gcra,
    /// The first time that was asked about.
    base: OnceLock<Instant>,
}

/// How much of a limit is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateState {
    /// What may come at once.
    pub limit: u64,
    /// What may come at once now.
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

impl RateLimiter {
    /// A limit of so many requests a minute; zero admits nothing.
    pub fn per_minute(limit: u64) -> Self {
        Self {
            cell: Gcra::new(&Quota::per_minute(limit)),
            base: OnceLock::new(),
        }
    }

    /// Counts one request, or refuses it.
    pub fn check(&self, now: Instant) -> Verdict {
        let now = gcra::ticks(*self.base.get_or_init(|| now), now);
        let taken = self.cell.take(1, now);
        let state = self.cell.state(now);
        match taken {
            Ok(_) => Verdict::Admitted(state),
            Err(short) => Verdict::Refused {
                state,
                retry_after: match short {
                    Short::For(after) => after,
                    Short::Forever => WINDOW,
                },
            },
        }
    }
}

impl RateState {
    /// The rate-limit headers of a limit on requests or on tokens, in OpenAI's form; concurrency has none.
    ///
    /// Source: OpenAI's guide "Rate limits", "Rate limits in headers".
    pub fn headers(&self, kind: LimitKind) -> impl Iterator<Item = (&'static str, String)> {
        let names = match kind {
            LimitKind::Requests => Some([
                "x-ratelimit-limit-requests",
                "x-ratelimit-remaining-requests",
                "x-ratelimit-reset-requests",
            ]),
            LimitKind::Tokens => Some([
                "x-ratelimit-limit-tokens",
                "x-ratelimit-remaining-tokens",
                "x-ratelimit-reset-tokens",
            ]),
            LimitKind::Concurrency => None,
        };
        let values = [
            self.limit.to_string(),
            self.remaining.to_string(),
            format!("{}ms", self.reset.as_millis()),
        ];
        names.into_iter().flatten().zip(values)
    }
}

const WINDOW: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
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

    #[test]
    fn headers_say_what_is_left() {
        let state = RateState {
            limit: 100,
            remaining: 7,
            reset: Duration::from_micros(1_500),
        };
        let tokens: Vec<_> = state.headers(LimitKind::Tokens).collect();
        let expected = [
            ("x-ratelimit-limit-tokens", "100".to_owned()),
            ("x-ratelimit-remaining-tokens", "7".to_owned()),
            ("x-ratelimit-reset-tokens", "1ms".to_owned()),
        ];
        assert_eq!(tokens, expected);
        assert_eq!(state.headers(LimitKind::Concurrency).count(), 0);
    }
}
