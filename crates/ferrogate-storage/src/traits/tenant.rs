//! Tenants: the tree whose limits all apply.

use async_trait::async_trait;
use ferrogate_types::{TenantId, Timestamp};

use crate::error::StoreError;
use crate::traits::Expected;

/// A tenant that was made through the admin API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantRecord {
    /// Its id.
    pub id: TenantId,
    /// The tenant it is part of. It may be one of the file, so the store does not look for it.
    pub parent: Option<TenantId>,
    /// What people call it.
    pub name: String,
    /// Lists and limits: a JSON object the store does not look into.
    pub settings: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Grows with each change; the store sets it.
    pub version: u64,
}

/// Keeps tenants.
#[async_trait]
pub trait TenantStore: Send + Sync {
    /// Tenants in the order of their ids, beginning after one: at most 1,000.
    async fn tenants(
        &self,
        after: Option<&TenantId>,
        limit: u32,
    ) -> Result<Vec<TenantRecord>, StoreError>;

    /// One tenant.
    async fn tenant(&self, id: &TenantId) -> Result<Option<TenantRecord>, StoreError>;

    /// Writes a tenant. Returns its new version. A tree with a cycle is refused by whoever knows the whole tree.
    async fn put_tenant(
        &self,
        tenant: &TenantRecord,
        expected: Expected,
    ) -> Result<u64, StoreError>;

    /// Deletes a tenant that has neither keys nor tenants below it.
    async fn delete_tenant(&self, id: &TenantId, expected: Expected) -> Result<(), StoreError>;
}
