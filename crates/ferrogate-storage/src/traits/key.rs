//! Virtual keys.

use async_trait::async_trait;
use ferrogate_types::{KeyId, TenantId, Timestamp, UserId};

use crate::error::StoreError;
use crate::traits::Expected;

/// A virtual key that was made through the admin API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its public id.
    pub id: KeyId,
    /// What people call it.
    pub name: String,
    /// The beginning of the secret, for people to recognise it by.
    pub prefix: String,
    /// The hash of the secret, as the owner of hashing wrote it.
    pub secret_hash: String,
    /// The secret before the last rotation, while it may still be used.
    pub previous: Option<PreviousSecret>,
    /// Whom it belongs to.
    pub tenant: Option<TenantId>,
    /// Who uses it.
    pub user: Option<UserId>,
    /// Scopes, lists, limits, address ranges and metadata: a JSON object the store does not look into.
    pub settings: String,
    /// Whether it is switched off.
    pub disabled: bool,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it stops being valid.
    pub expires: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When its secret was last exchanged.
    pub rotated_at: Option<Timestamp>,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// How often it was used.
    pub usage_count: u64,
    /// Grows with each change other than use; the store sets it.
    pub version: u64,
}

/// A secret that was rotated away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviousSecret {
    /// Its hash.
    pub hash: String,
    /// Until when it is taken.
    pub valid_until: Timestamp,
}

/// What became of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyChange {
    /// It is new or was changed.
    Put(Box<KeyRecord>),
    /// It is gone.
    Deleted(KeyId),
}

/// How a key was used since that was last written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The key.
    pub id: KeyId,
    /// When it was last used.
    pub last_used_at: Timestamp,
    /// How often since the last time this was said.
    pub uses: u64,
}

/// Keeps virtual keys.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// Keys in the order of their ids, beginning after one: at most 1,000.
    async fn keys(&self, after: Option<&KeyId>, limit: u32) -> Result<Vec<KeyRecord>, StoreError>;

    /// One key.
    async fn key(&self, id: &KeyId) -> Result<Option<KeyRecord>, StoreError>;

    /// Writes a key, uses excepted, and remembers for ever that there was one. Returns its new version.
    async fn put_key(&self, key: &KeyRecord, expected: Expected) -> Result<u64, StoreError>;

    /// Deletes a key.
    async fn delete_key(&self, id: &KeyId, expected: Expected) -> Result<(), StoreError>;

    /// Adds uses. Keys that are gone are passed over, and the last use never goes back.
    async fn note_uses(&self, uses: &[KeyUse]) -> Result<(), StoreError>;

    /// What changed after this generation, oldest first, with the generation up to which the answer reaches: at most
    /// `limit` changes, so ask again until none is left. Zero gives every key.
    async fn key_changes(
        &self,
        since: u64,
        limit: u32,
    ) -> Result<(Vec<KeyChange>, u64), StoreError>;

    /// Whether there ever was a key, here or in the file: what keeps an emptied store from being open to everybody.
    async fn keys_existed(&self) -> Result<bool, StoreError>;

    /// Remembers that there was a key.
    async fn note_keys_existed(&self) -> Result<(), StoreError>;
}
