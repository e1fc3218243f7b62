//! A request log as a row.

use crate::error::StoreError;
use crate::page::Cursor;
use crate::sql::value::params;
use crate::sql::{Row, Value};
use crate::traits::request_log::{RequestLog, StoredLog};

/// The columns of a log.
pub(super) const COLUMNS: &str = "request_id, occurred_at, duration_ms, ttft_ms, surface, key_id, tenant, user_name, session, \
     model, provider, upstream_model, status, error_code, attempts, input_tokens, output_tokens, cost_nanos, cache, \
     lossy, stream, client_ip, trace";

pub(super) fn parameters(log: &RequestLog) -> Vec<Value> {
    params![
        &log.request_id,
        log.occurred_at,
        log.duration_ms,
        log.ttft_ms,
        &log.surface,
        log.key.as_ref(),
        log.tenant.as_ref(),
        log.user.as_ref(),
        log.session.as_ref(),
        log.model.as_ref(),
        log.provider.as_ref(),
        log.upstream_model.as_ref(),
        log.status,
        log.error_code.as_ref(),
        &log.attempts,
        log.input_tokens,
        log.output_tokens,
        log.cost,
        log.cache.as_ref(),
        &log.lossy,
        log.stream,
        log.client_ip.as_ref(),
        &log.trace,
    ]
}

fn read(mut row: Row) -> Result<StoredLog, StoreError> {
    Ok(StoredLog {
        seq: row.integer()?,
        log: RequestLog {
            request_id: row.text()?,
            occurred_at: row.moment()?,
            duration_ms: row.count()?,
            ttft_ms: row.optional(Row::count)?,
            surface: row.text()?,
            key: row.optional(Row::name)?,
            tenant: row.optional(Row::name)?,
            user: row.optional(Row::text)?,
            session: row.optional(Row::text)?,
            model: row.optional(Row::text)?,
            provider: row.optional(Row::text)?,
            upstream_model: row.optional(Row::text)?,
            status: u16::try_from(row.count()?)
                .map_err(|_| StoreError::Damaged("a request has no status".to_owned()))?,
            error_code: row.optional(Row::text)?,
            attempts: row.text()?,
            input_tokens: row.count()?,
            output_tokens: row.count()?,
            cost: row.optional(Row::money)?,
            cache: row.optional(Row::text)?,
            lossy: row.text()?,
            stream: row.boolean()?,
            client_ip: row.optional(Row::text)?,
            trace: row.text()?,
        },
    })
}

pub(super) fn read_all(rows: Vec<Row>) -> Result<Vec<StoredLog>, StoreError> {
    rows.into_iter().map(read).collect()
}

pub(super) fn cursor(row: &StoredLog) -> Cursor {
    Cursor {
        at: row.log.occurred_at,
        seq: row.seq,
    }
}
