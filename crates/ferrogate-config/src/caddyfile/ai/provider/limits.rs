//! `timeout`, `retry` and `circuit_breaker` of a provider.

use std::time::Duration;

use ferrogate_types::route::StatusPattern;

use crate::caddyfile::proxy::balance::status_patterns;
use crate::caddyfile::table::{Kind, Row};
use crate::model::{CircuitBreaker, ProviderTimeouts, Retry};

pub(in crate::caddyfile::ai) const TIMEOUTS: Kind = Kind {
    noun: "timeout",
    place: "in `timeout`",
};
pub(in crate::caddyfile::ai) const RETRY: Kind = Kind {
    noun: "retry option",
    place: "in `retry`",
};
pub(super) const BREAKER: Kind = Kind {
    noun: "circuit breaker option",
    place: "in `circuit_breaker`",
};

/// Every option of `timeout`.
pub(crate) const TIMEOUT_OPTIONS: &[Row<ProviderTimeouts>] = &[
    Row::new(
        "connect",
        "connect DURATION",
        "Name, TCP and TLS; 5s by default.",
        |cx, line, t| {
            t.connect = line.duration(cx).unwrap_or_default();
        },
    ),
    Row::new(
        "first_byte",
        "first_byte DURATION",
        "Until the answer's header; 60s by default.",
        |cx, line, t| {
            t.first_byte = line.duration(cx).unwrap_or_default();
        },
    ),
    Row::new(
        "first_token",
        "first_token DURATION",
        "Until the first event of a stream.",
        |cx, line, t| {
            t.first_token = line.duration(cx).unwrap_or_default();
        },
    ),
    Row::new(
        "idle",
        "idle DURATION",
        "Between two reads; 60s by default.",
        |cx, line, t| {
            t.idle = line.duration(cx).unwrap_or_default();
        },
    ),
    Row::new(
        "total",
        "total DURATION",
        "One try as a whole; 10m by default.",
        |cx, line, t| {
            t.total = line.duration(cx).unwrap_or_default();
        },
    ),
];

/// Every option of `retry`.
pub(crate) const RETRY_OPTIONS: &[Row<Retry>] = &[
    Row::new(
        "attempts",
        "attempts N",
        "Tries in all, 1 to 10; 2 by default.",
        |cx, line, r| {
            r.attempts = line.number32(cx, 1..=10).unwrap_or(1);
        },
    ),
    Row::new(
        "statuses",
        "statuses STATUS...",
        "Statuses tried again.",
        |cx, line, r| {
            if let Some(words) = line.list(cx, 1..=64) {
                r.statuses = status_patterns(cx, words);
            }
        },
    ),
    Row::new(
        "backoff",
        "backoff DURATION",
        "The first pause; 100ms by default.",
        |cx, line, r| {
            r.backoff = line.duration(cx).unwrap_or_default();
        },
    ),
    Row::new(
        "max_backoff",
        "max_backoff DURATION",
        "The longest pause; 5s by default.",
        |cx, line, r| {
            r.max_backoff = line.duration(cx).unwrap_or_default();
        },
    ),
    Row::new(
        "budget",
        "budget PERCENT",
        "Second tries for each hundred first ones, 0% to 100%; 20% by default. Of a provider only.",
        |cx, line, r| {
            if let Some(word) = line.word(cx) {
                r.budget_percent = cx.percent(word, 0..=100).unwrap_or_default();
            }
        },
    ),
];

/// Every option of `circuit_breaker`.
pub(crate) const BREAKER_OPTIONS: &[Row<CircuitBreaker>] = &[
    Row::new(
        "failures",
        "failures N",
        "Failures in a row that open it; 5 by default.",
        |cx, line, b| {
            b.failures = line.number32(cx, 1..=u32::MAX).unwrap_or(1);
        },
    ),
    Row::new(
        "successes",
        "successes N",
        "Successes that close it; 1 by default.",
        |cx, line, b| {
            b.successes = line.number32(cx, 1..=u32::MAX).unwrap_or(1);
        },
    ),
    Row::new(
        "open",
        "open DURATION",
        "How long it stays open; 30s by default.",
        |cx, line, b| {
            b.open = line.duration(cx).unwrap_or_default();
        },
    ),
    Row::new(
        "half_open",
        "half_open N",
        "Calls while half open; 1 by default.",
        |cx, line, b| {
            b.half_open = line.number32(cx, 1..=u32::MAX).unwrap_or(1);
        },
    ),
];

/// The time limits of a provider that says nothing.
pub(in crate::caddyfile::ai) const DEFAULT_TIMEOUTS: ProviderTimeouts = ProviderTimeouts {
    connect: Duration::from_secs(5),
    first_byte: Duration::from_mins(1),
    first_token: Duration::ZERO,
    idle: Duration::from_mins(1),
    total: Duration::from_mins(10),
};

/// The breaker of a provider that says nothing.
pub(super) const DEFAULT_BREAKER: CircuitBreaker = CircuitBreaker {
    failures: 5,
    successes: 1,
    open: Duration::from_secs(30),
    half_open: 1,
};

/// The tries of a provider that says nothing.
pub(in crate::caddyfile::ai) fn default_retry() -> Retry {
    Retry {
        attempts: 2,
        statuses: vec![
            StatusPattern::Code(408),
            StatusPattern::Code(429),
            StatusPattern::Class(5),
        ],
        backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(5),
        budget_percent: 20,
    }
}
