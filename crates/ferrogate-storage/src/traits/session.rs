//! Sessions of the console.

use async_trait::async_trait;
use ferrogate_types::{KeyId, Timestamp};

use crate::error::StoreError;

/// Somebody who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its public id, for lists.
    pub id: String,
    /// The hash of what the cookie carries.
    pub token_hash: String,
    /// The token that a form must carry, or its hash, as its owner decides.
    pub csrf: String,
    /// Who it is.
    pub subject: String,
    /// The key that signed in; none for the master key.
    pub key: Option<KeyId>,
    /// What it may do, as its owner writes it.
    pub scopes: String,
    /// From where it was opened.
    pub source_ip: Option<String>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

/// Keeps sessions.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Keeps sessions. Of those that are there already only the last use changes, and it never goes back.
    async fn put_sessions(&self, sessions: &[SessionRecord]) -> Result<(), StoreError>;

    /// The session whose token has this hash, expired or not.
    async fn session_by_token(&self, token_hash: &str)
    -> Result<Option<SessionRecord>, StoreError>;

    /// Sessions, the latest opened first: at most 10,000.
    async fn sessions(&self, limit: u32) -> Result<Vec<SessionRecord>, StoreError>;

    /// Ends a session. Says whether there was one.
    async fn delete_session(&self, id: &str) -> Result<bool, StoreError>;

    /// Ends all sessions of a key, or of everybody. Returns their number.
    async fn delete_sessions(&self, of: Option<&KeyId>) -> Result<u64, StoreError>;

    /// Forgets sessions that ended before a moment, or were last used before another. Returns their number.
    async fn expire_sessions(
        &self,
        now: Timestamp,
        idle_since: Timestamp,
    ) -> Result<u64, StoreError>;
}
