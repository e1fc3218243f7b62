//! Where identities are kept.

use std::fmt;

use async_trait::async_trait;
use ferrogate_types::{KeyId, TenantId};

use crate::activity::KeyUse;
use crate::issued::KeyRecord;
use crate::session::SessionRecord;
use crate::tenant::TenantRecord;

/// A store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else changed it first, or made one of the same id.
    #[error("it was changed by somebody else in the meantime")]
    Conflict,
    /// It cannot be reached, or it failed.
    #[error("the state store failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What a store knows of keys.
#[derive(Clone, Debug, Default)]
pub struct StoredKeys {
    /// All of them, revoked ones included.
    pub records: Vec<KeyRecord>,
    /// Whether there ever was one. Set with the first and never unset: an emptied store opens nothing.
    pub ever_issued: bool,
}

/// Where keys are kept. Nothing here is asked while a request waits.
#[async_trait]
pub trait KeyStore: fmt::Debug + Send + Sync {
    /// Everything.
    async fn load_keys(&self) -> Result<StoredKeys, StoreError>;

    /// Writes a key whose version was `before`; 0 = there was none. Otherwise a conflict. Its use is left as it is.
    /// Returns its version from now on, which is greater, whatever the record says.
    async fn save_key(&self, record: &KeyRecord, before: u64) -> Result<u64, StoreError>;

    /// Deletes a key; says whether there was one.
    async fn delete_key(&self, id: &KeyId) -> Result<bool, StoreError>;

    /// Adds uses, in one transaction; those of keys that are gone are dropped.
    async fn add_key_uses(&self, uses: &[KeyUse]) -> Result<(), StoreError>;

    /// A number that goes up whenever any node changes a key: what others look at once a second.
    async fn key_revision(&self) -> Result<u64, StoreError>;
}

/// Where tenants are kept.
#[async_trait]
pub trait TenantStore: fmt::Debug + Send + Sync {
    /// Everything.
    async fn load_tenants(&self) -> Result<Vec<TenantRecord>, StoreError>;

    /// Writes a tenant whose version was `before`; 0 = there was none. Otherwise a conflict. Returns its version from
    /// now on, which is greater, whatever the record says.
    async fn save_tenant(&self, record: &TenantRecord, before: u64) -> Result<u64, StoreError>;

    /// Deletes a tenant; says whether there was one.
    async fn delete_tenant(&self, id: &TenantId) -> Result<bool, StoreError>;
}

/// Where sessions are kept.
#[async_trait]
pub trait SessionStore: fmt::Debug + Send + Sync {
    /// Those that end after `now`, in seconds since 1970.
    async fn load_sessions(&self, now: u64) -> Result<Vec<SessionRecord>, StoreError>;

    /// Writes sessions, new ones and old ones.
    async fn save_sessions(&self, records: &[SessionRecord]) -> Result<(), StoreError>;

    /// Deletes sessions by their ids.
    async fn delete_sessions(&self, ids: &[String]) -> Result<(), StoreError>;
}
