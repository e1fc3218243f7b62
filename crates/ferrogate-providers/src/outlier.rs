//! The share of calls that fail.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How long results are counted together. The last two counts are looked at: a window of 30 to 60 s.
const BUCKET: Duration = Duration::from_secs(30);
/// Fewer results say nothing.
const LEAST: u32 = 20;
/// How long a first ejection lasts; the second lasts twice as long, and so on.
const EJECTION: Duration = Duration::from_secs(30);
/// No ejection lasts longer than so many first ones, and who behaved for that long begins anew.
const LONGEST: u32 = 10;

/// Finds a provider of whose calls half fail: its breaker, which waits for failures in a row, may never open.
///
/// What an ejection means is for a [plan](crate::Plan) to say: others first, as long as there are others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outlier(Arc<Mutex<Window>>);

#[derive(Debug, Default)]
struct Window {
    began: Option<Instant>,
    current: Tally,
    previous: Tally,
    until: Option<Instant>,
    /// Ejections one soon after the other.
    times: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    results: u32,
    failures: u32,
}

impl Outlier {
    /// Takes in a result. One that came of a call long ago counts as one of today.
    pub(crate) fn record(&self, failed: bool, now: Instant) {
        let mut window = self.0.lock();
        if window.until.is_some_and(|until| now < until) {
            // It serves its time, and then begins anew.
            return;
        }
        window.roll(now);
        window.current.results = window.current.results.saturating_add(1);
        window.current.failures += u32::from(failed);
        let results = window
            .current
            .results
            .saturating_add(window.previous.results);
        let failures = window
            .current
            .failures
            .saturating_add(window.previous.failures);
        if failed && results >= LEAST && failures >= results.div_ceil(2) {
            window.eject(now);
        }
    }

    /// How long it stays ejected; `None` when it is not.
    pub(crate) fn ejected(&self, now: Instant) -> Option<Duration> {
        let left = self.0.lock().until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }
}

impl Window {
    fn roll(&mut self, now: Instant) {
        let age = self
            .began
            .map_or(BUCKET * 2, |began| now.saturating_duration_since(began));
        if age < BUCKET {
            return;
        }
        self.previous = if age < BUCKET * 2 {
            self.current
        } else {
            Tally::default()
        };
        self.current = Tally::default();
        self.began = Some(now);
    }

    fn eject(&mut self, now: Instant) {
        let behaved = |until: Instant| now.saturating_duration_since(until) >= EJECTION * LONGEST;
        if self.until.is_none_or(behaved) {
            self.times = 0;
        }
        self.times = (self.times + 1).min(LONGEST);
        self.until = Some(now + EJECTION * self.times);
        self.current = Tally::default();
        self.previous = Tally::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(outlier: &Outlier, results: u32, failures: u32, now: Instant) {
        for number in 0..results {
            outlier.record(number >= results - failures, now);
        }
    }

    #[test]
    fn half_of_enough_is_too_much() {
        let now = Instant::now();
        for (results, failures, ejected) in [
            (LEAST, LEAST / 2, true),
            (LEAST, LEAST / 2 - 1, false),
            (LEAST - 1, LEAST - 1, false),
            (101, 51, true),
            (101, 50, false),
        ] {
            let outlier = Outlier::default();
            feed(&outlier, results, failures, now);
            let left = outlier.ejected(now);
            assert_eq!(left.is_some(), ejected, "{failures} of {results}");
            if ejected {
                assert_eq!(outlier.ejected(now + EJECTION), None);
            }
        }
    }

    #[test]
    fn old_results_are_forgotten() {
        let now = Instant::now();
        let outlier = Outlier::default();
        feed(&outlier, LEAST - 1, LEAST - 1, now);
        feed(&outlier, 1, 1, now + BUCKET * 2);
        assert_eq!(outlier.ejected(now + BUCKET * 2), None);
        let recent = Outlier::default();
        feed(&recent, LEAST - 1, LEAST - 1, now);
        feed(&recent, 1, 1, now + BUCKET);
        assert!(recent.ejected(now + BUCKET).is_some());
    }

    #[test]
    fn the_time_grows_and_is_forgiven() {
        let mut now = Instant::now();
        let outlier = Outlier::default();
        for times in [1, 2, 3] {
            feed(&outlier, LEAST, LEAST, now);
            assert_eq!(outlier.ejected(now), Some(EJECTION * times));
            // What is heard meanwhile changes nothing.
            feed(&outlier, LEAST, LEAST, now + EJECTION / 2);
            assert_eq!(outlier.ejected(now), Some(EJECTION * times));
            now += EJECTION * times;
        }
        for _ in 0..LONGEST * 2 {
            feed(&outlier, LEAST, LEAST, now);
            now += outlier.ejected(now).unwrap();
        }
        feed(&outlier, LEAST, LEAST, now);
        assert_eq!(outlier.ejected(now), Some(EJECTION * LONGEST));
        now += EJECTION * LONGEST * 2;
        feed(&outlier, LEAST, LEAST, now);
        assert_eq!(outlier.ejected(now), Some(EJECTION));
    }
}
