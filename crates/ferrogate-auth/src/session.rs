//! Sessions of the console.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ferrogate_types::{KeyId, Secret};
use parking_lot::Mutex;

use crate::random::{self, NoEntropy};
use crate::{KeyDigest, MasterKey};

/// Sessions of the console: somebody showed a credential once and has a cookie for it now.
///
/// A session is worth what its credential is worth at each request, no more: [`KeyDirectory::resolve`] says that. It ends a
/// day after it began, an hour after it was used last, or when it is revoked.
///
/// [`KeyDirectory::resolve`]: crate::KeyDirectory::resolve
#[derive(Debug, Default)]
pub struct Sessions {
    sessions: Mutex<HashMap<KeyDigest, Arc<Session>>>,
}

/// One session.
#[derive(Debug)]
pub struct Session {
    record: SessionRecord,
    last_seen: AtomicU64,
    stored_seen: AtomicU64,
}

/// A session as the state store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its public id, by which it is listed and revoked.
    pub id: String,
    /// What is kept of its cookie.
    pub digest: KeyDigest,
    /// What it stands on.
    pub credential: CredentialId,
    /// Where it was begun from.
    pub address: Option<IpAddr>,
    /// Seconds since 1970.
    pub created_at: u64,
    /// Seconds since 1970.
    pub last_seen_at: u64,
    /// Seconds since 1970.
    pub expires_at: u64,
}

/// A credential that a session can stand on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CredentialId {
    /// A key.
    Key(KeyId),
    /// The master key.
    Master,
}

/// A session that was just begun: the only moment at which its cookie is known.
#[derive(Debug)]
pub struct NewSession {
    /// The cookie: `fgs_` and 43 letters and digits.
    pub cookie: Secret,
    /// What requests that change something must show beside the cookie.
    pub csrf: Secret,
    /// What to store.
    pub record: SessionRecord,
}

/// Seconds from beginning to end.
const LIFETIME: u64 = 24 * 3600;
/// Seconds without a request after which a session is over.
const IDLE: u64 = 3600;
/// Seconds by which what is stored may be behind.
const STORE_EVERY: u64 = 60;
/// Sessions at once. One more ends the one that was used longest ago.
const MOST: usize = 10_000;
const PREFIX: &str = "fgs_";

impl Sessions {
    /// Begins a session. `now` is in seconds since 1970.
    pub fn begin(
        &self,
        credential: CredentialId,
        address: Option<IpAddr>,
        now: u64,
    ) -> Result<NewSession, NoEntropy> {
        let cookie = random::secret(PREFIX)?;
        let record = SessionRecord {
            id: random::alphanumeric(16)?,
            digest: KeyDigest::of(cookie.expose()),
            credential,
            address,
            created_at: now,
            last_seen_at: now,
            expires_at: now.saturating_add(LIFETIME),
        };
        self.insert(record.clone(), now);
        Ok(NewSession {
            csrf: csrf(cookie.expose()),
            cookie,
            record,
        })
    }

    /// Takes over what the store has; what is here already is newer.
    pub fn restore(&self, records: Vec<SessionRecord>, now: u64) {
        for record in records {
            if !self.sessions.lock().contains_key(&record.digest) {
                self.insert(record, now);
            }
        }
    }

    fn insert(&self, record: SessionRecord, now: u64) {
        let mut sessions = self.sessions.lock();
        if sessions.len() >= MOST {
            sessions.retain(|_, session| session.is_alive(now));
        }
        if sessions.len() >= MOST {
            let stalest = sessions
                .iter()
                .min_by_key(|(_, session)| session.last_seen());
            if let Some(digest) = stalest.map(|(digest, _)| *digest) {
                sessions.remove(&digest);
            }
        }
        let session = Session {
            last_seen: AtomicU64::new(record.last_seen_at),
            stored_seen: AtomicU64::new(record.last_seen_at),
            record,
        };
        sessions.insert(session.record.digest, Arc::new(session));
    }

    /// The session of a cookie, which counts as seen now.
    pub fn check(&self, cookie: &str, now: u64) -> Option<Arc<Session>> {
        if !cookie.starts_with(PREFIX) {
            return None;
        }
        let digest = KeyDigest::of(cookie);
        let mut sessions = self.sessions.lock();
        let session = Arc::clone(sessions.get(&digest)?);
        if !session.is_alive(now) {
            sessions.remove(&digest);
            return None;
        }
        session.last_seen.fetch_max(now, Ordering::Relaxed);
        Some(session)
    }

    /// Ends the session of this id; says whether there was one.
    pub fn revoke(&self, id: &str) -> bool {
        let mut sessions = self.sessions.lock();
        let before = sessions.len();
        sessions.retain(|_, session| session.record.id != id);
        sessions.len() < before
    }

    /// Ends all sessions that stand on a credential, or all there are; returns their ids.
    pub fn revoke_all(&self, credential: Option<&CredentialId>) -> Vec<String> {
        let goes = |session: &Session| {
            credential.is_none_or(|credential| session.record.credential == *credential)
        };
        let mut sessions = self.sessions.lock();
        let gone = sessions.extract_if(|_, session| goes(session));
        gone.map(|(_, session)| session.record.id.clone()).collect()
    }

    /// The sessions that are not over, oldest first.
    pub fn list(&self, now: u64) -> Vec<SessionRecord> {
        let sessions = self.sessions.lock();
        let mut alive: Vec<_> = sessions
            .values()
            .filter(|session| session.is_alive(now))
            .map(|session| session.to_record())
            .collect();
        alive
            .sort_by(|left, right| (left.created_at, &left.id).cmp(&(right.created_at, &right.id)));
        alive
    }

    /// Forgets sessions that are over, and returns those whose last request should be written down, each at most once a
    /// minute, with the ids of those that are over.
    pub fn sweep(&self, now: u64) -> (Vec<SessionRecord>, Vec<String>) {
        let mut sessions = self.sessions.lock();
        let over = sessions
            .extract_if(|_, session| !session.is_alive(now))
            .map(|(_, session)| session.record.id.clone())
            .collect();
        let seen = sessions.values().filter(|session| {
            let last = session.last_seen();
            let stored = session.stored_seen.load(Ordering::Relaxed);
            let due = last >= stored.saturating_add(STORE_EVERY);
            if due {
                session.stored_seen.store(last, Ordering::Relaxed);
            }
            due
        });
        (seen.map(|session| session.to_record()).collect(), over)
    }
}

impl Session {
    /// Its public id.
    pub fn id(&self) -> &str {
        &self.record.id
    }

    /// What it stands on.
    pub fn credential(&self) -> &CredentialId {
        &self.record.credential
    }

    /// When it ends at the latest, in seconds since 1970.
    pub fn expires_at(&self) -> u64 {
        self.record.expires_at
    }

    /// As it is now.
    pub fn to_record(&self) -> SessionRecord {
        SessionRecord {
            last_seen_at: self.last_seen(),
            ..self.record.clone()
        }
    }

    fn last_seen(&self) -> u64 {
        self.last_seen.load(Ordering::Relaxed)
    }

    fn is_alive(&self, now: u64) -> bool {
        now < self.record.expires_at && now < self.last_seen().saturating_add(IDLE)
    }
}

/// What requests that change something must show beside a cookie: made of the cookie, so that nothing more is kept,
/// and nobody who does not know the cookie can make it.
pub fn csrf(cookie: &str) -> Secret {
    use base64::Engine;
    let digest = KeyDigest::of(&format!("csrf:{cookie}")).to_bytes();
    Secret::literal(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest))
}

/// Whether what a request shows is that. Takes the same time wherever they differ.
pub fn csrf_fits(cookie: &str, shown: &str) -> bool {
    csrf(cookie) == Secret::literal(shown)
}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => write!(f, "key:{id}"),
            Self::Master => f.write_str(MasterKey::ID),
        }
    }
}

/// Reads what [`Display`](fmt::Display) wrote.
impl std::str::FromStr for CredentialId {
    type Err = ferrogate_types::NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("key:") {
            Some(id) => id.parse().map(Self::Key),
            None if text == MasterKey::ID => Ok(Self::Master),
            None => Err(ferrogate_types::NameError::Character),
        }
    }
}

#[cfg(test)]
mod tests;
