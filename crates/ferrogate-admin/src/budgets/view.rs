//! A budget as it is shown.

use ferrogate_auth::KeySource;
use ferrogate_billing::{AccountState, OnStoreFailure};
use ferrogate_types::{Subject, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::App;

/// Where a budget stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct LimitRow {
    /// Always `budget`.
    object: &'static str,
    /// Its id: of a budget of a key or a tenant, `key:ID:usd:month`.
    id: String,
    /// Whose spending it limits.
    pub(super) scope: String,
    /// What it counts: `usd`, `tokens` or `requests`.
    unit: &'static str,
    /// How often it begins anew: `day`, `week`, `month` or `total`.
    period: &'static str,
    /// The time zone of its calendar.
    timezone: String,
    /// How much there is in a period.
    limit: AmountView,
    /// How much of it is spent.
    spent: AmountView,
    /// How much is held by calls under way.
    reserved: AmountView,
    /// How much is left.
    left: AmountView,
    /// When it begins anew.
    #[schema(value_type = Option<String>, format = DateTime)]
    resets_at: Option<Timestamp>,
    /// What happens to a call that does not fit.
    on_exceed: String,
    /// What happens to a call that cannot be recorded: `open` or `closed`.
    on_store_failure: &'static str,
    /// Where it is written: `file` or `api`.
    pub(super) source: &'static str,
}

/// An amount: dollars as a decimal in a string, anything else as a whole number.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum AmountView {
    /// Tokens or requests.
    Whole(i64),
    /// Dollars.
    Dollars(String),
}

/// A budget as a limit row.
pub(crate) fn row(app: &App, state: &AccountState) -> LimitRow {
    let spec = &state.spec;
    let amount = |amount| shown(state, amount);
    LimitRow {
        object: "budget",
        id: spec.id.to_string(),
        scope: spec.subject.to_string(),
        unit: spec.unit.as_str(),
        period: spec.period.as_str(),
        timezone: spec.zone.to_string(),
        limit: amount(spec.limit),
        spent: amount(state.spent.saturating_add(state.elsewhere)),
        reserved: amount(state.reserved),
        left: amount(state.left()),
        resets_at: state.resets_at().map(Timestamp::from_epoch),
        on_exceed: spec.on_exceed.to_string(),
        on_store_failure: match spec.on_store_failure {
            OnStoreFailure::Open => "open",
            OnStoreFailure::Closed => "closed",
        },
        source: source(app, state),
    }
}

pub(super) fn shown(state: &AccountState, amount: i64) -> AmountView {
    match state.spec.unit.as_str() {
        "usd" => AmountView::Dollars(state.spec.unit.display(amount).to_string()),
        _ => AmountView::Whole(amount),
    }
}

/// Where a budget is written. Those of documents have no colon in their ids; the rest is written where its holder is.
pub(super) fn source(app: &App, state: &AccountState) -> &'static str {
    if !is_of_holder(state.spec.id.as_str()) {
        return "api";
    }
    let declared = app.node.declared();
    let in_file = match &state.spec.subject {
        Subject::Key(id) => {
            let key = app.node.keys().get(id.as_str());
            key.is_none_or(|key| key.source() == KeySource::File)
        }
        Subject::Tenant(id) => declared.tenants.contains_key(id),
        _ => true,
    };
    if in_file { "file" } else { "api" }
}

pub(super) fn is_of_holder(id: &str) -> bool {
    id.contains(':')
}
