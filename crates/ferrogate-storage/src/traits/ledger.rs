//! What was spent.

use async_trait::async_trait;
use ferrogate_types::{
    AccountId, KeyId, LedgerEventId, ModelName, Money, ProviderId, TenantId, Timestamp,
    UpstreamModel,
};

use crate::error::StoreError;
use crate::page::{Listing, Page};

/// One call, for bookkeepers. It is written once and changed only by a [`Correction`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillingEvent {
    /// The same however often it is written.
    pub id: LedgerEventId,
    /// When it was settled.
    pub occurred_at: Timestamp,
    /// The call.
    pub request_id: String,
    /// The key that pays.
    pub key: Option<KeyId>,
    /// Whom that belongs to.
    pub tenant: Option<TenantId>,
    /// Who was said to ask.
    pub user: Option<String>,
    /// The model that was asked for.
    pub model: ModelName,
    /// Who answered; none when nobody did.
    pub provider: Option<ProviderId>,
    /// With which model.
    pub upstream_model: Option<UpstreamModel>,
    /// What was used and what that cost.
    pub amounts: Amounts,
    /// The price row it was reckoned by: JSON, `null` without one.
    pub price: String,
    /// Whether the gateway counted because the provider did not.
    pub estimated: bool,
    /// Whether it is the whole reservation of a call whose end nobody saw.
    pub uncertain: bool,
    /// What it took from which account, corrections included.
    pub charges: Vec<Charge>,
}

/// What a call used and cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amounts {
    /// Tokens read, cached ones included.
    pub input_tokens: u64,
    /// Tokens read from a cache.
    pub cached_input_tokens: u64,
    /// Tokens written to a cache.
    pub cache_write_tokens: u64,
    /// Tokens made, reasoning included.
    pub output_tokens: u64,
    /// Tokens made by reasoning.
    pub reasoning_tokens: u64,
    /// What is counted besides, each by its name: further kinds of tokens and what is not counted in tokens. A JSON
    /// object of numbers.
    pub units: String,
    /// What it cost; none without a price.
    pub cost: Option<Money>,
}

/// A window of an account, in which amounts of one unit add up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountWindow {
    /// The account.
    pub account: AccountId,
    /// What its amounts are: a word of whoever keeps the budgets.
    pub unit: String,
    /// Its first second since 1970.
    pub start: i64,
    /// The first second after it; the largest number when it has no end.
    pub end: i64,
}

/// What was taken from one window of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// From where.
    pub window: AccountWindow,
    /// How much; below zero it was given back.
    pub amount: i64,
}

/// What became known of a call after it was charged: a refund, or what an uncertain one really used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// The same however often it is written.
    pub id: LedgerEventId,
    /// The event it corrects. One that the store has not heard of yet is corrected when it comes.
    pub of: LedgerEventId,
    /// When.
    pub occurred_at: Timestamp,
    /// What the call really used, after which it is uncertain no more.
    pub actual: Option<Amounts>,
    /// By how much what it took from which account changes.
    pub charges: Vec<Charge>,
    /// Who did it, and why.
    pub reason: String,
}

/// Part of a node's journal, in order. What is under way is in the journal alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerBatch {
    /// Calls that were settled.
    pub events: Vec<BillingEvent>,
    /// What became known of calls that were settled before.
    pub corrections: Vec<Correction>,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Events and corrections that are new to the store.
    pub new: u64,
    /// Those it had already.
    pub known: u64,
}

/// What was spent in one window of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// In which.
    pub window: AccountWindow,
    /// How much.
    pub spent: i64,
}

/// Which events are wanted. An empty filter wants all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only what this key pays.
    pub key: Option<KeyId>,
    /// Only what this tenant pays.
    pub tenant: Option<TenantId>,
    /// Only calls for this model.
    pub model: Option<ModelName>,
    /// Only calls this provider answered.
    pub provider: Option<ProviderId>,
    /// Only those that are uncertain, or are not.
    pub uncertain: Option<bool>,
    /// Not before this.
    pub since: Option<Timestamp>,
    /// Before this.
    pub until: Option<Timestamp>,
}

/// What usage is summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageDimension {
    /// The key that paid.
    Key,
    /// The tenant that paid.
    Tenant,
    /// The model that was asked for.
    Model,
    /// Who answered.
    Provider,
    /// The day in UTC.
    Day,
    /// The hour in UTC.
    Hour,
}

/// Which usage is wanted, and summed by what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageQuery {
    /// Only these. Times are rounded down to whole hours; `uncertain` counts for nothing.
    pub filter: EventFilter,
    /// Summed by these, in this order; by nothing, there is one row.
    pub group_by: Vec<UsageDimension>,
    /// At most this many rows: 1 to 10,000.
    pub limit: u32,
}

/// Usage of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    /// The group, in the order that was asked for. A day or an hour is RFC 3339; what has no name is empty.
    pub group: Vec<String>,
    /// How many calls.
    pub requests: u64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens read from a cache.
    pub cached_input_tokens: u64,
    /// Tokens written to a cache.
    pub cache_write_tokens: u64,
    /// Tokens made.
    pub output_tokens: u64,
    /// Tokens made by reasoning.
    pub reasoning_tokens: u64,
    /// What they cost.
    pub cost: Money,
    /// How many were counted by the gateway.
    pub estimated: u64,
    /// How many are uncertain.
    pub uncertain: u64,
    /// How many had no price.
    pub unpriced: u64,
}

/// Keeps the ledger.
#[async_trait]
pub trait LedgerStore: Send + Sync {
    /// Writes part of a journal, all or nothing. What is there already is passed over, so it may be repeated.
    async fn apply_ledger(&self, batch: &LedgerBatch) -> Result<Applied, StoreError>;

    /// What was spent in windows that end after a moment, in seconds since 1970, in the order of windows, beginning
    /// after one: at most 10,000.
    async fn balances(
        &self,
        ending_after: i64,
        after: Option<&AccountWindow>,
        limit: u32,
    ) -> Result<Vec<Balance>, StoreError>;

    /// What was spent in one window of an account.
    async fn balance(&self, window: &AccountWindow) -> Result<i64, StoreError>;

    /// Events, newest first.
    async fn billing_events(
        &self,
        filter: &EventFilter,
        page: Page,
    ) -> Result<Listing<BillingEvent>, StoreError>;

    /// One event.
    async fn billing_event(&self, id: &LedgerEventId) -> Result<Option<BillingEvent>, StoreError>;

    /// Sums by hour and by name.
    async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError>;

    /// What became known of an event, oldest first: at most 100.
    async fn corrections(&self, of: &LedgerEventId) -> Result<Vec<Correction>, StoreError>;
}

impl BillingEvent {
    /// Whether there was no price for it.
    pub fn is_unpriced(&self) -> bool {
        self.amounts.cost.is_none()
    }
}
