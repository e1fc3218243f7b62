//! What many calls come to.

use ferrogate_types::Timestamp;

use crate::error::StoreError;
use crate::sql::filter::Conditions;
use crate::sql::{Row, Store};
use crate::traits::request_log::{Buckets, LogFilter, LogPoint, LogStats, LogSums, Percentiles};

use super::filter::conditions;

const SUMS: &str = "COUNT(*), COALESCE(CAST(SUM(CASE WHEN status >= 400 THEN 1 ELSE 0 END) AS BIGINT), 0), \
     COALESCE(CAST(SUM(input_tokens) AS BIGINT), 0), COALESCE(CAST(SUM(output_tokens) AS BIGINT), 0), \
     COALESCE(CAST(SUM(cost_nanos) AS BIGINT), 0), \
     COALESCE(CAST(SUM(CASE WHEN cost_nanos IS NULL AND input_tokens + output_tokens > 0 THEN 1 ELSE 0 END) AS BIGINT), 0)";

/// The newest rows that percentiles are taken over.
const MEASURED: u32 = 20_000;

impl Store {
    pub(super) async fn sum_logs(
        &self,
        filter: &LogFilter,
        buckets: Option<Buckets>,
    ) -> Result<LogStats, StoreError> {
        let conditions = conditions(filter);
        let summary = self
            .backend
            .row(
                format!("SELECT {SUMS} FROM request_logs{}", conditions.sql()),
                conditions.params(),
            )
            .await?;
        let mut failed = conditions.clone();
        failed.add_plain("status >= 400");
        let errors = self
            .backend
            .query(
                format!(
                    "SELECT COALESCE(error_code, ''), COUNT(*) FROM request_logs{} \
                     GROUP BY COALESCE(error_code, '') ORDER BY COUNT(*) DESC, 1 LIMIT 8",
                    failed.sql()
                ),
                failed.params(),
            )
            .await?;
        Ok(LogStats {
            summary: match summary {
                Some(mut row) => sums(&mut row)?,
                None => LogSums::default(),
            },
            latency_ms: self.newest("duration_ms", &conditions).await?,
            ttft_ms: self.newest("ttft_ms", &conditions).await?,
            by_model: self.sums_by("model", &conditions).await?,
            by_provider: self.sums_by("provider", &conditions).await?,
            top_errors: errors
                .into_iter()
                .map(|mut row| Ok((row.text()?, row.count()?)))
                .collect::<Result<_, StoreError>>()?,
            series: match buckets {
                Some(buckets) => self.series(filter, buckets).await?,
                None => Vec::new(),
            },
        })
    }

    async fn sums_by(
        &self,
        column: &str,
        conditions: &Conditions,
    ) -> Result<Vec<(String, LogSums)>, StoreError> {
        let rows = self
            .backend
            .query(
                format!(
                    "SELECT COALESCE({column}, ''), {SUMS} FROM request_logs{} \
                     GROUP BY COALESCE({column}, '') ORDER BY COUNT(*) DESC, 1 LIMIT 100",
                    conditions.sql()
                ),
                conditions.params(),
            )
            .await?;
        rows.into_iter()
            .map(|mut row| Ok((row.text()?, sums(&mut row)?)))
            .collect()
    }

    async fn newest(&self, column: &str, filter: &Conditions) -> Result<Percentiles, StoreError> {
        let rows = self
            .backend
            .query(
                format!(
                    "SELECT {column} FROM request_logs{} ORDER BY occurred_at DESC, seq DESC LIMIT {MEASURED}",
                    filter.sql()
                ),
                filter.params(),
            )
            .await?;
        let values: Vec<Option<u64>> = rows
            .into_iter()
            .map(|mut row| row.optional(Row::count))
            .collect::<Result<_, _>>()?;
        Ok(Percentiles::of(values.into_iter().flatten().collect()))
    }

    async fn series(
        &self,
        filter: &LogFilter,
        buckets: Buckets,
    ) -> Result<Vec<LogPoint>, StoreError> {
        let width = i64::try_from(buckets.width_ms.max(1)).unwrap_or(i64::MAX);
        let count = i64::from(buckets.count.min(1_000));
        let start = buckets.start.millis();
        let point = |number: i64| {
            Timestamp::from_millis(start.saturating_add(width.saturating_mul(number)))
        };
        let mut points: Vec<LogPoint> = (0..count)
            .map(|number| LogPoint {
                start: point(number),
                sums: LogSums::default(),
            })
            .collect();
        let mut conditions = conditions(filter);
        conditions.add("occurred_at >= {}", buckets.start);
        conditions.add("occurred_at < {}", point(count));
        // Numbers of ours, not of a caller: written out, so that both places are the same expression.
        let bucket = format!("(occurred_at - ({start})) / {width}");
        let rows = self
            .backend
            .query(
                format!(
                    "SELECT {bucket}, {SUMS} FROM request_logs{} GROUP BY {bucket}",
                    conditions.sql()
                ),
                conditions.params(),
            )
            .await?;
        for mut row in rows {
            let number = usize::try_from(row.count()?).unwrap_or(usize::MAX);
            if let Some(point) = points.get_mut(number) {
                point.sums = sums(&mut row)?;
            }
        }
        Ok(points)
    }
}

fn sums(row: &mut Row) -> Result<LogSums, StoreError> {
    Ok(LogSums {
        requests: row.count()?,
        errors: row.count()?,
        input_tokens: row.count()?,
        output_tokens: row.count()?,
        cost: row.money()?,
        unpriced: row.count()?,
    })
}
