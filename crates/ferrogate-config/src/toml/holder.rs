//! What keys and tenants have in common.

use super::line::{self, Lines};
use super::table::{Entry, Key, Shape};

pub(super) const fn name<S: Lines>() -> Key<S> {
    Key::new(
        "name",
        Shape::Text,
        "For people; the id by default.",
        line::one,
    )
}

pub(super) const fn enabled<S: Lines>() -> Key<S> {
    Key::new(
        "enabled",
        Shape::Flag,
        "Whether it works; `true` by default.",
        line::enabled,
    )
}

pub(super) const fn allowed_models<S: Lines>() -> Key<S> {
    Key::new(
        "allowed_models",
        Shape::List,
        "Models it may use; all by default.",
        line::many,
    )
}

pub(super) const fn denied_models<S: Lines>() -> Key<S> {
    Key::new(
        "denied_models",
        Shape::List,
        "Models it may not use.",
        line::many,
    )
}

pub(super) const fn allowed_providers<S: Lines>() -> Key<S> {
    Key::new(
        "allowed_providers",
        Shape::List,
        "Providers it may use; all by default.",
        line::many,
    )
}

pub(super) const fn denied_providers<S: Lines>() -> Key<S> {
    Key::new(
        "denied_providers",
        Shape::List,
        "Providers it may not use.",
        line::many,
    )
}

pub(super) const fn allowed_ips<S: Lines>() -> Key<S> {
    Key::new(
        "allowed_ips",
        Shape::List,
        "Where it may come from; anywhere by default.",
        line::many,
    )
}

pub(super) const fn request_limit<S: Lines>() -> Key<S> {
    Key::new(
        "request_limit_per_minute",
        Shape::Words,
        "Requests a minute.",
        line::words,
    )
}

pub(super) const fn token_limit<S: Lines>() -> Key<S> {
    Key::new(
        "token_limit_per_minute",
        Shape::Words,
        "Tokens a minute, input and output together.",
        line::words,
    )
}

pub(super) const fn max_concurrency<S: Lines>() -> Key<S> {
    Key::new(
        "max_concurrency",
        Shape::Number,
        "Calls under way at once, streams until their end; nobody waits.",
        line::one,
    )
}

pub(super) const fn monthly_token_budget<S: Lines>() -> Key<S> {
    Key::new(
        "monthly_token_budget",
        Shape::Number,
        "Tokens a calendar month in UTC.",
        line::one,
    )
}

pub(super) const fn budgets<S: Lines>() -> Key<S> {
    Key::new(
        "budgets",
        Shape::List,
        "What may be spent, each as `25.00 per month timezone Europe/Berlin`.",
        |reader, entry, state| {
            let renamed = Entry {
                name: line::named("budget", entry),
                value: entry.value,
            };
            line::lines_of_words(reader, &renamed, state);
        },
    )
}
