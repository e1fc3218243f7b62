//! What the ledger tells a store.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use ferrogate_types::{
    AccountId, KeyId, LedgerEventId, ModelName, Price, ProviderId, RequestId, TenantId,
    UpstreamModel,
};

use crate::{Spend, Unit, Window};

/// One entry of the ledger: what happened, and what it did to which accounts. Applying it twice is applying it once:
/// the id decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEvent {
    /// Unique, across restarts and nodes.
    pub id: LedgerEventId,
    /// When, as the time since 1970.
    pub occurred_at: Duration,
    /// What it adds to the balances, in the windows it belongs to.
    pub postings: Vec<Posting>,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A call was charged.
    Charged(Box<BillingEvent>),
    /// An earlier charge was corrected: a refund, or an uncertain charge settled by hand.
    Adjusted(Adjustment),
}

/// A correction of an earlier charge. Its postings are differences, in the windows of that charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjustment {
    /// The event it corrects.
    pub of: LedgerEventId,
    /// What the call used in truth, where that is what is corrected.
    pub actual: Option<Spend>,
    /// Who did it and why, for the record. At most 1,024 bytes are kept.
    pub reason: Arc<str>,
}

/// An amount added to an account in one of its windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The account.
    pub account: AccountId,
    /// What the amount is.
    pub unit: Unit,
    /// The window it belongs to: the one the call was reserved in.
    pub window: Window,
    /// How much; below zero for what is given back.
    pub amount: i64,
}

/// The record of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillingEvent {
    /// Who called whom.
    pub call: CallFacts,
    /// What it used, and the cost; no cost when the model has no price (`unpriced`).
    pub spend: Spend,
    /// Counted by the gateway, for the provider did not say.
    pub estimated: bool,
    /// The process ended before the call did: the whole reservation is charged until somebody settles it by hand.
    pub uncertain: bool,
}

/// Who called whom, at which price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFacts {
    /// The request.
    pub request_id: RequestId,
    /// The virtual key.
    pub key: Option<KeyId>,
    /// The tenant of the key.
    pub tenant: Option<TenantId>,
    /// The user, as the key or the caller names it.
    pub user: Option<Arc<str>>,
    /// What was asked for.
    pub model: ModelName,
    /// Who answered; before that, who is asked first.
    pub provider: Option<ProviderId>,
    /// What that provider was asked for.
    pub upstream_model: Option<UpstreamModel>,
    /// The prices the cost is of; nothing when the model has none.
    pub price: Option<PriceRow>,
}

/// The prices used for a charge, each by its name in the configuration (`input_price_per_1m`, …).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceRow(Arc<[(Cow<'static, str>, Price)]>);

impl LedgerEvent {
    /// What must be posted so that a charge becomes what it was in truth. An account of money keeps its amount when
    /// the truth has no price.
    pub fn differences(&self, actual: &Spend) -> Vec<Posting> {
        let differ = |posting: &Posting| {
            let truth = posting.unit.measure(actual).unwrap_or(posting.amount);
            Posting {
                amount: truth.saturating_sub(posting.amount),
                ..posting.clone()
            }
        };
        self.postings.iter().map(differ).collect()
    }
}

impl BillingEvent {
    /// Whether the model had no price.
    pub fn is_unpriced(&self) -> bool {
        self.spend.cost.is_none()
    }
}

impl PriceRow {
    /// The names and prices, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, Price)> {
        self.0.iter().map(|(name, price)| (&**name, *price))
    }
}

impl<N: Into<Cow<'static, str>>> FromIterator<(N, Price)> for PriceRow {
    fn from_iter<I: IntoIterator<Item = (N, Price)>>(prices: I) -> Self {
        Self(
            prices
                .into_iter()
                .map(|(name, price)| (name.into(), price))
                .collect(),
        )
    }
}
