//! Verification of secrets that people chose.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ferrogate_types::Secret;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::{AuthError, KeyDigest, hash};

/// Verification of secrets that people chose: slow on purpose, so done on threads of its own, few at a time, with few
/// waiting, and once per secret.
#[derive(Debug)]
pub(crate) struct SlowVerifier {
    /// Place in the configuration, and PHC string.
    hashed: Arc<[(usize, Secret)]>,
    verified: Mutex<Verified>,
    verifiers: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// What is known of a secret without slow work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known<T> {
    /// Whose it is.
    Is(T),
    /// That it is nobody's.
    Nobody,
    /// Nothing: it was not tried.
    Untried,
}

/// What is known of secrets. Right ones are as many as keys, and wrong ones cannot push them out.
#[derive(Debug, Default)]
struct Verified {
    right: HashMap<KeyDigest, usize>,
    wrong: HashSet<KeyDigest>,
    /// Wrong ones of before, until there are enough new ones.
    wrong_before: HashSet<KeyDigest>,
}

/// Hashes verified at once, and never on more than half of the cores: the workers need the others.
const VERIFIERS: usize = 2;
/// Calls that may wait for one of them; more are refused.
const WAITING: usize = 32;
/// Wrong secrets remembered, in each of two halves.
const REMEMBERED: usize = 5_000;

impl SlowVerifier {
    pub(crate) fn new(hashed: Vec<(usize, Secret)>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            hashed: hashed.into(),
            verified: Mutex::default(),
            verifiers: Arc::new(Semaphore::new((cores / 2).clamp(1, VERIFIERS))),
            waiting: Arc::new(Semaphore::new(WAITING)),
        }
    }

    /// What is known of a secret without work.
    pub(crate) fn known(&self, digest: &KeyDigest) -> Known<usize> {
        if self.hashed.is_empty() {
            return Known::Nobody;
        }
        self.verified.lock().known(digest)
    }

    /// Tries all hashes.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing; a verification under way ends on its own thread.
    pub(crate) async fn verify(
        &self,
        secret: &str,
        digest: KeyDigest,
    ) -> Result<Option<usize>, AuthError> {
        let _place = self.waiting.try_acquire().map_err(|_| AuthError::Busy)?;
        let turn = Arc::clone(&self.verifiers)
            .acquire_owned()
            .await
            .map_err(|_| AuthError::Busy)?;
        // Somebody may have asked the same while this one waited.
        match self.known(&digest) {
            Known::Is(index) => return Ok(Some(index)),
            Known::Nobody => return Ok(None),
            Known::Untried => {}
        }
        let hashed = Arc::clone(&self.hashed);
        let secret = Secret::literal(secret);
        let found = tokio::task::spawn_blocking(move || {
            // The turn ends with the work, not with the caller, so that leaving early frees no CPU to others.
            let _turn = turn;
            hashed
                .iter()
                .find(|(_, phc)| hash::verify_secret(secret.expose(), phc.expose()))
                .map(|&(index, _)| index)
        });
        let verdict = found.await.map_err(|_| AuthError::Busy)?;
        self.verified.lock().remember(digest, verdict);
        Ok(verdict)
    }
}

impl Verified {
    fn known(&self, digest: &KeyDigest) -> Known<usize> {
        if let Some(&index) = self.right.get(digest) {
            Known::Is(index)
        } else if self.wrong.contains(digest) || self.wrong_before.contains(digest) {
            Known::Nobody
        } else {
            Known::Untried
        }
    }

    fn remember(&mut self, digest: KeyDigest, verdict: Option<usize>) {
        if let Some(index) = verdict {
            self.right.insert(digest, index);
        } else {
            if self.wrong.len() >= REMEMBERED {
                self.wrong_before = std::mem::take(&mut self.wrong);
            }
            self.wrong.insert(digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn guesses_beyond_the_bound_are_refused_at_once() {
        let hash = crate::hash_secret("human").unwrap();
        let slow = SlowVerifier::new(vec![(7, Secret::literal(hash))]);
        let held = Arc::clone(&slow.waiting)
            .acquire_many_owned(u32::try_from(WAITING).unwrap())
            .await
            .unwrap();
        let verify = |secret: &'static str| slow.verify(secret, KeyDigest::of(secret));
        assert_eq!(verify("guess").await, Err(AuthError::Busy));
        drop(held);
        assert_eq!(verify("guess").await, Ok(None));
        assert_eq!(verify("human").await, Ok(Some(7)));
        assert_eq!(slow.known(&KeyDigest::of("guess")), Known::Nobody);
        assert_eq!(slow.known(&KeyDigest::of("human")), Known::Is(7));
    }

    #[test]
    fn wrong_guesses_do_not_push_out_right_secrets() {
        let mut verified = Verified::default();
        let right = KeyDigest::of("right");
        verified.remember(right, Some(3));
        for guess in 0..3 * REMEMBERED {
            verified.remember(KeyDigest::of(&guess.to_string()), None);
        }
        assert_eq!(verified.known(&right), Known::Is(3));
        assert!(verified.wrong.len() + verified.wrong_before.len() <= 2 * REMEMBERED);
        let last = (3 * REMEMBERED - 1).to_string();
        assert_eq!(verified.known(&KeyDigest::of(&last)), Known::Nobody);
    }
}
