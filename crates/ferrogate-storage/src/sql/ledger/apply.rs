//! Part of a journal, written to the ledger.
//!
//! Rows that several nodes change are taken in the order of their keys, here and in every statement, so that nodes
//! that write at once wait for each other and never in a circle.

use std::collections::BTreeMap;

use ferrogate_types::LedgerEventId;

use crate::error::StoreError;
use crate::sql::usage::{Sign, held_sum, write_usage};
use crate::sql::value::params;
use crate::sql::{Store, Transaction, Value};
use crate::traits::ledger::{
    AccountWindow, Applied, BillingEvent, Charge, Correction, LedgerBatch,
};

use super::record::{
    CORRECTION, EVENT, WINDOW, amounts_params, correction_params, event_params, read_correction,
    read_event,
};

/// What an entry, of its own or of an earlier event, charges.
struct Entry<'a> {
    id: &'a LedgerEventId,
    event: &'a LedgerEventId,
    charges: &'a [Charge],
}

impl Store {
    pub(super) async fn apply_once(&self, batch: &LedgerBatch) -> Result<Applied, StoreError> {
        let mut transaction = self.backend.begin().await?;
        let events = new_events(&mut transaction, &batch.events).await?;
        let corrections = new_corrections(&mut transaction, &batch.corrections).await?;
        let entries = events.iter().map(|event| Entry {
            id: &event.id,
            event: &event.id,
            charges: &event.charges,
        });
        let corrected = corrections.iter().map(|correction| Entry {
            id: &correction.id,
            event: &correction.of,
            charges: &correction.charges,
        });
        let entries: Vec<Entry<'_>> = entries.chain(corrected).collect();
        write_charges(&mut transaction, &entries).await?;
        write_balances(&mut transaction, &entries).await?;

        let settled = settle(&mut transaction).await?;
        let usage = events.iter().map(|event| (*event, Sign::Added));
        let before = settled.iter().map(|(before, _)| (before, Sign::Removed));
        let after = settled.iter().map(|(_, after)| (after, Sign::Added));
        write_usage(&mut transaction, usage.chain(before).chain(after)).await?;
        transaction.commit().await?;
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let new = count(events.len() + corrections.len());
        let all = count(batch.events.len() + batch.corrections.len());
        Ok(Applied {
            new,
            known: all.saturating_sub(new),
        })
    }
}

/// Writes events. Returns those that were not there.
async fn new_events<'a>(
    transaction: &mut Transaction,
    events: &'a [BillingEvent],
) -> Result<Vec<&'a BillingEvent>, StoreError> {
    let mut events: Vec<&BillingEvent> = events.iter().collect();
    events.sort_by_key(|event| event.id);
    let sql = format!(
        "INSERT INTO billing_events ({EVENT}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, \
         ?15, ?16, ?17, ?18, ?19) ON CONFLICT (id) DO NOTHING"
    );
    let rows = events.iter().map(|event| event_params(event)).collect();
    let written = transaction.execute_each(sql, rows).await?;
    Ok(that_were_written(events, &written))
}

/// Writes corrections. Returns those that were not there.
async fn new_corrections<'a>(
    transaction: &mut Transaction,
    corrections: &'a [Correction],
) -> Result<Vec<&'a Correction>, StoreError> {
    let mut corrections: Vec<&Correction> = corrections.iter().collect();
    corrections.sort_by_key(|correction| correction.id);
    // One that says what was used is to be carried over to its event, which may not be here yet.
    let sql = format!(
        "INSERT INTO corrections ({CORRECTION}, is_pending) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?5) ON CONFLICT (id) DO NOTHING"
    );
    let rows = corrections
        .iter()
        .map(|correction| correction_params(correction))
        .collect();
    let written = transaction.execute_each(sql, rows).await?;
    Ok(that_were_written(corrections, &written))
}

fn that_were_written<T>(rows: Vec<T>, written: &[u64]) -> Vec<T> {
    rows.into_iter()
        .zip(written)
        .filter(|(_, written)| **written > 0)
        .map(|(row, _)| row)
        .collect()
}

async fn write_charges(
    transaction: &mut Transaction,
    entries: &[Entry<'_>],
) -> Result<(), StoreError> {
    let rows = entries
        .iter()
        .flat_map(|entry| {
            entry.charges.iter().map(|charge| {
                let mut row = params![entry.id, entry.event];
                row.extend(window_params(&charge.window));
                row.push(charge.amount.into());
                row
            })
        })
        .collect();
    // An entry that charges a window twice charges the sum.
    transaction
        .execute_each(
            format!(
                "INSERT INTO charges (entry_id, event_id, {WINDOW}, amount) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
                 ON CONFLICT (event_id, entry_id, {WINDOW}) DO UPDATE SET amount = {}",
                held_sum("charges", "amount")
            ),
            rows,
        )
        .await?;
    Ok(())
}

async fn write_balances(
    transaction: &mut Transaction,
    entries: &[Entry<'_>],
) -> Result<(), StoreError> {
    let mut sums: BTreeMap<&AccountWindow, i64> = BTreeMap::new();
    for charge in entries.iter().flat_map(|entry| entry.charges) {
        let sum = sums.entry(&charge.window).or_default();
        *sum = sum.saturating_add(charge.amount);
    }
    let rows = sums
        .into_iter()
        .map(|(window, amount)| {
            let mut row = window_params(window);
            row.push(amount.into());
            row
        })
        .collect();
    transaction
        .execute_each(
            format!(
                "INSERT INTO balances ({WINDOW}, spent) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT ({WINDOW}) DO UPDATE SET spent = {}",
                held_sum("balances", "spent")
            ),
            rows,
        )
        .await?;
    Ok(())
}

/// Carries over to events what corrections know of them: those that just came, and those that waited for theirs.
/// Returns each event as it was and as it is.
async fn settle(
    transaction: &mut Transaction,
) -> Result<Vec<(BillingEvent, BillingEvent)>, StoreError> {
    let pending = transaction
        .query(
            format!(
                "SELECT {CORRECTION} FROM corrections WHERE is_pending AND EXISTS \
                 (SELECT 1 FROM billing_events WHERE billing_events.id = corrections.of_event) \
                 ORDER BY of_event, occurred_at, id LIMIT 1000"
            ),
            Vec::new(),
        )
        .await?;
    let mut settled = Vec::new();
    for mut row in pending {
        let correction = read_correction(&mut row)?;
        // Whoever carries the same one over at the same time waits here, and then finds it done.
        let mine = transaction
            .execute(
                "UPDATE corrections SET is_pending = FALSE WHERE id = ?1 AND is_pending",
                params![&correction.id],
            )
            .await?;
        let event = transaction
            .row(
                format!("SELECT {EVENT} FROM billing_events WHERE id = ?1"),
                params![&correction.of],
            )
            .await?;
        let (Some(mut event), Some(actual), 1) = (event, correction.actual, mine) else {
            continue;
        };
        let before = read_event(&mut event)?;
        let mut values = params![&correction.of];
        values.extend(amounts_params(&actual));
        transaction
            .execute(
                "UPDATE billing_events SET uncertain = FALSE, input_tokens = ?2, cached_input_tokens = ?3, \
                 cache_write_tokens = ?4, output_tokens = ?5, reasoning_tokens = ?6, units = ?7, \
                 cost_nanos = ?8 WHERE id = ?1",
                values,
            )
            .await?;
        let after = BillingEvent {
            amounts: actual,
            uncertain: false,
            ..before.clone()
        };
        settled.push((before, after));
    }
    Ok(settled)
}

fn window_params(window: &AccountWindow) -> Vec<Value> {
    params![&window.account, &window.unit, window.start, window.end]
}
