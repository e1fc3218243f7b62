//! The circuit breaker of a provider.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// When a breaker opens and closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Failures in a row that open it.
    pub failures: u32,
    /// Successes in a row that close it again.
    pub successes: u32,
    /// How long it stays open.
    pub open: Duration,
    /// Calls let through at once while half open.
    pub half_open: u32,
}

/// What a breaker lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Everything.
    Closed,
    /// Nothing.
    Open,
    /// A trickle.
    HalfOpen,
}

/// Three states; 429, cancels and the caller's own errors are for the caller of this type not to report.
#[derive(Clone, Debug)]
pub struct Breaker {
    settings: Option<BreakerSettings>,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    failures: u32,
    successes: u32,
    /// Set while open or half open: when the trickle may begin.
    reopens: Option<Instant>,
    trickle: u32,
}

/// Leave to make one call. Dropped without a verdict, it frees its place and judges nothing.
#[derive(Debug)]
#[must_use]
pub struct Pass {
    breaker: Breaker,
    trickle: bool,
}

impl Breaker {
    /// A closed breaker; without settings it never opens.
    pub fn new(settings: Option<BreakerSettings>) -> Self {
        Self {
            settings,
            inner: Arc::default(),
        }
    }

    /// Asks to make a call; `None` when it is open, or half open with its trickle used up.
    pub fn pass(&self, now: Instant) -> Option<Pass> {
        let Some(settings) = self.settings else {
            return Some(Pass {
                breaker: self.clone(),
                trickle: false,
            });
        };
        let mut inner = self.inner.lock();
        let trickle = match inner.reopens {
            None => false,
            Some(at) if now < at || inner.trickle >= settings.half_open => return None,
            Some(_) => {
                inner.trickle += 1;
                true
            }
        };
        Some(Pass {
            breaker: self.clone(),
            trickle,
        })
    }

    /// What it lets through now.
    pub fn state(&self, now: Instant) -> BreakerState {
        match self.inner.lock().reopens {
            None => BreakerState::Closed,
            Some(at) if now < at => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }
}

impl Pass {
    /// The call went well.
    pub fn succeeded(self) {
        let Some(settings) = self.breaker.settings else {
            return;
        };
        let mut inner = self.breaker.inner.lock();
        inner.failures = 0;
        if inner.reopens.is_some() && self.trickle {
            inner.successes += 1;
            if inner.successes >= settings.successes {
                inner.reopens = None;
                inner.successes = 0;
            }
        }
    }

    /// The provider failed: it was unreachable, broke off, timed out or answered 5xx.
    pub fn failed(self, now: Instant) {
        let Some(settings) = self.breaker.settings else {
            return;
        };
        let mut inner = self.breaker.inner.lock();
        inner.successes = 0;
        inner.failures = inner.failures.saturating_add(1);
        if self.trickle || inner.failures >= settings.failures {
            inner.reopens = Some(now + settings.open);
            inner.failures = 0;
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.trickle {
            let mut inner = self.breaker.inner.lock();
            inner.trickle = inner.trickle.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: BreakerSettings = BreakerSettings {
        failures: 2,
        successes: 2,
        open: Duration::from_secs(30),
        half_open: 1,
    };

    fn opened(now: Instant) -> Breaker {
        let breaker = Breaker::new(Some(SETTINGS));
        for _ in 0..2 {
            breaker.pass(now).unwrap().failed(now);
        }
        breaker
    }

    #[test]
    fn opens_after_failures_in_a_row() {
        let now = Instant::now();
        let breaker = Breaker::new(Some(SETTINGS));
        breaker.pass(now).unwrap().failed(now);
        breaker.pass(now).unwrap().succeeded();
        breaker.pass(now).unwrap().failed(now);
        assert_eq!(breaker.state(now), BreakerState::Closed);
        breaker.pass(now).unwrap().failed(now);
        assert!(breaker.pass(now).is_none() && breaker.state(now) == BreakerState::Open);
    }

    #[test]
    fn closes_after_a_trickle_of_successes() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + SETTINGS.open;
        let pass = breaker.pass(later).unwrap();
        assert!(breaker.pass(later).is_none(), "the trickle is bounded");
        pass.succeeded();
        assert_eq!(breaker.state(later), BreakerState::HalfOpen);
        breaker.pass(later).unwrap().succeeded();
        assert_eq!(breaker.state(later), BreakerState::Closed);
    }

    #[test]
    fn opens_again_when_the_trickle_fails() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + SETTINGS.open;
        breaker.pass(later).unwrap().failed(later);
        assert!(breaker.pass(later).is_none());
    }

    #[test]
    fn a_cancelled_call_judges_nothing_and_frees_its_place() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + SETTINGS.open;
        drop(breaker.pass(later).unwrap());
        assert!(breaker.pass(later).is_some());
    }

    #[test]
    fn without_settings_it_never_opens() {
        let now = Instant::now();
        let breaker = Breaker::new(None);
        for _ in 0..100 {
            breaker.pass(now).unwrap().failed(now);
        }
        assert_eq!(breaker.state(now), BreakerState::Closed);
    }
}
