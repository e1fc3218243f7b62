//! `timeout`, `retry`, `circuit_breaker` and `health` of a provider, the first two of a target as well.

use super::line;
use super::table::{Key, Shape, Table};
use crate::caddyfile::syntax::Segment;

/// Every key of `timeout`.
pub(super) const TIMEOUT: Table<Vec<Segment>> = Table {
    title: "[providers.timeout]",
    keys: TIMEOUT_KEYS,
};

/// Every key of `retry`.
pub(super) const RETRY: Table<Vec<Segment>> = Table {
    title: "[providers.retry]",
    keys: RETRY_KEYS,
};

/// The time limits of a provider or of a target.
pub(super) const TIMEOUT_KEYS: &[Key<Vec<Segment>>] = &[
    Key::new(
        "connect",
        Shape::Duration,
        "Name, TCP and TLS; 5s by default.",
        line::one,
    ),
    Key::new(
        "first_byte",
        Shape::Duration,
        "Until the answer's header; 60s by default.",
        line::one,
    ),
    Key::new(
        "first_token",
        Shape::Duration,
        "Until the first event of a stream.",
        line::one,
    ),
    Key::new(
        "idle",
        Shape::Duration,
        "Between two reads; 60s by default.",
        line::one,
    ),
    Key::new(
        "total",
        Shape::Duration,
        "One try as a whole; 10m by default.",
        line::one,
    ),
];

/// The tries on a provider or on a target; the last one is the provider's alone.
pub(super) const RETRY_KEYS: &[Key<Vec<Segment>>] = &[
    Key::new(
        "attempts",
        Shape::Number,
        "Tries in all, 1 to 10; 2 by default.",
        line::one,
    ),
    Key::new("statuses", Shape::List, "Statuses tried again.", line::many),
    Key::new(
        "backoff",
        Shape::Duration,
        "The first pause; 100ms by default.",
        line::one,
    ),
    Key::new(
        "max_backoff",
        Shape::Duration,
        "The longest pause; 5s by default.",
        line::one,
    ),
    Key::new(
        "budget",
        Shape::Words,
        "Second tries for each hundred first ones; `20%` by default.",
        line::one,
    ),
];

/// Every key of `circuit_breaker`.
pub(super) const BREAKER: Table<Vec<Segment>> = Table {
    title: "[providers.circuit_breaker]",
    keys: &[
        Key::new(
            "failures",
            Shape::Number,
            "Failures in a row that open it; 5 by default.",
            line::one,
        ),
        Key::new(
            "successes",
            Shape::Number,
            "Successes that close it; 1 by default.",
            line::one,
        ),
        Key::new(
            "open",
            Shape::Duration,
            "How long it stays open; 30s by default.",
            line::one,
        ),
        Key::new(
            "half_open",
            Shape::Number,
            "Calls while half open; 1 by default.",
            line::one,
        ),
    ],
};

/// Every key of `health`.
pub(super) const HEALTH: Table<Vec<Segment>> = Table {
    title: "[providers.health]",
    keys: &[
        Key::new(
            "path",
            Shape::Text,
            "What is asked for on the host of `base_url`; /health by default.",
            line::one,
        ),
        Key::new(
            "interval",
            Shape::Duration,
            "From one probe to the next; 10s by default.",
            line::one,
        ),
        Key::new(
            "timeout",
            Shape::Duration,
            "How long an answer may take; 2s by default.",
            line::one,
        ),
        Key::new(
            "unhealthy",
            Shape::Number,
            "Failures in a row that make it unhealthy; 3 by default.",
            line::one,
        ),
        Key::new(
            "healthy",
            Shape::Number,
            "Successes in a row that make it healthy again; 1 by default.",
            line::one,
        ),
    ],
};
