//! What many calls come to.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ferrogate_storage::{Buckets, LogPoint, LogSums, Percentiles, RequestLogStore as _};
use ferrogate_types::{Timestamp, clock};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::filter::LogParams;
use super::require_records;
use crate::admin::App;
use crate::answer::json;
use crate::extract::Params;
use crate::identity::Identity;
use crate::refusal::Refusal;

/// What many calls come to.
#[derive(Serialize, ToSchema)]
pub(crate) struct Stats {
    /// Always `request_log_stats`.
    object: &'static str,
    /// All of them.
    summary: Summary,
    /// Time to the end, over the newest 20,000.
    latency_ms: Spread,
    /// Time to the first token, over the newest 20,000.
    ttft_ms: Spread,
    /// By model: the 100 with the most calls.
    by_model: BTreeMap<String, Group>,
    /// By provider: the 100 with the most calls.
    by_provider: BTreeMap<String, Group>,
    /// The most frequent errors.
    top_errors: Vec<ErrorCount>,
    /// By time, when `since` and `buckets` were given.
    series: Series,
    /// What was asked for.
    filters: Value,
}

/// Sums over calls.
#[derive(Serialize, ToSchema)]
pub(crate) struct Summary {
    /// How many.
    total_entries: u64,
    /// How many of them ended with 400 or more.
    error_entries: u64,
    /// Tokens read and made.
    total_tokens: u64,
    /// Tokens read.
    prompt_tokens: u64,
    /// Tokens made.
    completion_tokens: u64,
    /// What they cost.
    cost_usd: String,
    /// How many have no known cost.
    unpriced_requests: u64,
}

/// How values are spread.
#[derive(Serialize, ToSchema)]
pub(crate) struct Spread {
    /// How many there are.
    count: u64,
    /// The middle.
    p50: u64,
    /// Five in a hundred are above.
    p95: u64,
    /// One in a hundred is above.
    p99: u64,
    /// The largest.
    max: u64,
    /// The mean.
    mean: u64,
}

/// Sums over the calls of a group.
#[derive(Serialize, ToSchema)]
pub(crate) struct Group {
    /// How many.
    count: u64,
    /// How many ended with 400 or more.
    errors: u64,
    /// Tokens read and made.
    tokens: u64,
    /// What they cost.
    cost_usd: String,
    /// How many have no known cost.
    unpriced: u64,
}

/// How often something went wrong.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorCount {
    /// What.
    code: String,
    /// How often.
    count: u64,
}

/// Sums over time.
#[derive(Serialize, ToSchema)]
pub(crate) struct Series {
    /// The stretches, oldest first.
    points: Vec<Point>,
    /// Whether something is missing; never here.
    truncated: bool,
    /// Where the first begins.
    #[schema(value_type = Option<String>, format = DateTime)]
    start: Option<Timestamp>,
    /// Where the last ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    end: Option<Timestamp>,
}

/// Sums over a stretch of time.
#[derive(Serialize, ToSchema)]
pub(crate) struct Point {
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    start: Timestamp,
    /// How many calls.
    requests: u64,
    /// How many ended with 400 or more.
    errors: u64,
    /// Tokens read.
    prompt_tokens: u64,
    /// Tokens made.
    completion_tokens: u64,
    /// What they cost.
    cost_usd: String,
}

/// Stretches of one answer.
const MOST_BUCKETS: u32 = 120;

/// What the calls that fit come to.
#[utoipa::path(get, path = "/admin/v1/request-logs/stats", tag = "Request logs", params(LogParams),
    responses((status = 200, description = "Sums", body = Stats)))]
pub(super) async fn stats(
    State(app): State<Arc<App>>,
    identity: Identity,
    Params(params): Params<LogParams>,
) -> Result<Response, Refusal> {
    require_records(&app)?;
    let filter = params.filter(&identity)?;
    let end = filter
        .until
        .unwrap_or_else(|| Timestamp::from_epoch(clock::since_epoch()));
    let count = params.buckets.map(|count| count.clamp(1, MOST_BUCKETS));
    let buckets = filter.since.zip(count).map(|(start, count)| {
        let length = end.millis().saturating_sub(start.millis());
        let length = u64::try_from(length).unwrap_or(0);
        Buckets {
            start,
            // Rounded up, so that the last stretch reaches the end.
            width_ms: length.div_ceil(u64::from(count)).max(1),
            count,
        }
    });
    let stats = app.logs.log_stats(&filter, buckets).await?;
    let stats = Stats {
        object: "request_log_stats",
        summary: Summary::of(&stats.summary),
        latency_ms: Spread::of(stats.latency_ms),
        ttft_ms: Spread::of(stats.ttft_ms),
        by_model: groups(&stats.by_model),
        by_provider: groups(&stats.by_provider),
        top_errors: stats
            .top_errors
            .into_iter()
            .map(|(code, count)| ErrorCount { code, count })
            .collect(),
        series: Series {
            points: stats.series.iter().map(Point::of).collect(),
            truncated: false,
            start: buckets.map(|buckets| buckets.start),
            end: buckets.map(|_| end),
        },
        filters: params.shown(),
    };
    Ok(json(StatusCode::OK, &stats))
}

fn groups(rows: &[(String, LogSums)]) -> BTreeMap<String, Group> {
    let group = |(name, sums): &(String, LogSums)| {
        let group = Group {
            count: sums.requests,
            errors: sums.errors,
            tokens: sums.input_tokens.saturating_add(sums.output_tokens),
            cost_usd: sums.cost.to_string(),
            unpriced: sums.unpriced,
        };
        (name.clone(), group)
    };
    rows.iter().map(group).collect()
}

impl Summary {
    fn of(sums: &LogSums) -> Self {
        Self {
            total_entries: sums.requests,
            error_entries: sums.errors,
            total_tokens: sums.input_tokens.saturating_add(sums.output_tokens),
            prompt_tokens: sums.input_tokens,
            completion_tokens: sums.output_tokens,
            cost_usd: sums.cost.to_string(),
            unpriced_requests: sums.unpriced,
        }
    }
}

impl Spread {
    fn of(percentiles: Percentiles) -> Self {
        let Percentiles {
            count,
            p50,
            p95,
            p99,
            max,
            mean,
        } = percentiles;
        Self {
            count,
            p50,
            p95,
            p99,
            max,
            mean,
        }
    }
}

impl Point {
    fn of(point: &LogPoint) -> Self {
        Self {
            start: point.start,
            requests: point.sums.requests,
            errors: point.sums.errors,
            prompt_tokens: point.sums.input_tokens,
            completion_tokens: point.sums.output_tokens,
            cost_usd: point.sums.cost.to_string(),
        }
    }
}
