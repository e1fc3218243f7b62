//! Parts of a budget, leased to nodes.

use ferrogate_types::Timestamp;

use crate::error::StoreError;
use crate::redis::Redis;
use crate::redis::number::{argument, number, numbers, unexpected};
use crate::redis::script::{CLOSE, LEASE};

/// What a node asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRequest {
    /// The window of the account, by a name that no other window has.
    pub window: String,
    /// The lease, by a name that no other lease has. Asked for again, the answer is the same.
    pub lease: String,
    /// How much may be spent in the window, in the account's unit.
    pub limit: i64,
    /// How much history knows to be spent: where Redis lost what was leased, at least that stays taken.
    pub spent: i64,
    /// How much is wanted.
    pub wanted: i64,
    /// Less than this is of no use, and then nothing is taken.
    pub least: i64,
    /// When the window can be forgotten: when it is over and everything that belongs to it has been settled. None:
    /// never.
    pub forget_at: Option<Timestamp>,
}

/// What a node may spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// This much, perhaps nothing.
    pub granted: i64,
    /// This much nobody has.
    pub left: i64,
}

impl Redis {
    /// Leases part of a window to a node. The sum of all leases, less what was given back, never exceeds the limit:
    /// what a node does not give back, because it is gone, counts as spent.
    ///
    /// Redis reckons up to 2⁵³ - 1, nine million dollars in billionths: a larger limit is held there.
    pub async fn lease(&self, request: &GrantRequest) -> Result<Grant, StoreError> {
        let forget_at = request.forget_at.map_or(0, Timestamp::millis);
        let arguments = [
            lease_field(&request.lease),
            argument(request.limit),
            argument(request.spent),
            argument(request.wanted),
            argument(request.least),
            forget_at.to_string(),
        ];
        let keys = [self.name("grant", &request.window)];
        let reply = self.run(&LEASE, &keys, &arguments).await?;
        match numbers(&reply)?[..] {
            [granted, left] => Ok(Grant { granted, left }),
            _ => Err(unexpected()),
        }
    }

    /// Closes a lease and gives back what was not spent of it. Returns how much that was: nothing when the lease was
    /// closed before, so it may be repeated. A lease that was spent is closed with nothing.
    pub async fn close_lease(
        &self,
        window: &str,
        lease: &str,
        unspent: i64,
    ) -> Result<i64, StoreError> {
        let keys = [self.name("grant", window)];
        let arguments = [lease_field(lease), argument(unspent)];
        number(&self.run(&CLOSE, &keys, &arguments).await?)
    }
}

/// The field of a lease, which must not be that of the sum.
fn lease_field(lease: &str) -> String {
    format!("lease:{lease}")
}
