//! The keys of a configuration, found by the secret a caller presents.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ferrogate_types::KeyId;

use crate::KeyDigest;
use crate::key::{Key, KeyCredential, KeySpec};
use crate::slow::{Known, SlowVerifier};

/// The keys of a configuration.
#[derive(Debug)]
pub struct Keyring {
    keys: Vec<Arc<Key>>,
    by_digest: HashMap<KeyDigest, usize>,
    by_id: HashMap<KeyId, usize>,
    slow: SlowVerifier,
}

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
    /// The key was revoked.
    #[error("the key `{0}` has been revoked")]
    Revoked(KeyId),
    /// A bearer token is not valid.
    #[error("the bearer token is not valid: {0}")]
    Token(#[from] crate::TokenError),
    /// Too many secrets are being verified; try again in a second.
    #[error("too many keys are being verified at the moment")]
    Busy,
    /// Too many wrong secrets came from the address.
    #[error("too many incorrect API keys came from this address; try again in {} s", .0.as_secs())]
    TooManyGuesses(Duration),
}

impl Keyring {
    /// A ring of these keys, in their order.
    pub fn new(specs: Vec<KeySpec>) -> Self {
        let mut by_digest = HashMap::new();
        let mut by_id = HashMap::new();
        let mut hashed = Vec::new();
        for (index, spec) in specs.iter().enumerate() {
            by_id.entry(spec.id.clone()).or_insert(index);
            match &spec.credential {
                KeyCredential::Plain(secret) if !secret.is_empty() => {
                    let digest = KeyDigest::of(secret.expose());
                    by_digest.entry(digest).or_insert(index);
                }
                KeyCredential::Plain(_) => {}
                KeyCredential::Argon2(phc) => hashed.push((index, phc.clone())),
                // A grace is for secrets that are rotated, and those of a file are not.
                KeyCredential::Generated(hashes) => {
                    by_digest.entry(hashes.current).or_insert(index);
                }
            }
        }
        let keys = specs.into_iter().enumerate();
        Self {
            keys: keys
                .map(|(index, spec)| Arc::new(Key::in_file(spec, index)))
                .collect(),
            by_digest,
            by_id,
            slow: SlowVerifier::new(hashed),
        }
    }

    /// Lets keys that were in the ring before go on counting their uses.
    pub fn succeeding(mut self, old: &Self) -> Self {
        for key in &mut self.keys {
            let before = old.get(key.id().as_str());
            if let (Some(key), Some(before)) = (Arc::get_mut(key), before) {
                key.adopt_activity(&before);
            }
        }
        self
    }

    /// Whether no key was configured: then nobody can be asked for one.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Key>> {
        self.keys.iter()
    }

    /// The key with this id.
    pub fn get(&self, id: &str) -> Option<Arc<Key>> {
        self.keys.get(*self.by_id.get(id)?).cloned()
    }

    /// The key with this secret. `now` is in seconds since 1970.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing; a verification under way ends on its own thread.
    pub async fn authenticate(&self, secret: &str, now: u64) -> Result<Arc<Key>, AuthError> {
        let digest = KeyDigest::of(secret);
        let key = match self.known(&digest) {
            Known::Is(key) => Some(key),
            Known::Nobody => None,
            // Boxed: this happens once per secret, and every request's future would carry its size.
            Known::Untried => Box::pin(self.verify(secret, digest)).await?,
        };
        let key = key.ok_or(AuthError::Unknown)?;
        key.require_usable(now)?;
        Ok(Arc::clone(key))
    }

    /// What is known of a secret without slow work.
    pub(crate) fn known(&self, digest: &KeyDigest) -> Known<&Arc<Key>> {
        let index = match self.by_digest.get(digest) {
            Some(&index) => index,
            None => match self.slow.known(digest) {
                Known::Is(index) => index,
                Known::Nobody => return Known::Nobody,
                Known::Untried => return Known::Untried,
            },
        };
        self.keys.get(index).map_or(Known::Nobody, Known::Is)
    }

    /// The key with this secret, by slow work.
    pub(crate) async fn verify(
        &self,
        secret: &str,
        digest: KeyDigest,
    ) -> Result<Option<&Arc<Key>>, AuthError> {
        let index = self.slow.verify(secret, digest).await?;
        Ok(index.and_then(|index| self.keys.get(index)))
    }
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
}
