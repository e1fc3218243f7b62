//! The record of a call as it is shown.

use ferrogate_storage::RequestLog;
use ferrogate_types::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// The record of a call.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogRow {
    /// Its W3C trace id.
    request_id: String,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    occurred_at: Timestamp,
    /// How long it took in milliseconds.
    duration_ms: u64,
    /// When its first token went out, in milliseconds after it came.
    ttft_ms: Option<u64>,
    /// The surface it used.
    surface: String,
    /// The key that was shown.
    key: Option<String>,
    /// Whom that belongs to.
    tenant: Option<String>,
    /// Who was said to ask.
    user: Option<String>,
    /// The session it was said to belong to.
    session: Option<String>,
    /// The model that was asked for.
    model: Option<String>,
    /// Who answered.
    provider: Option<String>,
    /// With which model.
    upstream_model: Option<String>,
    /// The status of the answer.
    status: u16,
    /// Why it failed.
    error_code: Option<String>,
    /// The tries, in order.
    #[schema(value_type = Vec<Value>)]
    attempts: Value,
    /// Tokens read.
    input_tokens: u64,
    /// Tokens made.
    output_tokens: u64,
    /// What it cost in US dollars.
    cost: Option<String>,
    /// `hit`, `miss` or `bypass`.
    cache: Option<String>,
    /// What a translation could not carry.
    #[schema(value_type = Vec<Value>)]
    lossy: Value,
    /// Whether it was a stream.
    stream: bool,
    /// From where it came.
    client_ip: Option<String>,
}

/// The record of a call, and why it went where it went.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogDetail {
    /// Always `request_log`.
    pub(super) object: &'static str,
    #[serde(flatten)]
    pub(super) row: LogRow,
    /// Why it went where it went.
    pub(super) trace: Value,
    /// All calls of its trace, oldest first, each with its own `trace`.
    pub(super) calls: Vec<TracedRow>,
}

/// One call of a trace.
#[derive(Serialize, ToSchema)]
pub(crate) struct TracedRow {
    #[serde(flatten)]
    pub(super) row: LogRow,
    /// Why it went where it went.
    pub(super) trace: Value,
}

impl LogRow {
    pub(super) fn of(log: &RequestLog) -> Self {
        Self {
            request_id: log.request_id.clone(),
            occurred_at: log.occurred_at,
            duration_ms: log.duration_ms,
            ttft_ms: log.ttft_ms,
            surface: log.surface.clone(),
            key: log.key.as_ref().map(ToString::to_string),
            tenant: log.tenant.as_ref().map(ToString::to_string),
            user: log.user.clone(),
            session: log.session.clone(),
            model: log.model.clone(),
            provider: log.provider.clone(),
            upstream_model: log.upstream_model.clone(),
            status: log.status,
            error_code: log.error_code.clone(),
            attempts: array(&log.attempts),
            input_tokens: log.input_tokens,
            output_tokens: log.output_tokens,
            cost: log.cost.map(|cost| cost.to_string()),
            cache: log.cache.clone(),
            lossy: array(&log.lossy),
            stream: log.stream,
            client_ip: log.client_ip.clone(),
        }
    }
}

impl TracedRow {
    pub(super) fn of(log: &RequestLog) -> Self {
        Self {
            row: LogRow::of(log),
            trace: serde_json::from_str(&log.trace).unwrap_or(Value::Null),
        }
    }
}

/// An array that the store keeps as text; what is none is shown as empty.
fn array(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(array @ Value::Array(_)) => array,
        _ => Value::Array(Vec::new()),
    }
}
