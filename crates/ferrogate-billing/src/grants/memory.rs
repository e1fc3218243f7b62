//! Grants in memory: nodes of one process, in tests.

use std::collections::HashMap;

use async_trait::async_trait;
use ferrogate_types::AccountId;
use parking_lot::Mutex;

use super::{Claim, GrantStore, Granted, NodeId};
use crate::{StoreError, Window};

/// Grants that end with the process.
#[derive(Debug, Default)]
pub struct MemoryGrants {
    windows: Mutex<HashMap<(AccountId, Window), Holdings>>,
}

/// What each node holds, with the version of its last claim.
type Holdings = HashMap<NodeId, (i64, u64)>;

impl MemoryGrants {
    /// The sum of all grants of a window.
    pub fn granted(&self, account: &AccountId, window: Window) -> i64 {
        let windows = self.windows.lock();
        let holdings = windows.get(&(account.clone(), window));
        let each = holdings.into_iter().flat_map(HashMap::values);
        each.fold(0, |sum, (mine, _)| sum.saturating_add(*mine))
    }

    fn decide(&self, claim: &Claim) -> Granted {
        let mut windows = self.windows.lock();
        let holdings = windows
            .entry((claim.account.clone(), claim.window))
            .or_default();
        let (mine, version) = holdings.get(&claim.node).copied().unwrap_or_default();
        let others = holdings.iter().filter(|(node, _)| **node != claim.node);
        let elsewhere = others.fold(0_i64, |sum, (_, (held, _))| sum.saturating_add(*held));
        let granted = Granted::decide(claim, mine, version, elsewhere);
        holdings.insert(claim.node, (granted.mine, granted.version));
        granted
    }
}

#[async_trait]
impl GrantStore for MemoryGrants {
    async fn claim(&self, claims: &[Claim]) -> Result<Vec<Granted>, StoreError> {
        Ok(claims.iter().map(|claim| self.decide(claim)).collect())
    }
}
