//! The record of model calls in SQL.

mod filter;
mod record;
mod search;
mod stats;

use async_trait::async_trait;
use ferrogate_types::Timestamp;

use crate::error::StoreError;
use crate::page::{Listing, Page};
use crate::sql::Store;
use crate::sql::filter::{Conditions, cut, total};
use crate::sql::value::params;
use crate::traits::request_log::{
    Buckets, LogBatch, LogFilter, LogStats, RequestLogStore, StoredLog,
};
use filter::{conditions, names};
use record::{COLUMNS, cursor, parameters, read_all};

/// The statement of a page, one row longer than that.
fn listing(conditions: &Conditions, page: Page) -> String {
    format!(
        "SELECT seq, {COLUMNS} FROM request_logs{} ORDER BY occurred_at DESC, seq DESC LIMIT {} OFFSET {}",
        conditions.sql(),
        page.rows() + 1,
        page.skipped()
    )
}

#[async_trait]
impl RequestLogStore for Store {
    async fn append_logs(&self, batch: &LogBatch) -> Result<(), StoreError> {
        self.watch(async {
            let mut transaction = self.backend.begin().await?;
            let newest = batch.rows.iter().map(|row| row.occurred_at).max();
            let first = transaction
                .execute(
                    "INSERT INTO log_writers (writer, batch, seen_at) VALUES (?1, ?2, ?3) \
                     ON CONFLICT (writer) DO UPDATE SET batch = excluded.batch, seen_at = excluded.seen_at \
                     WHERE log_writers.batch < excluded.batch",
                    params![&batch.writer, batch.number, newest.unwrap_or_default()],
                )
                .await?;
            if first == 0 {
                return Ok(());
            }
            transaction
                .execute_each(
                    format!(
                        "INSERT INTO request_logs ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, \
                         ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)"
                    ),
                    batch.rows.iter().map(parameters).collect(),
                )
                .await?;
            transaction.commit().await
        })
        .await
    }

    async fn logs(&self, filter: &LogFilter, page: Page) -> Result<Listing<StoredLog>, StoreError> {
        self.watch(async {
            if let Some(text) = filter.q.as_deref().filter(|text| !text.is_empty()) {
                return self.search_logs(filter, text, page).await;
            }
            let mut conditions = conditions(filter);
            let (counting, params) = conditions.counting("request_logs");
            let counted = self.backend.row(counting, params).await?;
            let counted = counted.map(|mut row| row.count()).transpose()?;
            if let Some(after) = page.after {
                conditions.add_after(after);
            }
            let rows = self
                .backend
                .query(listing(&conditions, page), conditions.params())
                .await?;
            let (rows, next) = cut(read_all(rows)?, page, cursor);
            Ok(Listing {
                rows,
                next,
                total: total(counted.unwrap_or_default()),
            })
        })
        .await
    }

    async fn logs_of(&self, request_id: &str) -> Result<Vec<StoredLog>, StoreError> {
        self.watch(async {
            let rows = self
                .backend
                .query(
                    format!(
                        "SELECT seq, {COLUMNS} FROM request_logs WHERE request_id = ?1 \
                         ORDER BY occurred_at, seq LIMIT 100"
                    ),
                    params![request_id],
                )
                .await?;
            read_all(rows)
        })
        .await
    }

    async fn log_stats(
        &self,
        filter: &LogFilter,
        buckets: Option<Buckets>,
    ) -> Result<LogStats, StoreError> {
        self.watch(self.sum_logs(filter, buckets)).await
    }

    async fn delete_logs(
        &self,
        before: Timestamp,
        filter: &LogFilter,
        limit: u32,
    ) -> Result<u64, StoreError> {
        self.watch(async {
            let mut conditions = names(filter);
            conditions.add("occurred_at < {}", before);
            let limit = conditions.bind(limit);
            let mut transaction = self.backend.begin().await?;
            let deleted = transaction
                .execute(
                    format!(
                        "DELETE FROM request_logs WHERE seq IN \
                         (SELECT seq FROM request_logs{} ORDER BY occurred_at LIMIT {limit})",
                        conditions.sql()
                    ),
                    conditions.params(),
                )
                .await?;
            transaction
                .execute(
                    "DELETE FROM log_writers WHERE seen_at < ?1",
                    params![before],
                )
                .await?;
            transaction.commit().await?;
            Ok(deleted)
        })
        .await
    }

    async fn surplus_logs(&self, keep: u64) -> Result<Option<i64>, StoreError> {
        self.watch(async {
            let row = self
                .backend
                .row(
                    "SELECT seq FROM request_logs ORDER BY seq DESC LIMIT 1 OFFSET ?1",
                    params![keep],
                )
                .await?;
            row.map(|mut row| row.integer()).transpose()
        })
        .await
    }

    async fn trim_logs(&self, through: i64, limit: u32) -> Result<u64, StoreError> {
        self.watch(async {
            self.backend
                .execute(
                    "DELETE FROM request_logs WHERE seq IN \
                     (SELECT seq FROM request_logs WHERE seq <= ?1 ORDER BY seq LIMIT ?2)",
                    params![through, limit],
                )
                .await
        })
        .await
    }
}

#[cfg(test)]
mod tests;
