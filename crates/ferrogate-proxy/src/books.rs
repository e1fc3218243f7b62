//! Where calls are counted and paid for.

use std::fmt;
use std::sync::Arc;

use ferrogate_billing::{
    Attempt, CallFacts, Chain, GrantKeeper, GrantStore, Ledger, Refusal, Reservation, Spend,
};
use ferrogate_policy::SharedCounters;
use ferrogate_types::clock;

/// Where calls are counted and paid for: what outlives a configuration.
pub struct Books {
    /// Budgets, and what was spent of them.
    pub ledger: Ledger,
    /// What this node may spend of budgets that it shares with others; nothing where it shares none.
    pub grants: Option<GrantKeeper<dyn GrantStore>>,
    /// Rates that this node shares with others; nothing where it counts for itself.
    pub counters: Option<Arc<dyn SharedCounters>>,
}

impl Books {
    /// Books of a node that stands alone.
    pub fn alone(ledger: Ledger) -> Self {
        Self {
            ledger,
            grants: None,
            counters: None,
        }
    }

    /// Holds the worst case of a call in all of its budgets, or in none, and waits until that is written down.
    ///
    /// # Cancel safety
    ///
    /// Nothing is held when this is dropped.
    pub(crate) async fn reserve(
        &self,
        chain: &Arc<Chain>,
        call: &Arc<CallFacts>,
        worst: &Spend,
        attempt: Attempt,
    ) -> Result<Reservation, Refusal> {
        let now = clock::since_epoch();
        let mut reserved = match &self.grants {
            // Boxed: it is asked of another machine now and then, and every call would carry its room.
            Some(grants) => Box::pin(grants.reserve(chain, call, worst, attempt, now)).await?,
            None => self
                .ledger
                .reserve(chain, Arc::clone(call), worst.clone(), attempt, now)?,
        };
        reserved.recorded().await?;
        Ok(reserved)
    }

    /// Holds `total` in all for a call that outgrows what it holds.
    ///
    /// # Cancel safety
    ///
    /// What is held stays held.
    pub(crate) async fn top_up(
        &self,
        call: &mut Reservation,
        total: &Spend,
    ) -> Result<(), Refusal> {
        match &self.grants {
            Some(grants) => grants.top_up(call, total).await,
            None => call.top_up(total),
        }
    }
}

impl fmt::Debug for Books {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Books").finish_non_exhaustive()
    }
}
