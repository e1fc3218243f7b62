//! The credentials of a provider.

use std::time::{Duration, Instant};

use ferrogate_types::Secret;
use parking_lot::Mutex;

use crate::breaker::FORCED_EVERY;
use crate::turn::Turns;

/// A key with its share of the calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolKey {
    /// The key; empty where one was written but is unset.
    pub secret: Secret,
    /// Its share, at least 1.
    pub weight: u32,
}

impl From<Secret> for PoolKey {
    fn from(secret: Secret) -> Self {
        Self { secret, weight: 1 }
    }
}

/// A provider's keys, used in turn by their weights; one that was refused for its rate is parked for a while.
#[derive(Debug)]
pub struct CredentialPool {
    keys: Vec<PoolKey>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Of each key.
    parked_until: Vec<Option<Instant>>,
    turns: Turns,
    /// When the call was made for which a key was parked, or a parked key was lent.
    spared: Option<Instant>,
}

impl State {
    fn wait(&self, index: usize, now: Instant) -> Duration {
        let until = self.parked_until.get(index).copied().flatten();
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }
}

/// A credential lent for one call.
#[derive(Clone, Copy, Debug)]
pub struct Lent<'a> {
    pool: &'a CredentialPool,
    index: usize,
    at: Instant,
}

impl CredentialPool {
    /// A pool of these keys; empty ones are left out.
    pub fn new(keys: impl IntoIterator<Item = PoolKey>) -> Self {
        let keys = keys.into_iter().filter(|key| !key.secret.is_empty());
        let keys: Vec<PoolKey> = keys.collect();
        let state = State {
            parked_until: vec![None; keys.len()],
            ..State::default()
        };
        Self {
            keys,
            state: Mutex::new(state),
        }
    }

    /// Parks the keys that are parked in another pool.
    pub(crate) fn park_like(&self, other: &Self) {
        let others = other.state.lock();
        let mut state = self.state.lock();
        for (key, until) in other.keys.iter().zip(&others.parked_until) {
            let place = self.keys.iter().position(|own| own.secret == key.secret);
            if let Some(place) = place {
                state.parked_until[place] = *until;
            }
        }
    }

    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The first key, for what is not a call.
    pub fn first(&self) -> Option<&Secret> {
        self.keys.first().map(|key| &key.secret)
    }

    /// The next key that is not parked; `None` when there is none or all are.
    pub fn lend(&self, now: Instant) -> Option<Lent<'_>> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let mut turns = std::mem::take(&mut state.turns);
        let keys = self.keys.iter().map(|key| key.weight).enumerate();
        let index = turns.next(keys.filter(|(index, _)| state.wait(*index, now).is_zero()));
        state.turns = turns;
        Some(Lent {
            pool: self,
            index: index?,
            at: now,
        })
    }

    /// The next key that is not parked, or else the one that is free soonest, because nothing else is left: a parked one
    /// once a second, and not in the second after the call for which it was parked.
    pub fn force(&self, now: Instant) -> Option<Lent<'_>> {
        if let Some(lent) = self.lend(now) {
            return Some(lent);
        }
        let mut state = self.state.lock();
        let soon = |at: Instant| now.saturating_duration_since(at) < FORCED_EVERY;
        if state.spared.is_some_and(soon) {
            return None;
        }
        let index = (0..self.keys.len()).min_by_key(|index| state.wait(*index, now))?;
        state.spared = Some(now);
        Some(Lent {
            pool: self,
            index,
            at: now,
        })
    }

    /// Whether there is a key that is not parked.
    pub fn is_free(&self, now: Instant) -> bool {
        !self.keys.is_empty() && self.wait(now).is_zero()
    }

    /// How long until a key is free again; zero when one is, or when there is none.
    pub fn wait(&self, now: Instant) -> Duration {
        let state = self.state.lock();
        let waits = (0..self.keys.len()).map(|index| state.wait(index, now));
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
        let mut state = self.pool.state.lock();
        state.parked_until[self.index] = Some(until);
        state.spared = state.spared.max(Some(self.at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(keys: &[(&str, u32)]) -> CredentialPool {
        CredentialPool::new(keys.iter().map(|&(text, weight)| PoolKey {
            secret: Secret::literal(text),
            weight,
        }))
    }

    #[test]
    fn parks_the_key_and_not_the_provider() {
        let now = Instant::now();
        let pool = pool(&[("a", 1), ("", 1), ("b", 1)]);
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
        let pool = pool(&[("a", 1), ("b", 1)]);
        let used: Vec<&str> = (0..4)
            .map(|_| pool.lend(now).unwrap().secret().expose())
            .collect();
        assert_eq!(used, ["a", "b", "a", "b"]);
    }

    #[test]
    fn uses_them_by_their_weights() {
        let now = Instant::now();
        let pool = pool(&[("a", 3), ("b", 1)]);
        let used: String = (0..8)
            .map(|_| pool.lend(now).unwrap().secret().expose())
            .collect();
        assert_eq!(used, "aabaaaba");
    }

    #[test]
    fn need_lends_what_is_free_soonest_once_a_second() {
        let now = Instant::now();
        let pool = pool(&[("a", 1), ("b", 1)]);
        for wait in [9, 5] {
            let lent = pool.lend(now).unwrap();
            lent.park(now + Duration::from_secs(wait));
        }
        assert!(pool.force(now).is_none() && pool.lend(now).is_none());
        let later = now + FORCED_EVERY;
        let lent = pool.force(later).unwrap();
        assert_eq!(lent.secret().expose(), "b");
        assert!(pool.force(later).is_none());
        lent.park(now + Duration::from_secs(5));
        assert!(pool.force(later + FORCED_EVERY).is_some());
        let free = now + Duration::from_secs(5);
        assert!(pool.force(free).is_some() && pool.force(free).is_some());
        assert!(CredentialPool::new([]).force(now).is_none());
    }

    #[test]
    fn a_pool_that_follows_knows_what_is_parked() {
        let now = Instant::now();
        let old = pool(&[("a", 1), ("b", 1)]);
        old.lend(now).unwrap().park(now + Duration::from_secs(5));
        let new = pool(&[("c", 1), ("a", 1)]);
        new.park_like(&old);
        for _ in 0..3 {
            assert_eq!(new.lend(now).unwrap().secret().expose(), "c");
        }
    }
}
