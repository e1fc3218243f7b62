//! Counters that tell other nodes when to look.

use async_trait::async_trait;

use crate::error::StoreError;

/// How often each kind of thing was changed. A node compares them once in a while and reads what moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Generations {
    /// Virtual keys.
    pub keys: u64,
    /// Tenants.
    pub tenants: u64,
    /// Policies.
    pub policies: u64,
    /// Budgets.
    pub budgets: u64,
    /// The configuration.
    pub config: u64,
    /// Sessions that were ended.
    pub sessions: u64,
}

/// Says whether anything changed.
#[async_trait]
pub trait ChangeStore: Send + Sync {
    /// All counters: one small read.
    async fn generations(&self) -> Result<Generations, StoreError>;
}
