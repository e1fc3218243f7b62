//! What keys and tenants have in common: what they may use, from where, and how much.

use ferrogate_types::limits::{Limits, RateLimit};
use ferrogate_types::{ModelName, ProviderId};
use ipnet::IpNet;

use super::limits::{self, Written};
use crate::caddyfile::syntax::Token;
use crate::caddyfile::table::Row;

/// A holder of limits, as it is read.
#[derive(Default)]
pub(crate) struct Holder {
    pub(super) name: Option<String>,
    pub(super) disabled: bool,
    pub(super) allowed_models: Vec<Token>,
    pub(super) denied_models: Vec<Token>,
    pub(super) allowed_providers: Vec<Token>,
    pub(super) denied_providers: Vec<Token>,
    pub(super) allowed_ips: Vec<IpNet>,
    requests: Option<RateLimit>,
    tokens: Option<RateLimit>,
    concurrency: Option<u32>,
    pub(super) budgets: Vec<Written>,
}

/// The models and providers that a holder names, when all are known.
pub(super) struct Lists {
    pub(super) allowed_models: Vec<ModelName>,
    pub(super) denied_models: Vec<ModelName>,
    pub(super) allowed_providers: Vec<ProviderId>,
    pub(super) denied_providers: Vec<ProviderId>,
}

impl Holder {
    /// The limits, with the models that budgets name, in their order.
    pub(super) fn limits(&self, downgrades: &[Option<ModelName>]) -> Limits {
        let budgets = self.budgets.iter().cloned().zip(downgrades.iter().cloned());
        Limits {
            requests: self.requests,
            tokens: self.tokens,
            concurrency: self.concurrency,
            budgets: budgets
                .map(|(written, model)| written.with_model(model))
                .collect(),
        }
    }
}

/// Something that is one.
pub(crate) trait Holds {
    fn holder(&mut self) -> &mut Holder;
}

impl Holds for Holder {
    fn holder(&mut self) -> &mut Holder {
        self
    }
}

pub(super) const fn name<S: Holds>() -> Row<S> {
    Row::new(
        "name",
        "name TEXT",
        "For people; the id by default.",
        |cx, line, s| {
            s.holder().name = line.text(cx);
        },
    )
}

pub(super) const fn disabled<S: Holds>() -> Row<S> {
    Row::new("disabled", "disabled", "Switched off.", |cx, line, s| {
        s.holder().disabled = line.flag(cx);
    })
}

pub(super) const fn allowed_models<S: Holds>() -> Row<S> {
    Row::many(
        "allowed_models",
        "allowed_models NAME...",
        "Models it may use; all by default.",
        |cx, line, s| {
            let words = line.list(cx, 1..=10_000).unwrap_or_default();
            s.holder().allowed_models.extend_from_slice(words);
        },
    )
}

pub(super) const fn denied_models<S: Holds>() -> Row<S> {
    Row::many(
        "denied_models",
        "denied_models NAME...",
        "Models it may not use.",
        |cx, line, s| {
            let words = line.list(cx, 1..=10_000).unwrap_or_default();
            s.holder().denied_models.extend_from_slice(words);
        },
    )
}

pub(super) const fn allowed_providers<S: Holds>() -> Row<S> {
    Row::many(
        "allowed_providers",
        "allowed_providers NAME...",
        "Providers it may use; all by default.",
        |cx, line, s| {
            let words = line.list(cx, 1..=10_000).unwrap_or_default();
            s.holder().allowed_providers.extend_from_slice(words);
        },
    )
}

pub(super) const fn denied_providers<S: Holds>() -> Row<S> {
    Row::many(
        "denied_providers",
        "denied_providers NAME...",
        "Providers it may not use.",
        |cx, line, s| {
            let words = line.list(cx, 1..=10_000).unwrap_or_default();
            s.holder().denied_providers.extend_from_slice(words);
        },
    )
}

pub(super) const fn allowed_ips<S: Holds>() -> Row<S> {
    Row::many(
        "allowed_ips",
        "allowed_ips RANGE...",
        "Where it may come from; anywhere by default.",
        |cx, line, s| {
            let words = line.list(cx, 1..=10_000).unwrap_or_default();
            let ranges = cx.ranges(words);
            s.holder().allowed_ips.extend(ranges);
        },
    )
}

pub(super) const fn request_limit<S: Holds>() -> Row<S> {
    Row::new(
        "request_limit_per_minute",
        "request_limit_per_minute N [on_store_failure open|closed]",
        "Requests a minute.",
        |cx, line, s| s.holder().requests = limits::rate(cx, line),
    )
}

pub(super) const fn token_limit<S: Holds>() -> Row<S> {
    Row::new(
        "token_limit_per_minute",
        "token_limit_per_minute N [on_store_failure open|closed]",
        "Tokens a minute, input and output together.",
        |cx, line, s| s.holder().tokens = limits::rate(cx, line),
    )
}

pub(super) const fn max_concurrency<S: Holds>() -> Row<S> {
    Row::new(
        "max_concurrency",
        "max_concurrency N",
        "Calls under way at once, streams until their end; nobody waits.",
        |cx, line, s| s.holder().concurrency = line.number32(cx, 1..=u32::MAX),
    )
}

pub(super) const fn monthly_token_budget<S: Holds>() -> Row<S> {
    Row::new(
        "monthly_token_budget",
        "monthly_token_budget N",
        "Tokens a calendar month in UTC: `budget N tokens per month`.",
        |cx, line, s| {
            let budget = limits::monthly(cx, line);
            s.holder().budgets.extend(budget);
        },
    )
}

pub(super) const fn budget<S: Holds>() -> Row<S> {
    Row::many(
        "budget",
        "budget AMOUNT [tokens] per day|week|month|total [timezone TZ] [on_exceed block|warn|downgrade MODEL] [on_store_failure open|closed]",
        "Dollars or tokens that may be spent in a period.",
        |cx, line, s| {
            let budget = limits::budget(cx, line);
            s.holder().budgets.extend(budget);
        },
    )
}
