//! Settling an uncertain charge by hand.
//!
//! The correction goes through the ledger, which changes the balances of this node at once and journals it; the store
//! is told under the same id, so that what the journal brings later is known there already.

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ferrogate_billing::{Adjustment, Posting, Spend, Window};
use ferrogate_storage::{Amounts, BillingEvent, Charge, LedgerStore as _};
use ferrogate_types::{LedgerEventId, Money, Usage, clock};
use http::{StatusCode, header};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::row::EventRow;
use crate::admin::App;
use crate::answer::{json as answer, noted};
use crate::extract::{Id, Json};
use crate::identity::Identity;
use crate::limits::{AmountForm, money};
use crate::refusal::Refusal;

/// What a call used in truth.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Settlement {
    /// Tokens read, cached ones included.
    #[serde(default)]
    input_tokens: u64,
    /// Tokens read from a cache.
    #[serde(default)]
    cached_input_tokens: u64,
    /// Tokens written to a cache.
    #[serde(default)]
    cache_write_tokens: u64,
    /// Tokens made, reasoning included.
    #[serde(default)]
    output_tokens: u64,
    /// Tokens made by reasoning.
    #[serde(default)]
    reasoning_tokens: u64,
    /// What it cost in US dollars; left out, budgets of money keep what was charged.
    #[serde(default)]
    cost: Option<AmountForm>,
    /// Why; kept with the correction.
    reason: String,
}

/// Events whose correction the ledger has and the store may not have yet: a second one would count twice.
#[derive(Debug, Default)]
pub(crate) struct Settled(Mutex<HashSet<LedgerEventId>>);

/// Events remembered so. The store knows of any that is older.
const MOST: usize = 10_000;
/// The largest count of tokens of one call.
const MOST_TOKENS: u64 = 1 << 48;
/// Bytes of a reason.
const LONGEST_REASON: usize = 512;

impl Settlement {
    fn spend(&self) -> Result<Spend, Refusal> {
        let counts = [
            ("input_tokens", self.input_tokens),
            ("cached_input_tokens", self.cached_input_tokens),
            ("cache_write_tokens", self.cache_write_tokens),
            ("output_tokens", self.output_tokens),
            ("reasoning_tokens", self.reasoning_tokens),
        ];
        if let Some((name, _)) = counts.iter().find(|(_, count)| *count > MOST_TOKENS) {
            return Err(Refusal::invalid(
                *name,
                format!("`{name}` is at most {MOST_TOKENS}"),
            ));
        }
        let reason = self.reason.trim();
        if reason.is_empty() || reason.len() > LONGEST_REASON || reason.contains('\0') {
            return Err(Refusal::invalid(
                "reason",
                format!("`reason` says why, in up to {LONGEST_REASON} bytes"),
            ));
        }
        let cost: Option<Money> = match &self.cost {
            Some(cost) => Some(money("cost", &cost.to_text())?),
            None => None,
        };
        let usage = Usage {
            input: self.input_tokens,
            cached_input: self.cached_input_tokens,
            cache_write: self.cache_write_tokens,
            output: self.output_tokens,
            reasoning: self.reasoning_tokens,
            ..Usage::default()
        };
        Ok(Spend { usage, cost })
    }
}

/// Settles an uncertain charge by hand: what the call used in truth replaces what was reserved for it.
#[utoipa::path(post, path = "/admin/v1/billing-events/{id}/settle", tag = "Billing", request_body = Settlement,
    params(("id" = String, Path, description = "The event's id")),
    responses((status = 200, description = "The event as it is now", body = EventRow)))]
pub(super) async fn settle(
    State(app): State<Arc<App>>,
    identity: Identity,
    Id(id): Id,
    Json(form): Json<Settlement>,
) -> Result<Response, Refusal> {
    identity.require_operator()?;
    let not_found = || Refusal::not_found("billing event", &id);
    let actual = form.spend()?;
    let _one_at_a_time = app.writes.lock().await;
    let of = LedgerEventId::from_hex(&id).ok_or_else(not_found)?;
    let event = app.store.billing_event(&of).await?.ok_or_else(not_found)?;
    if !event.uncertain || app.settled.0.lock().contains(&of) {
        return Err(Refusal::conflict(
            "already_settled",
            format!("the event `{id}` is not uncertain; there is nothing to settle"),
        ));
    }
    let differences = differences(&event, &actual)?;
    let reason = format!("{}: {}", identity.actor(), form.reason.trim());
    let adjustment = Adjustment {
        of,
        actual: Some(actual.clone()),
        reason: Arc::from(reason.as_str()),
    };
    let now = clock::since_epoch();
    let adjusted = app
        .ledger
        .adjust(adjustment, differences, now)
        .map_err(|error| {
            Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "ledger_unavailable",
                format!("{error}; nothing was settled, try again"),
            )
            .with_header(header::RETRY_AFTER, "1")
        })?;
    remember(&app.settled, of);
    let told = self::told(&app, &adjusted).await;
    if let Err(error) = told {
        tracing::warn!(%error, event = %of, "the store learns of a settlement from the journal");
    }
    // Where the store did not learn of it yet, what it will say is known all the same.
    let settled = app.store.billing_event(&of).await.ok().flatten();
    let settled = settled
        .filter(|event| !event.uncertain)
        .unwrap_or(BillingEvent {
            amounts: amounts(&event, &actual),
            uncertain: false,
            ..event
        });
    let detail = json!({ "reason": form.reason.trim(), "correction": adjusted.id });
    Ok(noted(
        answer(StatusCode::OK, &EventRow::of(&settled)),
        None,
        Some(detail),
    ))
}

fn remember(settled: &Settled, of: LedgerEventId) {
    let mut settled = settled.0.lock();
    if settled.len() >= MOST
        && let Some(oldest) = settled.iter().min().copied()
    {
        settled.remove(&oldest);
    }
    settled.insert(of);
}

/// Tells the store of a settlement, as the journal will in time: it takes an event once.
async fn told(
    app: &App,
    adjusted: &ferrogate_billing::LedgerEvent,
) -> Result<(), ferrogate_billing::StoreError> {
    ferrogate_billing::LedgerStore::apply(&*app.store, std::slice::from_ref(adjusted)).await
}

/// By how much what was charged differs from the truth, in the windows it was charged in.
fn differences(event: &BillingEvent, actual: &Spend) -> Result<Vec<Posting>, Refusal> {
    let differ = |charge: &Charge| {
        let unknown = || {
            Refusal::conflict(
                "foreign_unit",
                format!(
                    "the event was charged in `{}`, which this version does not know",
                    charge.window.unit
                ),
            )
        };
        let unit: ferrogate_billing::Unit = charge.window.unit.parse().map_err(|()| unknown())?;
        // An account of money keeps its amount when the truth has no price.
        let truth = unit.measure(actual).unwrap_or(charge.amount);
        Ok(Posting {
            account: charge.window.account.clone(),
            unit,
            window: Window::from_bounds(charge.window.start, charge.window.end),
            amount: truth.saturating_sub(charge.amount),
        })
    };
    event.charges.iter().map(differ).collect()
}

fn amounts(event: &BillingEvent, actual: &Spend) -> Amounts {
    Amounts {
        input_tokens: actual.usage.input,
        cached_input_tokens: actual.usage.cached_input,
        cache_write_tokens: actual.usage.cache_write,
        output_tokens: actual.usage.output,
        reasoning_tokens: actual.usage.reasoning,
        units: event.amounts.units.clone(),
        cost: actual.cost.or(event.amounts.cost),
    }
}
