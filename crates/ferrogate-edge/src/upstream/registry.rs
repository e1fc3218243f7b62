//! Health and load of every upstream of the process.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Upstream states by dialled address, shared by all routes.
///
/// One registry serves every configuration of the process: a reload finds the states of the addresses it keeps, and an
/// address nobody names any more is forgotten with its last request.
#[derive(Debug, Default)]
pub struct UpstreamRegistry {
    states: Mutex<HashMap<Arc<str>, Weak<UpstreamState>>>,
}

/// Health and load of one upstream.
#[derive(Debug)]
pub struct UpstreamState {
    dial: Arc<str>,
    in_flight: AtomicU32,
    /// Spares upstreams that never failed the lock.
    failed_ever: AtomicBool,
    failures: Mutex<Failures>,
}

/// The latest failures, oldest first.
#[derive(Debug, Default)]
struct Failures {
    times: VecDeque<Instant>,
    /// As many are kept as the strictest question needs: the largest `max_fails` of any route.
    capacity: usize,
}

impl UpstreamRegistry {
    /// The state of an address, new if nobody names it yet.
    pub(crate) fn state(&self, dial: &str, max_fails: u32) -> Arc<UpstreamState> {
        let mut states = self.states.lock();
        let state = states.get(dial).and_then(Weak::upgrade).unwrap_or_else(|| {
            // Only additions make the table grow, so this is the moment to drop what nobody holds.
            states.retain(|_, state| state.strong_count() > 0);
            let state = Arc::new(UpstreamState::new(dial));
            states.insert(Arc::clone(&state.dial), Arc::downgrade(&state));
            state
        });
        let mut failures = state.failures.lock();
        failures.capacity = failures
            .capacity
            .max(usize::try_from(max_fails).unwrap_or(usize::MAX));
        drop(failures);
        state
    }

    /// Every upstream in use, sorted by address.
    pub fn snapshot(&self) -> Vec<Arc<UpstreamState>> {
        let mut states: Vec<_> = self
            .states
            .lock()
            .values()
            .filter_map(Weak::upgrade)
            .collect();
        states.sort_by(|one, other| one.dial.cmp(&other.dial));
        states
    }
}

impl UpstreamState {
    fn new(dial: &str) -> Self {
        Self {
            dial: dial.into(),
            in_flight: AtomicU32::new(0),
            failed_ever: AtomicBool::new(false),
            failures: Mutex::default(),
        }
    }

    /// The address: `host:port`, `[ipv6]:port` or `unix//path`.
    pub fn dial(&self) -> &str {
        &self.dial
    }

    /// Requests leased and not yet returned.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// How many remembered failures are younger than `within`.
    pub fn recent_failures(&self, within: Duration, now: Instant) -> usize {
        let failures = self.failures.lock();
        failures
            .times
            .iter()
            .rev()
            .take_while(|time| is_recent(**time, within, now))
            .count()
    }

    pub(super) fn shared_dial(&self) -> &Arc<str> {
        &self.dial
    }

    /// Whether `max_fails` failures are younger than `within`.
    pub(super) fn has_failed(&self, max_fails: u32, within: Duration, now: Instant) -> bool {
        if !self.failed_ever.load(Ordering::Relaxed) {
            return false;
        }
        let failures = self.failures.lock();
        let needed = usize::try_from(max_fails).unwrap_or(usize::MAX).max(1);
        // The youngest failures are last: the one that many from the end decides.
        let decisive = failures
            .times
            .len()
            .checked_sub(needed)
            .and_then(|at| failures.times.get(at));
        decisive.is_some_and(|time| is_recent(*time, within, now))
    }

    pub(super) fn note_failure(&self, now: Instant) {
        let mut failures = self.failures.lock();
        if failures.times.len() >= failures.capacity.max(1) {
            failures.times.pop_front();
        }
        failures.times.push_back(now);
        self.failed_ever.store(true, Ordering::Relaxed);
    }

    /// Counts one more request, unless `max_requests` are there already.
    pub(super) fn acquire(&self, max_requests: Option<u32>) -> bool {
        let limit = max_requests.unwrap_or(u32::MAX);
        let more = |count: u32| (count < limit).then(|| count + 1);
        self.in_flight
            .try_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }

    pub(super) fn release(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

fn is_recent(time: Instant, within: Duration, now: Instant) -> bool {
    now.saturating_duration_since(time) < within
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_lives_as_long_as_somebody_names_it() {
        let registry = UpstreamRegistry::default();
        let first = registry.state("a:1", 1);
        assert!(Arc::ptr_eq(&first, &registry.state("a:1", 5)));
        let other = registry.state("b:1", 1);
        assert_eq!(
            registry
                .snapshot()
                .iter()
                .map(|state| state.dial())
                .collect::<Vec<_>>(),
            ["a:1", "b:1"]
        );
        first.note_failure(Instant::now());
        drop(first);
        assert_eq!(
            registry
                .state("a:1", 1)
                .recent_failures(Duration::MAX, Instant::now()),
            0
        );
        drop(other);
        let _third = registry.state("c:1", 1);
        assert_eq!(
            registry.states.lock().len(),
            1,
            "the dead are dropped on the next addition"
        );
    }

    #[test]
    fn failures_are_forgotten_one_by_one() {
        let registry = UpstreamRegistry::default();
        let state = registry.state("a:1", 2);
        let start = Instant::now();
        let at = |second: u64| start + Duration::from_secs(second);
        let window = Duration::from_secs(10);
        state.note_failure(at(0));
        assert!(!state.has_failed(2, window, at(0)));
        assert!(state.has_failed(1, window, at(0)));
        state.note_failure(at(5));
        assert!(state.has_failed(2, window, at(9)));
        assert!(
            !state.has_failed(2, window, at(10)),
            "the first failure is ten seconds old"
        );
        assert!(state.has_failed(1, window, at(14)));
        assert!(!state.has_failed(1, window, at(15)));
        for second in 20..40 {
            state.note_failure(at(second));
        }
        assert_eq!(
            state.recent_failures(Duration::MAX, at(40)),
            2,
            "no more are kept than are asked for"
        );
    }

    #[test]
    fn load_is_limited() {
        let registry = UpstreamRegistry::default();
        let state = registry.state("a:1", 1);
        assert!(state.acquire(Some(1)));
        assert!(!state.acquire(Some(1)));
        assert!(state.acquire(None));
        state.release();
        state.release();
        assert_eq!(state.in_flight(), 0);
    }
}
