//! Why a budget does not let a call through.

use ferrogate_types::ModelName;

use crate::AccountState;

/// The account that refuses, as it stood. When several do, the most specific one is named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is not enough left.
    #[error("the budget {0} is used up")]
    Exhausted(Box<AccountState>),
    /// The model has no price, and the budget of money is a hard one.
    #[error("the model has no price, which the budget {0} needs")]
    Unpriced(Box<AccountState>),
    /// There is not enough left, and the budget says to use another model: plan again with that one, as
    /// [`Attempt::Downgraded`](crate::Attempt).
    #[error("the budget {account} is used up; `{model}` is served instead")]
    Downgrade {
        /// The cheaper model.
        model: ModelName,
        /// The budget.
        account: Box<AccountState>,
    },
    /// This node may not spend as much of a shared budget before it is granted `total` in all; other nodes leave
    /// enough for that, as far as is known.
    #[error("the budget {account} has no grant for this node")]
    NeedsGrant {
        /// What this node must have been granted in the window, in all.
        total: i64,
        /// The budget.
        account: Box<AccountState>,
    },
    /// The call cannot be recorded, and the budget says not to serve it then.
    #[error("the ledger cannot record a call of the budget {0}")]
    Unavailable(Box<AccountState>),
}

impl Refusal {
    /// The account that refuses.
    pub fn account(&self) -> &AccountState {
        match self {
            Self::Exhausted(account)
            | Self::Unpriced(account)
            | Self::Unavailable(account)
            | Self::Downgrade { account, .. }
            | Self::NeedsGrant { account, .. } => account,
        }
    }
}
