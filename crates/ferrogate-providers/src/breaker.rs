//! The circuit breaker of a provider.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::outlier::Outlier;

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
    /// Hears of every result as well.
    outlier: Outlier,
}

#[derive(Debug, Default)]
struct Inner {
    failures: u32,
    successes: u32,
    /// Set while open or half open: when the trickle may begin.
    reopens: Option<Instant>,
    trickle: u32,
    /// When it opened, or a call was let through it all the same.
    spared: Option<Instant>,
}

/// Leave to make one call. Dropped without a verdict, it frees its place and judges nothing.
#[derive(Debug)]
#[must_use]
pub struct Pass {
    breaker: Breaker,
    kind: PassKind,
    /// When leave was given.
    at: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PassKind {
    /// One of many.
    Usual,
    /// One of the trickle.
    Trickle,
    /// One of the trickle, before its time.
    Forced,
}

/// How soon after a breaker opened or a credential was parked, or after a call that was made all the same, another call
/// may be made because nothing else is left.
pub(crate) const FORCED_EVERY: Duration = Duration::from_secs(1);

impl Breaker {
    /// A closed breaker; without settings it never opens.
    pub fn new(settings: Option<BreakerSettings>) -> Self {
        Self {
            settings,
            inner: Arc::default(),
            outlier: Outlier::default(),
        }
    }

    /// A breaker for the same provider: as it is where the settings are the same, else closed.
    pub(crate) fn succeeding(settings: Option<BreakerSettings>, old: &Self) -> Self {
        if settings == old.settings {
            return old.clone();
        }
        Self {
            outlier: old.outlier.clone(),
            ..Self::new(settings)
        }
    }

    /// The share of calls that fail.
    pub(crate) fn outlier(&self) -> &Outlier {
        &self.outlier
    }

    /// Asks to make a call; `None` when it is open, or half open with its trickle used up.
    pub fn pass(&self, now: Instant) -> Option<Pass> {
        let kind = match self.settings {
            None => PassKind::Usual,
            Some(settings) => self.inner.lock().admit(settings, now)?,
        };
        Some(self.give(kind, now))
    }

    /// Asks to make a call although it is open, because nothing else is left.
    ///
    /// One call is let through each second, the first one a second after it opened, and no more at once than the trickle of
    /// the half-open state: enough to find out soon that the provider is back, and no burden while it is not. Its success counts as one of the trickle; its
    /// failure leaves the time at which the trickle begins as it is. A breaker that is not open is asked as usual.
    pub fn force(&self, now: Instant) -> Option<Pass> {
        let Some(settings) = self.settings else {
            return self.pass(now);
        };
        let kind = self.inner.lock().force(settings, now)?;
        Some(self.give(kind, now))
    }

    fn give(&self, kind: PassKind, at: Instant) -> Pass {
        Pass {
            breaker: self.clone(),
            kind,
            at,
        }
    }

    /// What it lets through now.
    pub fn state(&self, now: Instant) -> BreakerState {
        match self.inner.lock().reopens {
            None => BreakerState::Closed,
            Some(at) if now < at => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }

    /// How long it stays open; zero when it is not.
    pub fn wait(&self, now: Instant) -> Duration {
        let reopens = self.inner.lock().reopens;
        reopens.map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
    }
}

impl Inner {
    fn admit(&mut self, settings: BreakerSettings, now: Instant) -> Option<PassKind> {
        match self.reopens {
            None => Some(PassKind::Usual),
            Some(at) if now < at || self.trickle >= settings.half_open => None,
            Some(_) => {
                self.trickle += 1;
                Some(PassKind::Trickle)
            }
        }
    }

    fn force(&mut self, settings: BreakerSettings, now: Instant) -> Option<PassKind> {
        if self.reopens.is_none_or(|at| now >= at) {
            return self.admit(settings, now);
        }
        let soon = |at: Instant| now.saturating_duration_since(at) < FORCED_EVERY;
        if self.trickle >= settings.half_open || self.spared.is_some_and(soon) {
            return None;
        }
        self.trickle += 1;
        self.spared = Some(now);
        Some(PassKind::Forced)
    }
}

impl Pass {
    /// The call went well.
    pub fn succeeded(self) {
        self.breaker.outlier.record(false, self.at);
        let Some(settings) = self.breaker.settings else {
            return;
        };
        let mut inner = self.breaker.inner.lock();
        inner.failures = 0;
        if inner.reopens.is_some() && self.kind != PassKind::Usual {
            inner.successes += 1;
            if inner.successes >= settings.successes {
                inner.reopens = None;
                inner.successes = 0;
            }
        }
    }

    /// The provider failed: it was unreachable, broke off, timed out or answered 5xx.
    pub fn failed(self, now: Instant) {
        self.breaker.outlier.record(true, now);
        let Some(settings) = self.breaker.settings else {
            return;
        };
        let mut inner = self.breaker.inner.lock();
        inner.successes = 0;
        if self.kind == PassKind::Forced && inner.reopens.is_some_and(|at| now < at) {
            return;
        }
        inner.failures = inner.failures.saturating_add(1);
        if self.kind != PassKind::Usual || inner.failures >= settings.failures {
            inner.reopens = Some(now + settings.open);
            inner.spared = Some(now);
            inner.failures = 0;
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.kind != PassKind::Usual {
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

    #[test]
    fn a_forced_call_finds_out_soon_that_the_provider_is_back() {
        let now = Instant::now();
        let breaker = opened(now);
        assert!(breaker.force(now).is_none());
        let pass = breaker.force(now + FORCED_EVERY).unwrap();
        let next = now + FORCED_EVERY * 2;
        assert!(breaker.force(next).is_none(), "one at once");
        pass.failed(next);
        assert_eq!(breaker.wait(now), SETTINGS.open, "the time stays as it is");
        for second in 2..=3 {
            let at = now + FORCED_EVERY * second;
            let before = (FORCED_EVERY * second).saturating_sub(Duration::from_nanos(1));
            assert!(breaker.force(now + before).is_none());
            assert!(breaker.pass(at).is_none());
            breaker.force(at).unwrap().succeeded();
        }
        assert_eq!(breaker.state(now + FORCED_EVERY * 3), BreakerState::Closed);
        assert!(breaker.force(now + FORCED_EVERY * 3).is_some());
    }

    #[test]
    fn need_does_not_widen_the_trickle() {
        let now = Instant::now();
        let later = now + SETTINGS.open;
        let breaker = opened(now);
        let _pass = breaker.force(later).unwrap();
        assert!(breaker.force(later).is_none() && breaker.pass(later).is_none());
    }

    #[test]
    fn a_forced_call_that_ends_late_is_one_of_the_trickle() {
        let now = Instant::now();
        let breaker = opened(now);
        let forced = breaker.force(now + FORCED_EVERY).unwrap();
        // It was forced, but it ends in the trickle's time and is judged like one of it.
        let later = now + SETTINGS.open;
        forced.failed(later);
        assert_eq!(breaker.wait(later), SETTINGS.open);
    }
}
