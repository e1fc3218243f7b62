//! The credentials of a provider.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ferrogate_types::Secret;
use parking_lot::Mutex;

/// A provider's keys, used in turn; one that was refused for its rate is parked for a while.
#[derive(Debug)]
pub struct CredentialPool {
    keys: Vec<Slot>,
    next: AtomicUsize,
}

#[derive(Debug)]
struct Slot {
    secret: Secret,
    parked_until: Mutex<Option<Instant>>,
}

/// A credential lent for one call.
#[derive(Clone, Copy, Debug)]
pub struct Lent<'a> {
    pool: &'a CredentialPool,
    index: usize,
}

impl CredentialPool {
    /// A pool of these keys; empty ones are left out.
    pub fn new(keys: impl IntoIterator<Item = Secret>) -> Self {
        let keys = keys.into_iter().filter(|secret| !secret.is_empty());
        Self {
            keys: keys
                .map(|secret| Slot {
                    secret,
                    parked_until: Mutex::new(None),
                })
                .collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The next key that is not parked; `None` when there is none or all are.
    pub fn lend(&self, now: Instant) -> Option<Lent<'_>> {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        (0..self.keys.len())
            .map(|step| start.wrapping_add(step) % self.keys.len())
            .find_map(|index| {
                let free = self
                    .keys
                    .get(index)?
                    .parked_until
                    .lock()
                    .is_none_or(|until| until <= now);
                free.then_some(Lent { pool: self, index })
            })
    }

    /// Whether there is a key that is not parked.
    pub fn is_free(&self, now: Instant) -> bool {
        !self.keys.is_empty() && self.wait(now).is_zero()
    }

    /// How long until a key is free again; zero when one is, or when there is none.
    pub fn wait(&self, now: Instant) -> Duration {
        let waits = self.keys.iter().map(|slot| {
            slot.parked_until
                .lock()
                .map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
        });
        waits.min().unwrap_or_default()
    }
}

impl<'a> Lent<'a> {
    /// The key.
    pub fn secret(&self) -> &'a Secret {
        &self.pool.keys[self.index].secret
    }

    /// Takes the key out of use until then: the provider said when it may be used again.
    pub fn park(&self, until: Instant) {
        *self.pool.keys[self.index].parked_until.lock() = Some(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parks_the_key_and_not_the_provider() {
        let now = Instant::now();
        let pool = CredentialPool::new(["a", "", "b"].map(Secret::literal));
        let first = pool.lend(now).unwrap();
        first.park(now + Duration::from_secs(5));
        for _ in 0..3 {
            assert_ne!(pool.lend(now).unwrap().secret(), first.secret());
        }
        pool.lend(now).unwrap().park(now + Duration::from_secs(2));
        assert!(pool.lend(now).is_none() && !pool.is_free(now));
        assert!(!CredentialPool::new([]).is_free(now));
        assert_eq!(pool.wait(now), Duration::from_secs(2));
        assert!(pool.lend(now + Duration::from_secs(2)).is_some());
    }

    #[test]
    fn uses_them_in_turn() {
        let now = Instant::now();
        let pool = CredentialPool::new(["a", "b"].map(Secret::literal));
        let used: Vec<&str> = (0..4)
            .map(|_| pool.lend(now).unwrap().secret().expose())
            .collect();
        assert_eq!(used, ["a", "b", "a", "b"]);
    }
}
