//! Usage, summed by the hour as it is written.

use std::collections::BTreeMap;

use ferrogate_types::Timestamp;

use crate::error::StoreError;
use crate::sql::filter::Conditions;
use crate::sql::value::params;
use crate::sql::{Row, Store, Transaction};
use crate::traits::ledger::{BillingEvent, UsageDimension, UsageQuery, UsageRow};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 86_400_000;

/// Whether an event comes or goes.
#[derive(Clone, Copy)]
pub(super) enum Sign {
    Added,
    Removed,
}

/// Requests, tokens and money, in the order of the columns.
type Sums = [i64; 10];

const SUMS: [&str; 10] = [
    "requests",
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_nanos",
    "estimated",
    "uncertain",
    "unpriced",
];

/// Hour, key, tenant, model, provider; empty where there is none.
type Group<'a> = (i64, &'a str, &'a str, &'a str, &'a str);

fn sums(event: &BillingEvent) -> Sums {
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let amounts = &event.amounts;
    [
        1,
        count(amounts.input_tokens),
        count(amounts.cached_input_tokens),
        count(amounts.cache_write_tokens),
        count(amounts.output_tokens),
        count(amounts.reasoning_tokens),
        amounts
            .cost
            .map_or(0, |cost| i64::try_from(cost.nanos()).unwrap_or(i64::MAX)),
        i64::from(event.estimated),
        i64::from(event.uncertain),
        i64::from(event.is_unpriced()),
    ]
}

/// What is there and what comes, held at what a column holds: an event that says it used more than there is must not
/// stand in the way of those behind it. In `CASE`, so that nothing is reckoned that would not fit.
pub(super) fn held_sum(table: &str, column: &str) -> String {
    let (there, comes, most) = (
        format!("{table}.{column}"),
        format!("excluded.{column}"),
        i64::MAX,
    );
    format!(
        "CASE WHEN {comes} > 0 THEN CASE WHEN {there} > {most} - {comes} THEN {most} ELSE {there} + {comes} END \
         WHEN {there} < -{most} - {comes} THEN -{most} ELSE {there} + {comes} END"
    )
}

/// Adds events to the sums of their hours, or takes them out.
pub(super) async fn write_usage<'a>(
    transaction: &mut Transaction,
    events: impl Iterator<Item = (&'a BillingEvent, Sign)>,
) -> Result<(), StoreError> {
    // Sorted, so that nodes that write the same hours at once take them in the same order.
    let mut groups: BTreeMap<Group<'_>, Sums> = BTreeMap::new();
    for (event, sign) in events {
        let group = (
            event.occurred_at.millis().div_euclid(HOUR) * HOUR,
            event.key.as_ref().map_or("", |key| key.as_str()),
            event.tenant.as_ref().map_or("", |tenant| tenant.as_str()),
            event.model.as_str(),
            event
                .provider
                .as_ref()
                .map_or("", |provider| provider.as_str()),
        );
        let group = groups.entry(group).or_default();
        for (sum, number) in group.iter_mut().zip(sums(event)) {
            *sum = match sign {
                Sign::Added => sum.saturating_add(number),
                Sign::Removed => sum.saturating_sub(number),
            };
        }
    }
    let rows = groups
        .into_iter()
        .map(|((hour, key, tenant, model, provider), sums)| {
            let mut row = params![hour, key, tenant, model, provider];
            row.extend(sums.map(Into::into));
            row
        })
        .collect();
    let added: Vec<String> = SUMS
        .iter()
        .map(|column| format!("{column} = {}", held_sum("usage_hours", column)))
        .collect();
    transaction
        .execute_each(
            format!(
                "INSERT INTO usage_hours (hour_start, key_id, tenant, model, provider, {}) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) \
                 ON CONFLICT (hour_start, key_id, tenant, model, provider) DO UPDATE SET {}",
                SUMS.join(", "),
                added.join(", ")
            ),
            rows,
        )
        .await?;
    Ok(())
}

impl UsageDimension {
    fn expression(self) -> String {
        match self {
            Self::Key => "key_id".to_owned(),
            Self::Tenant => "tenant".to_owned(),
            Self::Model => "model".to_owned(),
            Self::Provider => "provider".to_owned(),
            Self::Day => format!("hour_start / {DAY} * {DAY}"),
            Self::Hour => "hour_start".to_owned(),
        }
    }

    fn read(self, row: &mut Row) -> Result<String, StoreError> {
        match self {
            Self::Day | Self::Hour => Ok(row.moment()?.to_string()),
            Self::Key | Self::Tenant | Self::Model | Self::Provider => row.text(),
        }
    }
}

impl Store {
    pub(super) async fn sum_usage(&self, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
        let filter = &query.filter;
        let whole_hour = |moment: Timestamp| moment.millis().div_euclid(HOUR) * HOUR;
        let mut conditions = Conditions::default();
        conditions.add_some("key_id = {}", filter.key.as_ref());
        conditions.add_some("tenant = {}", filter.tenant.as_ref());
        conditions.add_some("model = {}", filter.model.as_ref());
        conditions.add_some("provider = {}", filter.provider.as_ref());
        conditions.add_some("hour_start >= {}", filter.since.map(whole_hour));
        conditions.add_some("hour_start < {}", filter.until.map(whole_hour));
        // A dimension that is named twice is one.
        let mut dimensions = Vec::new();
        for dimension in &query.group_by {
            if !dimensions.contains(dimension) {
                dimensions.push(*dimension);
            }
        }
        let groups: Vec<String> = dimensions
            .iter()
            .map(|dimension| dimension.expression())
            .collect();
        let columns: Vec<String> = groups
            .iter()
            .cloned()
            .chain(SUMS.map(|sum| format!("COALESCE(CAST(SUM({sum}) AS BIGINT), 0)")))
            .collect();
        let groups = groups.join(", ");
        let grouping = if groups.is_empty() {
            String::new()
        } else {
            format!(" GROUP BY {groups} ORDER BY {groups}")
        };
        let sql = format!(
            "SELECT {} FROM usage_hours{}{grouping} LIMIT {}",
            columns.join(", "),
            conditions.sql(),
            query.limit.clamp(1, 10_000)
        );
        let rows = self.backend.query(sql, conditions.params()).await?;
        rows.into_iter()
            .map(|mut row| {
                let group = dimensions
                    .iter()
                    .map(|dimension| dimension.read(&mut row))
                    .collect::<Result<_, _>>()?;
                Ok(UsageRow {
                    group,
                    requests: row.count()?,
                    input_tokens: row.count()?,
                    cached_input_tokens: row.count()?,
                    cache_write_tokens: row.count()?,
                    output_tokens: row.count()?,
                    reasoning_tokens: row.count()?,
                    cost: row.money()?,
                    estimated: row.count()?,
                    uncertain: row.count()?,
                    unpriced: row.count()?,
                })
            })
            .collect()
    }
}
