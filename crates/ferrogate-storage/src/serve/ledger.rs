//! The ledger, as `ferrogate-billing` has it.

use async_trait::async_trait;
use ferrogate_billing as billing;
use ferrogate_billing::{EventKind, LedgerEvent, Posting, PriceRow, Spend, Window};
use ferrogate_types::Timestamp;
use serde_json::Value;

use crate::error::StoreError;
use crate::sql::Store;
use crate::traits::ledger::{
    AccountWindow, Amounts, Balance, BillingEvent, Charge, Correction, LedgerBatch, LedgerStore,
};

fn batch(events: &[LedgerEvent]) -> LedgerBatch {
    let mut batch = LedgerBatch::default();
    for event in events {
        match &event.kind {
            EventKind::Charged(charged) => batch.events.push(billing_event(event, charged)),
            EventKind::Adjusted(adjusted) => batch.corrections.push(Correction {
                id: event.id,
                of: adjusted.of,
                occurred_at: Timestamp::from_epoch(event.occurred_at),
                actual: adjusted.actual.as_ref().map(amounts),
                charges: event.postings.iter().map(charge).collect(),
                reason: adjusted.reason.to_string(),
            }),
        }
    }
    batch
}

fn billing_event(event: &LedgerEvent, charged: &billing::BillingEvent) -> BillingEvent {
    let call = &charged.call;
    BillingEvent {
        id: event.id,
        occurred_at: Timestamp::from_epoch(event.occurred_at),
        request_id: call.request_id.to_string(),
        key: call.key.clone(),
        tenant: call.tenant.clone(),
        user: call.user.as_ref().map(ToString::to_string),
        model: call.model.clone(),
        provider: call.provider.clone(),
        upstream_model: call.upstream_model.clone(),
        amounts: amounts(&charged.spend),
        price: price(call.price.as_ref()),
        estimated: charged.estimated,
        uncertain: charged.uncertain,
        charges: event.postings.iter().map(charge).collect(),
    }
}

/// What was used. Kinds of tokens that have no column of their own stand beside the units, each by its name.
fn amounts(spend: &Spend) -> Amounts {
    let usage = &spend.usage;
    let besides = [
        ("cache_write_1h", usage.cache_write_1h),
        ("audio_input", usage.audio_input),
        ("image_input", usage.image_input),
        ("audio_output", usage.audio_output),
        ("image_output", usage.image_output),
        ("images", usage.units.images),
        ("audio_seconds", usage.units.audio_seconds),
        ("characters", usage.units.characters),
        ("search_units", usage.units.search_units),
    ];
    let besides = besides.into_iter().filter(|(_, amount)| *amount > 0);
    Amounts {
        input_tokens: usage.input,
        cached_input_tokens: usage.cached_input,
        cache_write_tokens: usage.cache_write,
        output_tokens: usage.output,
        reasoning_tokens: usage.reasoning,
        units: object(besides.map(|(name, amount)| (name, amount.into()))),
        cost: spend.cost,
    }
}

/// Prices as decimals, which JSON's numbers would not keep.
fn price(row: Option<&PriceRow>) -> String {
    let Some(row) = row else {
        return "null".to_owned();
    };
    object(
        row.iter()
            .map(|(name, price)| (name, price.to_string().into())),
    )
}

fn object<'a>(members: impl Iterator<Item = (&'a str, Value)>) -> String {
    let members = members.map(|(name, value)| (name.to_owned(), value));
    Value::Object(members.collect()).to_string()
}

fn charge(posting: &Posting) -> Charge {
    Charge {
        window: AccountWindow {
            account: posting.account.clone(),
            unit: posting.unit.as_str().to_owned(),
            start: posting.window.start(),
            end: posting.window.end(),
        },
        amount: posting.amount,
    }
}

fn posting(balance: Balance) -> Result<Posting, StoreError> {
    let AccountWindow {
        account,
        unit,
        start,
        end,
    } = balance.window;
    Ok(Posting {
        unit: unit
            .parse()
            .map_err(|()| StoreError::Damaged(format!("nothing is counted in `{unit}`")))?,
        account,
        window: Window::from_bounds(start, end),
        amount: balance.spent,
    })
}

/// Balances read at once.
const PAGE: u32 = 10_000;

#[async_trait]
impl billing::LedgerStore for Store {
    async fn apply(&self, events: &[LedgerEvent]) -> Result<(), billing::StoreError> {
        self.apply_ledger(&batch(events)).await?;
        Ok(())
    }

    async fn load_balances(&self, now: i64) -> Result<Vec<Posting>, billing::StoreError> {
        let mut postings = Vec::new();
        let mut after = None;
        loop {
            let page = self.balances(now, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.window.clone());
            for balance in page {
                postings.push(posting(balance)?);
            }
        }
        Ok(postings)
    }
}
