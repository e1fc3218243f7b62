//! The counters of changes, which are also the versions of what changed.

use async_trait::async_trait;

use crate::error::StoreError;
use crate::sql::value::params;
use crate::sql::{Store, Transaction};
use crate::traits::Expected;
use crate::traits::changes::{ChangeStore, Generations};

/// What has a counter.
#[derive(Clone, Copy, Debug)]
pub(super) enum Counter {
    Keys,
    Tenants,
    Policies,
    Budgets,
    Config,
    Sessions,
}

impl Counter {
    fn as_str(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Tenants => "tenants",
            Self::Policies => "policies",
            Self::Budgets => "budgets",
            Self::Config => "config",
            Self::Sessions => "sessions",
        }
    }
}

impl Transaction {
    /// Counts a change. Writers of one kind stand in line from here to the end of their transactions, so that what
    /// they read in between holds, and that nobody sees a later change before an earlier one.
    pub(super) async fn count_change(&mut self, counter: Counter) -> Result<u64, StoreError> {
        let row = self
            .row(
                "INSERT INTO changes (kind, generation) VALUES (?1, 1) \
                 ON CONFLICT (kind) DO UPDATE SET generation = changes.generation + 1 \
                 RETURNING generation",
                params![counter.as_str()],
            )
            .await?;
        row.ok_or_else(|| StoreError::Refused("counting a change returned nothing".to_owned()))?
            .count()
    }
}

impl Expected {
    /// Holds the version that is there against what was expected.
    pub(super) fn check(self, what: &str, found: Option<u64>) -> Result<(), StoreError> {
        match (self, found) {
            (Self::Absent, None) | (Self::Present, Some(_)) => Ok(()),
            (Self::Version(expected), Some(found)) if expected == found => Ok(()),
            (Self::Absent, Some(_)) => Err(StoreError::Exists(what.to_owned())),
            (Self::Present | Self::Version(_), None) => Err(StoreError::Missing(what.to_owned())),
            (Self::Version(expected), Some(found)) => Err(StoreError::Stale {
                what: what.to_owned(),
                expected,
                found,
            }),
        }
    }
}

#[async_trait]
impl ChangeStore for Store {
    async fn generations(&self) -> Result<Generations, StoreError> {
        self.watch(async {
            let rows = self
                .backend
                .query("SELECT kind, generation FROM changes", Vec::new())
                .await?;
            let mut generations = Generations::default();
            for mut row in rows {
                let kind = row.text()?;
                let counter = match kind.as_str() {
                    "keys" => &mut generations.keys,
                    "tenants" => &mut generations.tenants,
                    "policies" => &mut generations.policies,
                    "budgets" => &mut generations.budgets,
                    "config" => &mut generations.config,
                    "sessions" => &mut generations.sessions,
                    _ => return Err(StoreError::Damaged(format!("nothing is called `{kind}`"))),
                };
                *counter = row.count()?;
            }
            Ok(generations)
        })
        .await
    }
}
