//! The ledger's records as rows.

use crate::error::StoreError;
use crate::sql::value::params;
use crate::sql::{Row, Value};
use crate::traits::ledger::{AccountWindow, Amounts, BillingEvent, Correction};

/// The columns of an event.
pub(super) const EVENT: &str = "id, occurred_at, request_id, key_id, tenant, user_name, model, provider, upstream_model, \
     price, estimated, uncertain, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, \
     reasoning_tokens, units, cost_nanos";

/// The columns of a correction.
pub(super) const CORRECTION: &str = "id, of_event, occurred_at, reason, is_actual, input_tokens, cached_input_tokens, cache_write_tokens, \
     output_tokens, reasoning_tokens, units, cost_nanos";

/// The columns of a window.
pub(super) const WINDOW: &str = "account, unit, window_start, window_end";

pub(super) fn event_params(event: &BillingEvent) -> Vec<Value> {
    let mut params = params![
        &event.id,
        event.occurred_at,
        &event.request_id,
        event.key.as_ref(),
        event.tenant.as_ref(),
        event.user.as_ref(),
        &event.model,
        event.provider.as_ref(),
        event.upstream_model.as_ref(),
        &event.price,
        event.estimated,
        event.uncertain,
    ];
    params.extend(amounts_params(&event.amounts));
    params
}

pub(super) fn correction_params(correction: &Correction) -> Vec<Value> {
    let mut params = params![
        &correction.id,
        &correction.of,
        correction.occurred_at,
        &correction.reason,
        correction.actual.is_some(),
    ];
    params.extend(match &correction.actual {
        Some(actual) => amounts_params(actual),
        None => amounts_params(&NOTHING),
    });
    params
}

/// What stands in the columns of a correction that says nothing of amounts.
const NOTHING: Amounts = Amounts {
    input_tokens: 0,
    cached_input_tokens: 0,
    cache_write_tokens: 0,
    output_tokens: 0,
    reasoning_tokens: 0,
    units: String::new(),
    cost: None,
};

pub(super) fn amounts_params(amounts: &Amounts) -> Vec<Value> {
    params![
        amounts.input_tokens,
        amounts.cached_input_tokens,
        amounts.cache_write_tokens,
        amounts.output_tokens,
        amounts.reasoning_tokens,
        &amounts.units,
        amounts.cost,
    ]
}

/// An event, without what it charged.
pub(super) fn read_event(row: &mut Row) -> Result<BillingEvent, StoreError> {
    Ok(BillingEvent {
        id: row.event_id()?,
        occurred_at: row.moment()?,
        request_id: row.text()?,
        key: row.optional(Row::name)?,
        tenant: row.optional(Row::name)?,
        user: row.optional(Row::text)?,
        model: row.name()?,
        provider: row.optional(Row::name)?,
        upstream_model: row.optional(Row::name)?,
        price: row.text()?,
        estimated: row.boolean()?,
        uncertain: row.boolean()?,
        amounts: read_amounts(row)?,
        charges: Vec::new(),
    })
}

/// A correction, without what it charged.
pub(super) fn read_correction(row: &mut Row) -> Result<Correction, StoreError> {
    let (id, of, occurred_at, reason) =
        (row.event_id()?, row.event_id()?, row.moment()?, row.text()?);
    let is_actual = row.boolean()?;
    let amounts = read_amounts(row)?;
    Ok(Correction {
        id,
        of,
        occurred_at,
        actual: is_actual.then_some(amounts),
        charges: Vec::new(),
        reason,
    })
}

fn read_amounts(row: &mut Row) -> Result<Amounts, StoreError> {
    Ok(Amounts {
        input_tokens: row.count()?,
        cached_input_tokens: row.count()?,
        cache_write_tokens: row.count()?,
        output_tokens: row.count()?,
        reasoning_tokens: row.count()?,
        units: row.text()?,
        cost: row.optional(Row::money)?,
    })
}

pub(super) fn read_window(row: &mut Row) -> Result<AccountWindow, StoreError> {
    Ok(AccountWindow {
        account: row.name()?,
        unit: row.text()?,
        start: row.integer()?,
        end: row.integer()?,
    })
}
