//! An identity provider.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, watch};

use super::jws::Jws;
use super::keyset::KeySet;
use super::{Algorithm, ClaimMapping, TokenError, TokenIdentity, claims};
use crate::KeyDigest;

/// What is said of an identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerSpec {
    /// Its name, exactly as its tokens say it (`iss`).
    pub issuer: String,
    /// Whom its tokens must be meant for (`aud`): one of these. With none, no token is accepted.
    pub audiences: Vec<String>,
    /// Where its keys are.
    pub jwks_url: String,
    /// What its tokens may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// How far its clock may be from ours.
    pub skew: Duration,
    /// How often its keys are fetched.
    pub refresh: Duration,
    /// What its claims mean here.
    pub mapping: ClaimMapping,
}

/// Fetches the keys of identity providers.
#[async_trait]
pub trait JwksSource: fmt::Debug + Send + Sync {
    /// The document at a URL. Bounds its size and its time itself: a megabyte and ten seconds are plenty.
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>>;
}

/// An identity provider, with its keys and the tokens it was seen with.
#[derive(Debug)]
pub struct Issuer {
    spec: IssuerSpec,
    keys: ArcSwap<KeySet>,
    seen: Mutex<Seen>,
    /// Somebody has a token whose key is not known.
    wanted: Notify,
    freshness: watch::Sender<Freshness>,
    waiting: Semaphore,
}

/// Tokens that were verified, so that each is only once.
#[derive(Debug, Default)]
struct Seen {
    recent: HashMap<KeyDigest, Arc<TokenIdentity>>,
    before: HashMap<KeyDigest, Arc<TokenIdentity>>,
    /// Goes up when the keys change: what was verified with the old ones is not remembered after that.
    generation: u64,
}

/// How the keys are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Freshness {
    /// Times that they were asked for, with or without success.
    fetches: u64,
    /// They were asked for a moment ago, and are not asked for again yet.
    resting: bool,
}

/// Between two fetches, however many unknown keys are seen; less only where they are fetched more often anyway.
const REST: Duration = Duration::from_secs(30);
/// After a fetch that failed; doubled with each, up to ten minutes.
const RETRY: Duration = Duration::from_secs(30);
/// How long a request waits for keys.
const PATIENCE: Duration = Duration::from_secs(3);
/// Requests that wait for keys; more are refused.
const WAITING: usize = 256;
/// Tokens remembered, in each of two halves.
const REMEMBERED: usize = 10_000;

impl IssuerSpec {
    /// An issuer with the usual settings and no claims that mean anything.
    pub fn new(issuer: String, audiences: Vec<String>, jwks_url: String) -> Self {
        Self {
            issuer,
            audiences,
            jwks_url,
            algorithms: Algorithm::DEFAULT.to_vec(),
            skew: Duration::from_secs(60),
            refresh: Duration::from_secs(3600),
            mapping: ClaimMapping::default(),
        }
    }
}

impl Issuer {
    /// An issuer whose keys are not known yet; see [`keep_fresh`](Self::keep_fresh).
    pub fn new(spec: IssuerSpec) -> Self {
        Self {
            spec,
            keys: ArcSwap::default(),
            seen: Mutex::default(),
            wanted: Notify::new(),
            freshness: watch::Sender::new(Freshness::default()),
            waiting: Semaphore::new(WAITING),
        }
    }

    /// What is said of it.
    pub fn spec(&self) -> &IssuerSpec {
        &self.spec
    }

    /// Fetches its keys now, again and again, and when a token has a key that is not known, though not more often than
    /// twice a minute or as often as they are fetched anyway. Keys that cannot be fetched stay as they were. Never
    /// returns: whoever starts it drops it.
    pub async fn keep_fresh(&self, source: &dyn JwksSource) {
        let [rest, first_retry] = [REST, RETRY].map(|pause| pause.min(self.spec.refresh));
        let mut retry = first_retry;
        loop {
            let pause = match self.fetch(source).await {
                Ok(()) => {
                    retry = first_retry;
                    self.spec.refresh
                }
                Err(error) => {
                    tracing::warn!(
                        issuer = %self.spec.issuer,
                        url = %self.spec.jwks_url,
                        error = %error,
                        "the keys of an issuer of tokens cannot be fetched"
                    );
                    let pause = retry;
                    retry = (retry * 2).min(Duration::from_secs(600));
                    pause
                }
            };
            self.freshness.send_modify(|freshness| {
                freshness.fetches = freshness.fetches.wrapping_add(1);
                freshness.resting = true;
            });
            tokio::time::sleep(rest).await;
            self.freshness
                .send_modify(|freshness| freshness.resting = false);
            let wanted = self.wanted.notified();
            if let Ok(()) = tokio::time::timeout(pause.saturating_sub(rest), wanted).await {
                tracing::debug!(issuer = %self.spec.issuer, "a token has a key that is not known");
            }
        }
    }

    async fn fetch(
        &self,
        source: &dyn JwksSource,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let document = source.fetch(&self.spec.jwks_url).await?;
        let keys = KeySet::parse(&document).ok_or("the document has no key that signs tokens")?;
        if **self.keys.load() != keys {
            self.keys.store(Arc::new(keys));
            let mut seen = self.seen.lock();
            // A key that is gone may have been stolen: what it signed is worth nothing from now on.
            *seen = Seen {
                generation: seen.generation.wrapping_add(1),
                ..Seen::default()
            };
        }
        Ok(())
    }

    pub(super) fn known(&self, digest: &KeyDigest, now: u64) -> Option<Arc<TokenIdentity>> {
        let seen = self.seen.lock();
        let found = seen.recent.get(digest).or_else(|| seen.before.get(digest));
        found.filter(|identity| now < identity.expires).cloned()
    }

    pub(super) async fn verify(
        &self,
        jws: &Jws<'_>,
        digest: KeyDigest,
        now: u64,
    ) -> Result<Arc<TokenIdentity>, TokenError> {
        if !self.spec.algorithms.contains(&jws.algorithm) {
            return Err(TokenError::Algorithm);
        }
        let mut generation = self.seen.lock().generation;
        let mut verdict = self.keys.load().verify(jws);
        if verdict == Err(TokenError::UnknownKey) {
            self.refreshed().await?;
            generation = self.seen.lock().generation;
            verdict = self.keys.load().verify(jws);
        }
        verdict?;
        let identity = Arc::new(claims::read(&jws.payload, &self.spec, now)?);
        self.seen.lock().remember(digest, &identity, generation);
        Ok(identity)
    }

    /// Waits until the keys were asked for once more; not where they were a moment ago.
    async fn refreshed(&self) -> Result<(), TokenError> {
        let mut freshness = self.freshness.subscribe();
        let before = *freshness.borrow_and_update();
        if before.resting {
            let never = self.keys.load().is_empty();
            return Err(if never {
                TokenError::Unavailable
            } else {
                TokenError::UnknownKey
            });
        }
        let _place = self
            .waiting
            .try_acquire()
            .map_err(|_| TokenError::Unavailable)?;
        self.wanted.notify_one();
        let again = freshness.wait_for(|now| now.fetches != before.fetches);
        match tokio::time::timeout(PATIENCE, again).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(TokenError::Unavailable),
        }
    }
}

impl Seen {
    fn remember(&mut self, digest: KeyDigest, identity: &Arc<TokenIdentity>, generation: u64) {
        if self.generation != generation {
            return;
        }
        if self.recent.len() >= REMEMBERED {
            self.before = std::mem::take(&mut self.recent);
        }
        self.recent.insert(digest, Arc::clone(identity));
    }
}
