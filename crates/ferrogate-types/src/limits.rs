//! How much may be used: the configuration says it, limits and the ledger hold to it.

use serde::Serialize;

use crate::{ModelName, Money, TokenCount};

/// The limits of one holder: a key, a tenant, or everybody.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Limits {
    /// Requests a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<RateLimit>,
    /// Tokens a minute, input and output together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<RateLimit>,
    /// Calls under way at once; nobody waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// What may be spent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub budgets: Vec<Budget>,
}

impl Limits {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// So many in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RateLimit {
    /// Units a minute, at least 1.
    pub per_minute: u64,
    /// What holds while the count that nodes share cannot be reached.
    pub on_store_failure: StoreFailure,
}

/// What may be spent in a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// How much; nothing at all blocks everything.
    pub amount: Amount,
    /// When it begins anew.
    pub period: Period,
    /// The IANA time zone of the calendar; `UTC` by default.
    pub time_zone: String,
    /// What happens when it is used up.
    pub on_exceed: OnExceed,
    /// What holds while the ledger cannot be reached.
    pub on_store_failure: StoreFailure,
}

/// An amount of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// US dollars.
    Money(Money),
    /// Tokens, input and output together.
    Tokens(TokenCount),
}

/// When a budget begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// At midnight.
    Day,
    /// On Monday.
    Week,
    /// On the first.
    Month,
    /// Never.
    Total,
}

impl Period {
    /// Every period, with its word.
    pub const ALL: [(&'static str, Self); 4] = [
        ("day", Self::Day),
        ("week", Self::Week),
        ("month", Self::Month),
        ("total", Self::Total),
    ];
}

/// What happens when a budget is used up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExceed {
    /// Calls are refused.
    #[default]
    Block,
    /// They go on, and are told so.
    Warn,
    /// A cheaper model serves them.
    Downgrade(ModelName),
}

/// What holds while what counts cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreFailure {
    /// Calls go on; this node counts for itself.
    Open,
    /// Calls are refused.
    Closed,
}
