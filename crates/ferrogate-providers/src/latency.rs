//! How fast a target is of late.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Samples kept.
const SAMPLES: usize = 100;
/// How long a sample says anything.
const EXPIRY: Duration = Duration::from_secs(5 * 60);

/// The latest times a target took, a bounded number of them for a bounded time.
#[derive(Debug, Default)]
pub(crate) struct Latency(Mutex<Samples>);

#[derive(Debug, Default)]
struct Samples {
    latest: VecDeque<(Instant, Duration)>,
    /// Of the samples as they are; `None` = to be found out.
    median: Option<Duration>,
}

impl Latency {
    /// Takes in one time.
    pub(crate) fn observe(&self, took: Duration, now: Instant) {
        let mut samples = self.0.lock();
        if samples.latest.len() == SAMPLES {
            samples.latest.pop_front();
        }
        samples.latest.push_back((now, took));
        samples.median = None;
    }

    /// The time that half of the samples stay below; `None` without samples. The lower one of two in the middle.
    pub(crate) fn median(&self, now: Instant) -> Option<Duration> {
        let mut samples = self.0.lock();
        while let Some((at, _)) = samples.latest.front()
            && now.saturating_duration_since(*at) >= EXPIRY
        {
            samples.latest.pop_front();
            samples.median = None;
        }
        if samples.median.is_none() && !samples.latest.is_empty() {
            let mut times: Vec<Duration> = samples.latest.iter().map(|(_, took)| *took).collect();
            let middle = (times.len() - 1) / 2;
            let (_, median, _) = times.select_nth_unstable(middle);
            samples.median = Some(*median);
        }
        samples.median
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_median_of_the_latest() {
        let now = Instant::now();
        let latency = Latency::default();
        assert_eq!(latency.median(now), None);
        for (took, expected) in [(30, 30), (10, 10), (20, 20), (1_000, 20), (25, 25)] {
            latency.observe(ms(took), now);
            assert_eq!(latency.median(now), Some(ms(expected)));
        }
        for _ in 0..SAMPLES {
            latency.observe(ms(7), now);
        }
        assert_eq!(latency.median(now), Some(ms(7)));
        assert_eq!(latency.0.lock().latest.len(), SAMPLES);
    }

    #[test]
    fn samples_expire() {
        let now = Instant::now();
        let latency = Latency::default();
        latency.observe(ms(10), now);
        latency.observe(ms(90), now + ms(1));
        let before = EXPIRY.saturating_sub(ms(1));
        assert_eq!(latency.median(now + before), Some(ms(10)));
        assert_eq!(latency.median(now + EXPIRY), Some(ms(90)));
        assert_eq!(latency.median(now + EXPIRY + ms(1)), None);
    }
}
