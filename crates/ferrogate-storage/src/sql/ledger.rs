//! The ledger in SQL.

mod apply;
mod record;

use std::collections::BTreeMap;

use async_trait::async_trait;
use ferrogate_types::LedgerEventId;

use crate::error::StoreError;
use crate::page::{Cursor, Listing, Page};
use crate::sql::filter::{Conditions, cut, total};
use crate::sql::value::params;
use crate::sql::{Row, Store};
use crate::traits::ledger::{
    AccountWindow, Applied, Balance, BillingEvent, Charge, Correction, EventFilter, LedgerBatch,
    LedgerStore, UsageQuery, UsageRow,
};
use record::{CORRECTION, EVENT, WINDOW, read_correction, read_event, read_window};

fn conditions(filter: &EventFilter) -> Conditions {
    let mut conditions = Conditions::default();
    conditions.add_some("key_id = {}", filter.key.as_ref());
    conditions.add_some("tenant = {}", filter.tenant.as_ref());
    conditions.add_some("model = {}", filter.model.as_ref());
    conditions.add_some("provider = {}", filter.provider.as_ref());
    match filter.uncertain {
        None => {}
        // In these words, which are those of the index.
        Some(true) => conditions.add_plain("uncertain"),
        Some(false) => conditions.add_plain("NOT uncertain"),
    }
    conditions.add_some("occurred_at >= {}", filter.since);
    conditions.add_some("occurred_at < {}", filter.until);
    conditions
}

fn read_balance(mut row: Row) -> Result<Balance, StoreError> {
    Ok(Balance {
        window: read_window(&mut row)?,
        spent: row.integer()?,
    })
}

impl Store {
    /// Adds to each event what it charged, corrections included.
    async fn with_charges(
        &self,
        mut events: Vec<BillingEvent>,
    ) -> Result<Vec<BillingEvent>, StoreError> {
        if events.is_empty() {
            return Ok(events);
        }
        let mut wanted = Conditions::default();
        let ids: Vec<String> = events.iter().map(|event| wanted.bind(&event.id)).collect();
        let rows = self
            .backend
            .query(
                format!(
                    "SELECT event_id, {WINDOW}, CAST(SUM(amount) AS BIGINT) FROM charges WHERE event_id IN ({}) \
                     GROUP BY event_id, {WINDOW} ORDER BY {WINDOW}",
                    ids.join(", ")
                ),
                wanted.params(),
            )
            .await?;
        let mut charges: BTreeMap<LedgerEventId, Vec<Charge>> = BTreeMap::new();
        for mut row in rows {
            let event = row.event_id()?;
            charges.entry(event).or_default().push(Charge {
                window: read_window(&mut row)?,
                amount: row.integer()?,
            });
        }
        for event in &mut events {
            event.charges = charges.remove(&event.id).unwrap_or_default();
        }
        Ok(events)
    }
}

#[async_trait]
impl LedgerStore for Store {
    async fn apply_ledger(&self, batch: &LedgerBatch) -> Result<Applied, StoreError> {
        self.watch(self.contended(|| self.apply_once(batch))).await
    }

    async fn balances(
        &self,
        ending_after: i64,
        after: Option<&AccountWindow>,
        limit: u32,
    ) -> Result<Vec<Balance>, StoreError> {
        self.watch(async {
            let mut conditions = Conditions::default();
            conditions.add("window_end > {}", ending_after);
            if let Some(after) = after {
                let account = conditions.bind(&after.account);
                let unit = conditions.bind(&after.unit);
                let start = conditions.bind(after.start);
                let end = conditions.bind(after.end);
                conditions.add_plain(&format!("({WINDOW}) > ({account}, {unit}, {start}, {end})"));
            }
            let rows = self
                .backend
                .query(
                    format!(
                        "SELECT {WINDOW}, spent FROM balances{} ORDER BY {WINDOW} LIMIT {}",
                        conditions.sql(),
                        limit.clamp(1, 10_000)
                    ),
                    conditions.params(),
                )
                .await?;
            rows.into_iter().map(read_balance).collect()
        })
        .await
    }

    async fn balance(&self, window: &AccountWindow) -> Result<i64, StoreError> {
        self.watch(async {
            let row = self
                .backend
                .row(
                    format!("SELECT spent FROM balances WHERE ({WINDOW}) = (?1, ?2, ?3, ?4)"),
                    params![&window.account, &window.unit, window.start, window.end],
                )
                .await?;
            row.map_or(Ok(0), |mut row| row.integer())
        })
        .await
    }

    async fn billing_events(
        &self,
        filter: &EventFilter,
        page: Page,
    ) -> Result<Listing<BillingEvent>, StoreError> {
        self.watch(async {
            let mut conditions = conditions(filter);
            let (counting, params) = conditions.counting("billing_events");
            let counted = self.backend.row(counting, params).await?;
            let counted = counted.map(|mut row| row.count()).transpose()?;
            if let Some(after) = page.after {
                conditions.add_after(after);
            }
            let rows = self
                .backend
                .query(
                    format!(
                        "SELECT seq, {EVENT} FROM billing_events{} ORDER BY occurred_at DESC, seq DESC \
                         LIMIT {} OFFSET {}",
                        conditions.sql(),
                        page.rows() + 1,
                        page.skipped()
                    ),
                    conditions.params(),
                )
                .await?;
            let rows: Vec<(i64, BillingEvent)> = rows
                .into_iter()
                .map(|mut row| Ok((row.integer()?, read_event(&mut row)?)))
                .collect::<Result<_, StoreError>>()?;
            let (rows, next) = cut(rows, page, |(seq, event)| Cursor {
                at: event.occurred_at,
                seq: *seq,
            });
            let events = rows.into_iter().map(|(_, event)| event).collect();
            Ok(Listing {
                rows: self.with_charges(events).await?,
                next,
                total: total(counted.unwrap_or_default()),
            })
        })
        .await
    }

    async fn billing_event(&self, id: &LedgerEventId) -> Result<Option<BillingEvent>, StoreError> {
        self.watch(async {
            let row = self
                .backend
                .row(
                    format!("SELECT {EVENT} FROM billing_events WHERE id = ?1"),
                    params![id],
                )
                .await?;
            let found = row.map(|mut row| read_event(&mut row)).transpose()?;
            let found = self.with_charges(found.into_iter().collect()).await?;
            Ok(found.into_iter().next())
        })
        .await
    }

    async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
        self.watch(self.sum_usage(query)).await
    }

    async fn corrections(&self, of: &LedgerEventId) -> Result<Vec<Correction>, StoreError> {
        self.watch(async {
            let rows = self
                .backend
                .query(
                    format!(
                        "SELECT {CORRECTION} FROM corrections WHERE of_event = ?1 \
                         ORDER BY occurred_at, id LIMIT 100"
                    ),
                    params![of],
                )
                .await?;
            let mut corrections: Vec<Correction> = rows
                .into_iter()
                .map(|mut row| read_correction(&mut row))
                .collect::<Result<_, _>>()?;
            let rows = self
                .backend
                .query(
                    format!(
                        "SELECT entry_id, {WINDOW}, amount FROM charges \
                         WHERE event_id = ?1 AND entry_id <> ?1 ORDER BY {WINDOW}"
                    ),
                    params![of],
                )
                .await?;
            for mut row in rows {
                let entry = row.event_id()?;
                let charge = Charge {
                    window: read_window(&mut row)?,
                    amount: row.integer()?,
                };
                if let Some(correction) = corrections.iter_mut().find(|known| known.id == entry) {
                    correction.charges.push(charge);
                }
            }
            Ok(corrections)
        })
        .await
    }
}
