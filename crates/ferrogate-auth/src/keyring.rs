//! All keys of a gateway, found by the secret a caller presents.

use std::collections::HashMap;
use std::sync::Arc;

use ferrogate_types::KeyId;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::hash;
use crate::key::{Key, KeyCredential, KeySpec};

/// All keys of a gateway.
#[derive(Debug)]
pub struct Keyring {
    keys: Vec<Arc<Key>>,
    by_digest: HashMap<SecretDigest, usize>,
    hashed: Vec<usize>,
    verified: Mutex<HashMap<SecretDigest, Option<usize>>>,
    verifiers: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

type SecretDigest = [u8; 32];

/// Why nobody was authenticated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No key has this secret.
    #[error("incorrect API key provided")]
    Unknown,
    /// The key is switched off.
    #[error("the key `{0}` is disabled")]
    Disabled(KeyId),
    /// The key's time is over.
    #[error("the key `{0}` has expired")]
    Expired(KeyId),
    /// Too many secrets are being verified; try again in a second.
    #[error("too many keys are being verified at the moment")]
    Busy,
}

/// Hashes verified at once, and never on more than half of the cores: the workers need the others.
const VERIFIERS: usize = 2;
/// Calls that may wait for one of them; more are refused.
const WAITING: usize = 32;
/// Verdicts remembered, right and wrong ones alike; when full, all are forgotten.
const REMEMBERED: usize = 10_000;

impl Keyring {
    /// A ring of these keys, in their order.
    pub fn new(specs: Vec<KeySpec>) -> Self {
        let mut by_digest = HashMap::new();
        let mut hashed = Vec::new();
        for (index, spec) in specs.iter().enumerate() {
            match &spec.credential {
                KeyCredential::Plain(secret) if !secret.is_empty() => {
                    by_digest.entry(digest(secret.expose())).or_insert(index);
                }
                KeyCredential::Plain(_) => {}
                KeyCredential::Argon2(_) => hashed.push(index),
            }
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let keys = specs
            .into_iter()
            .enumerate()
            .map(|(index, spec)| Arc::new(Key::new(spec, index)))
            .collect();
        Self {
            keys,
            by_digest,
            hashed,
            verified: Mutex::default(),
            verifiers: Arc::new(Semaphore::new((cores / 2).clamp(1, VERIFIERS))),
            waiting: Arc::new(Semaphore::new(WAITING)),
        }
    }

    /// Whether no key was configured: then nobody can be asked for one.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key of this id.
    pub fn get(&self, id: &KeyId) -> Option<&Arc<Key>> {
        self.keys.iter().find(|key| key.id() == id)
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key with this secret. `now` is in seconds since 1970.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing; a verification under way ends on its own thread.
    pub async fn authenticate(&self, secret: &str, now: u64) -> Result<Arc<Key>, AuthError> {
        let index = self.find(secret).await?.ok_or(AuthError::Unknown)?;
        let key = self.keys.get(index).ok_or(AuthError::Unknown)?;
        if key.spec().disabled {
            return Err(AuthError::Disabled(key.id().clone()));
        }
        if key.spec().expires.is_some_and(|at| at <= now) {
            return Err(AuthError::Expired(key.id().clone()));
        }
        Ok(Arc::clone(key))
    }

    async fn find(&self, secret: &str) -> Result<Option<usize>, AuthError> {
        let digest = digest(secret);
        if let Some(&index) = self.by_digest.get(&digest) {
            return Ok(Some(index));
        }
        if self.hashed.is_empty() {
            return Ok(None);
        }
        if let Some(&verdict) = self.verified.lock().get(&digest) {
            return Ok(verdict);
        }
        let verdict = self.verify_hashed(secret).await?;
        let mut verified = self.verified.lock();
        if verified.len() >= REMEMBERED {
            verified.clear();
        }
        verified.insert(digest, verdict);
        Ok(verdict)
    }

    async fn verify_hashed(&self, secret: &str) -> Result<Option<usize>, AuthError> {
        let _place = self.waiting.try_acquire().map_err(|_| AuthError::Busy)?;
        let turn = Arc::clone(&self.verifiers)
            .acquire_owned()
            .await
            .map_err(|_| AuthError::Busy)?;
        let candidates: Vec<(usize, ferrogate_types::Secret)> = self
            .hashed
            .iter()
            .filter_map(|&index| match &self.keys.get(index)?.spec().credential {
                KeyCredential::Argon2(phc) => Some((index, phc.clone())),
                KeyCredential::Plain(_) => None,
            })
            .collect();
        let secret = ferrogate_types::Secret::literal(secret);
        let found = tokio::task::spawn_blocking(move || {
            // The turn ends with the work, not with the caller, so that leaving early frees no CPU to others.
            let _turn = turn;
            candidates
                .into_iter()
                .find(|(_, phc)| hash::verify_secret(secret.expose(), phc.expose()))
                .map(|(index, _)| index)
        });
        found.await.map_err(|_| AuthError::Busy)
    }
}

fn digest(secret: &str) -> SecretDigest {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use ferrogate_types::Secret;

    use super::*;
    use crate::key::tests::spec;

    #[tokio::test]
    async fn finds_keys_by_their_secret() {
        let mut hashed = spec("hashed", "");
        hashed.credential =
            KeyCredential::Argon2(Secret::literal(crate::hash_secret("human").unwrap()));
        let ring = Keyring::new(vec![spec("a", "sa"), spec("unset", ""), hashed]);
        for (secret, expected) in [
            ("sa", Some("a")),
            ("human", Some("hashed")),
            ("nope", None),
            ("", None),
        ] {
            for _ in 0..2 {
                let found = ring.authenticate(secret, 0).await;
                assert_eq!(
                    found.as_ref().ok().map(|key| key.id().as_str()),
                    expected,
                    "{secret}"
                );
            }
        }
    }

    #[tokio::test]
    async fn refuses_disabled_and_expired_keys() {
        let mut disabled = spec("d", "sd");
        disabled.disabled = true;
        let mut expired = spec("e", "se");
        expired.expires = Some(100);
        let ring = Keyring::new(vec![disabled, expired]);
        assert!(matches!(
            ring.authenticate("sd", 0).await,
            Err(AuthError::Disabled(_))
        ));
        assert!(ring.authenticate("se", 99).await.is_ok());
        assert!(matches!(
            ring.authenticate("se", 100).await,
            Err(AuthError::Expired(_))
        ));
    }

    #[tokio::test]
    async fn guesses_beyond_the_bound_are_refused_at_once() {
        let mut hashed = spec("hashed", "");
        hashed.credential =
            KeyCredential::Argon2(Secret::literal(crate::hash_secret("human").unwrap()));
        let ring = Arc::new(Keyring::new(vec![hashed]));
        let held = Arc::clone(&ring.waiting)
            .acquire_many_owned(u32::try_from(WAITING).unwrap())
            .await
            .unwrap();
        assert_eq!(
            ring.authenticate("guess", 0).await.unwrap_err(),
            AuthError::Busy
        );
        drop(held);
        assert_eq!(
            ring.authenticate("guess", 0).await.unwrap_err(),
            AuthError::Unknown
        );
    }
}
