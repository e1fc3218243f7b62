//! Budgets that several nodes spend from.
//!
//! A node spends only what it was *granted*: an amount of an account's window that no other node may spend. The grants
//! of all nodes never exceed the limit, so neither does what they spend, whoever fails. A node asks for more before it
//! has run out and gives back what it does not need; what a node that died held counts as spent until the window ends.

mod keeper;
mod memory;

use std::time::Duration;

use async_trait::async_trait;
use ferrogate_types::AccountId;

use crate::{StoreError, Window};

pub use keeper::GrantKeeper;
pub use memory::MemoryGrants;

/// A node, the same over restarts as long as it keeps its journal. Two nodes must never share one: their grants would
/// be one grant, spent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u64);

/// What a node wants to hold of an account's window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The account.
    pub account: AccountId,
    /// The window.
    pub window: Window,
    /// The limit, as this node's configuration has it.
    pub limit: i64,
    /// The node.
    pub node: NodeId,
    /// Grows with every claim of a node, so that one that comes late is known.
    pub version: u64,
    /// All that the node wants to have been granted since the window began. Less than it has gives the rest back; the
    /// node never asks for less than it has spent and holds.
    pub total: i64,
}

/// What a node holds of an account's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// All that this node was granted since the window began.
    pub mine: i64,
    /// All that the others were.
    pub elsewhere: i64,
    /// The version of this node's last claim that counted. Another than the one that was sent says that the claim came
    /// late, or that the node's versions have begun anew, and changed nothing.
    pub version: u64,
}

/// Where nodes that share budgets keep their grants.
#[async_trait]
pub trait GrantStore: Send + Sync {
    /// Decides claims, each atomically by [`Granted::decide`], and answers in their order. A claim that is repeated
    /// changes nothing.
    ///
    /// What is kept for a window may go a day after it has ended, and not before.
    async fn claim(&self, claims: &[Claim]) -> Result<Vec<Granted>, StoreError>;
}

impl Granted {
    /// The rule that every store follows. `mine` is what the node holds with the version of its last claim, `elsewhere`
    /// the sum of what the others hold; a node that never claimed holds nothing, at version zero.
    ///
    /// A claim that is not newer changes nothing. Asking for less gives back. Asking for more gives what the limit
    /// leaves, and never takes away: a limit that was lowered stops what comes, not what was granted.
    pub fn decide(claim: &Claim, mine: i64, version: u64, elsewhere: i64) -> Self {
        if claim.version <= version {
            return Self {
                mine,
                elsewhere,
                version,
            };
        }
        let left = claim.limit.saturating_sub(elsewhere);
        let mine = if claim.total <= mine {
            claim.total.max(0)
        } else {
            mine.max(claim.total.min(left))
        };
        Self {
            mine,
            elsewhere,
            version: claim.version,
        }
    }
}

impl Claim {
    /// When a store may forget the window, as the time since 1970; nothing when it never ends.
    pub fn forget_at(&self) -> Option<Duration> {
        const A_DAY: Duration = Duration::from_secs(86_400);
        self.window.resets_at().map(|end| end.saturating_add(A_DAY))
    }
}

#[cfg(test)]
#[cfg(not(ferrogate_loom))]
mod tests;
