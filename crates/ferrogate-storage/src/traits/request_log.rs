//! The record of every model call.

use async_trait::async_trait;
use ferrogate_types::{KeyId, Money, TenantId, Timestamp};

use crate::error::StoreError;
use crate::page::{Listing, Page};

/// One model call, for people to look at.
///
/// Names are as they were said, because a call may be refused for its names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestLog {
    /// Its W3C trace id. Calls of one trace share it.
    pub request_id: String,
    /// When it came.
    pub occurred_at: Timestamp,
    /// How long it took in milliseconds.
    pub duration_ms: u64,
    /// When its first token went out, in milliseconds after it came.
    pub ttft_ms: Option<u64>,
    /// The surface it used: `chat.completions`.
    pub surface: String,
    /// The key that was shown.
    pub key: Option<KeyId>,
    /// Whom that belongs to.
    pub tenant: Option<TenantId>,
    /// Who was said to ask.
    pub user: Option<String>,
    /// The session it was said to belong to.
    pub session: Option<String>,
    /// The model that was asked for.
    pub model: Option<String>,
    /// Who answered.
    pub provider: Option<String>,
    /// With which model.
    pub upstream_model: Option<String>,
    /// The status of the answer.
    pub status: u16,
    /// Why it failed.
    pub error_code: Option<String>,
    /// The tries, in order: a JSON array.
    pub attempts: String,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens made.
    pub output_tokens: u64,
    /// What it cost; none when that is not known.
    pub cost: Option<Money>,
    /// `hit`, `miss` or `bypass`.
    pub cache: Option<String>,
    /// What a translation could not carry: a JSON array.
    pub lossy: String,
    /// Whether it was a stream.
    pub stream: bool,
    /// From where it came.
    pub client_ip: Option<String>,
    /// Why it went where it went: a JSON document, `null` for nothing.
    pub trace: String,
}

/// Rows that are written at once, and only once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogBatch {
    /// Who writes: unlike every other writer there ever was.
    pub writer: String,
    /// Grows with each batch of that writer. A batch that was written before is passed over.
    pub number: u64,
    /// The rows.
    pub rows: Vec<RequestLog>,
}

/// A row with its place in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLog {
    /// Its number.
    pub seq: i64,
    /// What it says.
    pub log: RequestLog,
}

/// Which rows are wanted. An empty filter wants all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Only calls for this model.
    pub model: Option<String>,
    /// Only calls this provider answered.
    pub provider: Option<String>,
    /// Only calls with this key.
    pub key: Option<OrNone>,
    /// Only calls of this tenant.
    pub tenant: Option<OrNone>,
    /// Only calls of this user.
    pub user: Option<String>,
    /// Only calls of this session.
    pub session: Option<String>,
    /// Only calls on this surface.
    pub surface: Option<String>,
    /// Only answers with a status in this range, both ends included.
    pub status: Option<(u16, u16)>,
    /// Not before this.
    pub since: Option<Timestamp>,
    /// Before this.
    pub until: Option<Timestamp>,
    /// Only rows with this text, whatever its case, in the request id, the names or the error code. Looks through the
    /// newest 100,000 rows that everything else lets through, and a page then says where to go on.
    pub q: Option<String>,
}

/// A name, or that there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrNone {
    /// This one.
    Is(String),
    /// None.
    None,
}

/// What many calls come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogStats {
    /// All of them.
    pub summary: LogSums,
    /// Time to the end, over the newest 20,000.
    pub latency_ms: Percentiles,
    /// Time to the first token, over the newest 20,000.
    pub ttft_ms: Percentiles,
    /// By model: the 100 with the most calls.
    pub by_model: Vec<(String, LogSums)>,
    /// By provider: the 100 with the most calls.
    pub by_provider: Vec<(String, LogSums)>,
    /// The eight most frequent errors.
    pub top_errors: Vec<(String, u64)>,
    /// By time, when that was asked for.
    pub series: Vec<LogPoint>,
}

/// Sums over calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogSums {
    /// How many.
    pub requests: u64,
    /// How many of them ended with 400 or more.
    pub errors: u64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens made.
    pub output_tokens: u64,
    /// What they cost.
    pub cost: Money,
    /// How many used tokens and have no known cost.
    pub unpriced: u64,
}

/// Sums over a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPoint {
    /// When it begins.
    pub start: Timestamp,
    /// What happened in it.
    pub sums: LogSums,
}

/// How values are spread, by the nearest rank; all zero without any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// How many there are.
    pub count: u64,
    /// The middle.
    pub p50: u64,
    /// Five in a hundred are above.
    pub p95: u64,
    /// One in a hundred is above.
    pub p99: u64,
    /// The largest.
    pub max: u64,
    /// The mean, rounded down.
    pub mean: u64,
}

/// Stretches of time to sum over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// Where the first begins.
    pub start: Timestamp,
    /// How long each is, in milliseconds; at least one.
    pub width_ms: u64,
    /// How many there are: at most 1,000.
    pub count: u32,
}

/// Keeps the record of model calls.
#[async_trait]
pub trait RequestLogStore: Send + Sync {
    /// Writes rows, once.
    async fn append_logs(&self, batch: &LogBatch) -> Result<(), StoreError>;

    /// Rows, newest first.
    async fn logs(&self, filter: &LogFilter, page: Page) -> Result<Listing<StoredLog>, StoreError>;

    /// The calls of one trace, oldest first: at most 100.
    async fn logs_of(&self, request_id: &str) -> Result<Vec<StoredLog>, StoreError>;

    /// Sums. They are exact, so give a long record a `since`.
    async fn log_stats(
        &self,
        filter: &LogFilter,
        buckets: Option<Buckets>,
    ) -> Result<LogStats, StoreError>;

    /// Deletes at most `limit` of the rows from before a moment that the filter lets through; its `q` and times count
    /// for nothing. Returns how many: ask again until it is fewer than `limit`, so that others get their turn.
    async fn delete_logs(
        &self,
        before: Timestamp,
        filter: &LogFilter,
        limit: u32,
    ) -> Result<u64, StoreError>;

    /// The number of the newest row that is not among the newest `keep`. Looks at that many rows, so ask once for many
    /// deletions.
    async fn surplus_logs(&self, keep: u64) -> Result<Option<i64>, StoreError>;

    /// Deletes at most `limit` of the rows up to a number, the oldest first. Returns how many.
    async fn trim_logs(&self, through: i64, limit: u32) -> Result<u64, StoreError>;
}
