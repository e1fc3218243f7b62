//! How long records are kept.

use std::time::Duration;

use ferrogate_types::Timestamp;

use crate::error::StoreError;
use crate::traits::request_log::{LogFilter, RequestLogStore};

/// How long request logs are kept. The ledger and the audit trail are kept for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Rows older than this go.
    pub age: Option<Duration>,
    /// The oldest rows beyond this many go.
    pub rows: Option<u64>,
}

/// What went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// For their age.
    pub aged: u64,
    /// For their number.
    pub surplus: u64,
}

/// Rows that go at once: a few milliseconds, in which nobody else writes.
const AT_ONCE: u32 = 2_000;

/// Deletes what is kept for long enough, a little at a time, so that others get to write in between.
///
/// What it deleted stays deleted when it is dropped or fails on its way.
pub async fn sweep(
    store: &dyn RequestLogStore,
    retention: Retention,
    now: Timestamp,
) -> Result<Swept, StoreError> {
    let mut swept = Swept::default();
    if let Some(age) = retention.age {
        let before = now.minus(age);
        loop {
            let deleted = store
                .delete_logs(before, &LogFilter::default(), AT_ONCE)
                .await?;
            swept.aged += deleted;
            if deleted < AT_ONCE.into() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let surplus = match retention.rows {
        Some(rows) => store.surplus_logs(rows).await?,
        None => None,
    };
    if let Some(through) = surplus {
        loop {
            let deleted = store.trim_logs(through, AT_ONCE).await?;
            swept.surplus += deleted;
            if deleted < AT_ONCE.into() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    Ok(swept)
}
