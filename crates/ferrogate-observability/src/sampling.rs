//! Fewer of many entries alike.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::Level;

/// How many entries with the same message and level are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// The interval they are counted in.
    pub interval: Duration,
    /// So many are kept from its beginning on.
    pub first: u32,
    /// Then one in so many; zero = none.
    pub thereafter: u32,
}

/// Counts entries. Messages that share a cell are counted together, which keeps fewer of them; the number of cells
/// makes that rare, and bounds the memory whatever the messages are.
#[derive(Debug)]
pub(crate) struct Sampler {
    sampling: Sampling,
    cells: Box<[Cell]>,
    hasher: RandomState,
}

/// The count of one message.
#[derive(Debug, Default)]
struct Cell {
    /// Nanoseconds since 1970 at which the interval ends.
    end: AtomicU64,
    count: AtomicU64,
}

/// Messages of each level that are told apart.
const CELLS: usize = 1024;

impl Sampler {
    pub(crate) fn new(sampling: Sampling) -> Self {
        Self {
            sampling,
            cells: (0..CELLS).map(|_| Cell::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Whether this entry is one of those that are kept; counts it.
    pub(crate) fn keeps(&self, level: Level, message: &str, at: Duration) -> bool {
        let hash = self.hasher.hash_one((level, message));
        let index = usize::try_from(hash % 1024).unwrap_or_default();
        let Some(cell) = self.cells.get(index) else {
            return true;
        };
        let number = cell.next(nanos(at), nanos(self.sampling.interval));
        let first = u64::from(self.sampling.first);
        let step = u64::from(self.sampling.thereafter);
        number <= first || (step > 0 && (number - first).is_multiple_of(step))
    }
}

impl Cell {
    /// The entry's number within its interval, from one on.
    fn next(&self, now: u64, interval: u64) -> u64 {
        let end = self.end.load(Ordering::Acquire);
        if now < end {
            return self.count.fetch_add(1, Ordering::Relaxed) + 1;
        }
        self.count.store(1, Ordering::Relaxed);
        let next = now.saturating_add(interval);
        // Of two that find the interval over, the second counts in the new one.
        match self
            .end
            .compare_exchange(end, next, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => 1,
            Err(_) => self.count.fetch_add(1, Ordering::Relaxed) + 1,
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ones_then_every_so_manyth() {
        let check = |first: u32, thereafter: u32, entries: u64, kept: &[u64]| {
            let sampler = Sampler::new(Sampling {
                interval: Duration::from_secs(1),
                first,
                thereafter,
            });
            for second in 0..2 {
                let at = Duration::from_secs(second);
                let found: Vec<u64> = (1..=entries)
                    .filter(|_| sampler.keeps(Level::Info, "m", at))
                    .collect();
                assert_eq!(found, kept, "{first} {thereafter} in second {second}");
            }
        };
        check(2, 3, 10, &[1, 2, 5, 8]);
        check(1, 0, 5, &[1]);
        check(0, 2, 5, &[2, 4]);
        check(3, 1, 5, &[1, 2, 3, 4, 5]);
    }

    #[test]
    fn messages_and_levels_count_apart() {
        let sampler = Sampler::new(Sampling {
            interval: Duration::from_secs(1),
            first: 1,
            thereafter: 0,
        });
        let keeps = |level, message| sampler.keeps(level, message, Duration::ZERO);
        assert!(keeps(Level::Info, "a") && !keeps(Level::Info, "a"));
        assert!(keeps(Level::Error, "a") || keeps(Level::Warn, "a"));
    }
}
