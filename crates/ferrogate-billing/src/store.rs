//! The store of charges and balances.

use async_trait::async_trait;

use crate::{LedgerEvent, Posting};

/// Where the drainer brings the ledger's events, and where a node without a journal finds its balances.
///
/// The store is history: no call waits for it, and the node that runs decides by its own journal.
#[async_trait]
pub trait LedgerStore: Send + Sync {
    /// Keeps events and adds their postings to the balances, all in one transaction.
    ///
    /// An event whose id is known already is skipped with its postings, within a batch too: after a crash the drainer
    /// brings again what it cannot know to have arrived. Events come in the order of the journal.
    async fn apply(&self, batch: &[LedgerEvent]) -> Result<(), StoreError>;

    /// The balances of every window that is not over at a moment (seconds since 1970): one posting for each account
    /// and window, with the sum of all that was applied to it.
    async fn load_balances(&self, now: i64) -> Result<Vec<Posting>, StoreError>;
}

/// Why a store did not do what it was asked. Nothing of it was done.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It does not answer, is locked or is full; asking again later may help.
    #[error("the ledger's store is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It will never take this; somebody has to look.
    #[error("the ledger's store refuses")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}
