//! Grants of budgets that several nodes spend from.

use async_trait::async_trait;
use ferrogate_billing::{Claim, GrantStore, Granted, NodeId};

use crate::error::StoreError;
use crate::redis::Redis;
use crate::redis::number::{argument, count, numbers, unexpected};
use crate::redis::script::CLAIM;

/// Decides claims in one script, by the rule of [`Granted::decide`].
///
/// Redis reckons up to 2⁵³ - 1, nine million dollars in billionths: a larger limit is held there, so that less may be
/// spent and never more. What it forgets nobody remembers: budgets that must hold need a Redis that writes down what it
/// was told (`appendonly yes`) and evicts nothing (`maxmemory-policy noeviction`).
#[async_trait]
impl GrantStore for Redis {
    /// # Cancel safety
    ///
    /// Dropped, the claims may or may not have counted. Their versions tell, as after an answer that was lost.
    async fn claim(&self, claims: &[Claim]) -> Result<Vec<Granted>, ferrogate_billing::StoreError> {
        Ok(self.decide(claims).await?)
    }
}

impl Redis {
    async fn decide(&self, claims: &[Claim]) -> Result<Vec<Granted>, StoreError> {
        if claims.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<String> = claims.iter().map(|claim| self.window(claim)).collect();
        let arguments: Vec<String> = claims.iter().flat_map(arguments).collect();
        let answer = numbers(&self.run(&CLAIM, &keys, &arguments).await?)?;
        let (granted, rest) = answer.as_chunks();
        if granted.len() != claims.len() || !rest.is_empty() {
            return Err(unexpected());
        }
        let read = |&[mine, elsewhere, version]: &[i64; 3]| {
            Ok(Granted {
                mine,
                elsewhere,
                version: u64::try_from(version).map_err(|_| unexpected())?,
            })
        };
        granted.iter().map(read).collect()
    }

    /// The bounds first: an account's name may hold anything.
    fn window(&self, claim: &Claim) -> String {
        let (start, end) = (claim.window.start(), claim.window.end());
        self.name("grant", &format!("{start}:{end}:{}", claim.account))
    }
}

fn arguments(claim: &Claim) -> [String; 5] {
    let NodeId(node) = claim.node;
    let forget_at = claim.forget_at().map_or(0, |at| at.as_millis());
    [
        node.to_string(),
        count(claim.version),
        argument(claim.total),
        argument(claim.limit),
        forget_at.to_string(),
    ]
}
