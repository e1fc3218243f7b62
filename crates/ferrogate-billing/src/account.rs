//! A budget as an account.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ferrogate_types::{AccountId, ModelName, Subject, Timestamp};
use serde::{Serialize, Serializer};

use crate::{Period, Unit, Window, Zone};

/// What a budget says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSpec {
    /// Its name, under which its balance is found again after a reload, a restart or a move to another store. It
    /// should change when `unit` or `period` does.
    pub id: AccountId,
    /// Whose spending it limits.
    pub subject: Subject,
    /// What it counts.
    pub unit: Unit,
    /// How much of it a window has. Zero blocks everything.
    pub limit: i64,
    /// How often it begins anew.
    pub period: Period,
    /// Whose midnight that is.
    pub zone: Zone,
    /// What happens to a call that does not fit.
    pub on_exceed: OnExceed,
    /// What happens to a call that cannot be recorded.
    pub on_store_failure: OnStoreFailure,
    /// Whether other nodes spend from it too, so that only what was granted to this one may be spent here.
    pub shared: bool,
}

/// What happens to a call that does not fit into a budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnExceed {
    /// It is refused.
    Block,
    /// It is served and said so.
    Warn,
    /// It is served by this model, which is charged to the same budget; that may run over by design.
    Downgrade(ModelName),
}

/// What happens to a call that cannot be recorded: the journal's disk is full, or grants cannot be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnStoreFailure {
    /// It is served, and counted as unrecorded.
    Open,
    /// It is refused.
    #[default]
    Closed,
}

/// Where a budget stands: a limit row of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountState {
    /// What the budget says.
    pub spec: Arc<AccountSpec>,
    /// The window this is about.
    pub window: Window,
    /// Spent in it. Below zero when more was given back than was spent since it began.
    pub spent: i64,
    /// Held by calls under way.
    pub reserved: i64,
    /// Spent by other nodes, or granted to them, as far as this one knows.
    pub elsewhere: i64,
}

impl AccountState {
    /// What is left; never below zero.
    pub fn left(&self) -> i64 {
        let committed = self
            .spent
            .saturating_add(self.reserved)
            .saturating_add(self.elsewhere);
        self.spec.limit.saturating_sub(committed).max(0)
    }

    /// When the window ends, as the time since 1970; nothing when it never does.
    pub fn resets_at(&self) -> Option<Duration> {
        self.window.resets_at()
    }
}

/// In words: whose, how much, and where it stands.
impl fmt::Display for AccountState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AccountSpec {
            id,
            subject,
            unit,
            limit,
            period,
            ..
        } = &*self.spec;
        let every = match period {
            Period::Total => "in total".to_owned(),
            period => format!("a {period}"),
        };
        write!(
            f,
            "of {subject} (`{id}`: {} {unit} {every}, {} spent, {} reserved",
            unit.display(*limit),
            unit.display(self.spent.saturating_add(self.elsewhere)),
            unit.display(self.reserved),
        )?;
        if let Some(at) = self.resets_at() {
            write!(f, ", begins anew {}", Timestamp::from_epoch(at))?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for OnExceed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block => f.write_str("block"),
            Self::Warn => f.write_str("warn"),
            Self::Downgrade(model) => write!(f, "downgrade {model}"),
        }
    }
}

impl Serialize for OnExceed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
