//! Limits and budgets as the admin API and the state store write them.
//!
//! ```json
//! {
//!   "request_limit_per_minute": 60,
//!   "token_limit_per_minute": { "limit": 100000, "on_store_failure": "closed" },
//!   "max_concurrency": 8,
//!   "monthly_token_budget": 5000000,
//!   "budgets": [{
//!     "amount": "25.00", "unit": "usd", "per": "month", "timezone": "Europe/Berlin",
//!     "on_exceed": "block", "on_store_failure": "closed"
//!   }]
//! }
//! ```
//!
//! All members may be left out. `unit` is `usd` (an amount is a decimal string) or `tokens` (a whole number); `per` is
//! `day`, `week`, `month` or `total`; `on_exceed` is `block`, `warn` or `downgrade MODEL`. Defaults are those of the
//! configuration: `usd`, `UTC`, `block`, `closed` for budgets and `open` for rates.

mod budget;

use ferrogate_types::limits::{Amount, Budget, Limits, OnExceed, Period, RateLimit, StoreFailure};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use budget::utc;

pub(crate) use budget::{AmountForm, BudgetForm, BudgetUnit, Per, money};

/// Why a text of the state store, or a member of a request, is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{member}` {reason}")]
pub struct SettingsError {
    /// Which member.
    pub member: String,
    /// What is wrong with it.
    pub reason: String,
}

/// The limits in a JSON text that may say other things, too: the settings of a key or of a tenant.
///
/// # Errors
///
/// A text that is not such JSON.
pub fn parse_limits(text: &str) -> Result<Limits, SettingsError> {
    LimitsForm::parse(text)?.limits()
}

/// The JSON text from which [`parse_limits`] reads these limits.
pub fn format_limits(limits: &Limits) -> String {
    LimitsForm::of(limits).text()
}

/// Limits and budgets of a holder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct LimitsForm {
    /// Requests a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request_limit_per_minute: Option<RateForm>,
    /// Tokens a minute, input and output together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_limit_per_minute: Option<RateForm>,
    /// Calls under way at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_concurrency: Option<u32>,
    /// Tokens a calendar month in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) monthly_token_budget: Option<u64>,
    /// What may be spent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) budgets: Vec<BudgetForm>,
}

/// So many a minute: a number, or with what holds while nodes cannot count together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(
    untagged,
    expecting = "expected a whole number, or `{\"limit\": N, \"on_store_failure\": \"open|closed\"}`"
)]
pub(crate) enum RateForm {
    /// `open` while nodes cannot count together.
    Plain(u64),
    /// As it says.
    Full(FullRate),
}

/// So many a minute, and what holds while nodes cannot count together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FullRate {
    /// How many.
    #[schema(minimum = 1)]
    limit: u64,
    /// What holds while nodes cannot count together.
    #[serde(default = "Failure::open")]
    on_store_failure: Failure,
}

/// What holds while what counts cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Failure {
    /// Calls go on.
    Open,
    /// Calls are refused.
    Closed,
}

/// Budgets of one holder: each costs every request of theirs.
const MOST_BUDGETS: usize = 16;

impl LimitsForm {
    pub(crate) fn parse(text: &str) -> Result<Self, SettingsError> {
        // A record without limits has no text of them.
        if text.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str(text).map_err(|error| wrong("settings", error))
    }

    pub(crate) fn text(&self) -> String {
        // Members of fixed names, with numbers and texts: writing them cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(crate) fn of(limits: &Limits) -> Self {
        Self {
            request_limit_per_minute: limits.requests.map(RateForm::of),
            token_limit_per_minute: limits.tokens.map(RateForm::of),
            max_concurrency: limits.concurrency,
            monthly_token_budget: None,
            budgets: limits.budgets.iter().map(BudgetForm::of).collect(),
        }
    }

    /// What they mean.
    pub(crate) fn limits(&self) -> Result<Limits, SettingsError> {
        if self.max_concurrency == Some(0) {
            return Err(wrong(
                "max_concurrency",
                "is at least 1; leave it out for no such limit",
            ));
        }
        if self.budgets.len() > MOST_BUDGETS {
            return Err(wrong(
                "budgets",
                format!("has more than {MOST_BUDGETS} entries"),
            ));
        }
        let monthly = self.monthly_token_budget.map(monthly).transpose()?;
        let written = self.budgets.iter().enumerate().map(|(place, budget)| {
            budget.budget().map_err(|mut error| {
                error.member = format!("budgets[{place}].{}", error.member);
                error
            })
        });
        let budgets: Result<Vec<_>, _> = monthly.into_iter().map(Ok).chain(written).collect();
        Ok(Limits {
            requests: rate(
                "request_limit_per_minute",
                self.request_limit_per_minute.as_ref(),
            )?,
            tokens: rate(
                "token_limit_per_minute",
                self.token_limit_per_minute.as_ref(),
            )?,
            concurrency: self.max_concurrency,
            budgets: budgets?,
        })
    }
}

fn rate(member: &str, form: Option<&RateForm>) -> Result<Option<RateLimit>, SettingsError> {
    let Some(form) = form else {
        return Ok(None);
    };
    let (per_minute, failure) = match form {
        RateForm::Plain(limit) => (*limit, Failure::Open),
        RateForm::Full(full) => (full.limit, full.on_store_failure),
    };
    if per_minute == 0 {
        return Err(wrong(
            member,
            "is at least 1; leave it out for no such limit",
        ));
    }
    Ok(Some(RateLimit {
        per_minute,
        on_store_failure: failure.into(),
    }))
}

fn monthly(tokens: u64) -> Result<Budget, SettingsError> {
    if tokens == 0 || i64::try_from(tokens).is_err() {
        return Err(wrong(
            "monthly_token_budget",
            "is from 1 to 9223372036854775807",
        ));
    }
    Ok(Budget {
        amount: Amount::Tokens(tokens),
        period: Period::Month,
        time_zone: utc(),
        on_exceed: OnExceed::Block,
        on_store_failure: StoreFailure::Closed,
    })
}

impl RateForm {
    fn of(limit: RateLimit) -> Self {
        match limit.on_store_failure {
            StoreFailure::Open => Self::Plain(limit.per_minute),
            StoreFailure::Closed => Self::Full(FullRate {
                limit: limit.per_minute,
                on_store_failure: Failure::Closed,
            }),
        }
    }
}

impl Failure {
    fn open() -> Self {
        Self::Open
    }

    fn closed() -> Self {
        Self::Closed
    }
}

impl From<Failure> for StoreFailure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Open => Self::Open,
            Failure::Closed => Self::Closed,
        }
    }
}

pub(crate) fn wrong(member: &str, reason: impl std::fmt::Display) -> SettingsError {
    SettingsError {
        member: member.to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let found = parse_limits(text).map(|limits| format_limits(&limits));
        match expected {
            Ok(written) => assert_eq!(found.as_deref(), Ok(written), "{text}"),
            Err(error) => assert_eq!(found.unwrap_err().to_string(), error, "{text}"),
        }
    }

    #[test]
    fn reads_what_it_writes() {
        check("{}", Ok("{}"));
        check(r#"{"name":"other things, too","scopes":["*"]}"#, Ok("{}"));
        check(
            r#"{"request_limit_per_minute":60,"token_limit_per_minute":{"limit":5,"on_store_failure":"closed"},"max_concurrency":2}"#,
            Ok(
                r#"{"request_limit_per_minute":60,"token_limit_per_minute":{"limit":5,"on_store_failure":"closed"},"max_concurrency":2}"#,
            ),
        );
        check(
            r#"{"budgets":[{"amount":"25.00","per":"month"},{"amount":7,"unit":"tokens","per":"day","timezone":"Europe/Berlin","on_exceed":"downgrade small","on_store_failure":"open"}]}"#,
            Ok(
                r#"{"budgets":[{"amount":"25","unit":"usd","per":"month","timezone":"UTC","on_exceed":"block","on_store_failure":"closed"},{"amount":7,"unit":"tokens","per":"day","timezone":"Europe/Berlin","on_exceed":"downgrade small","on_store_failure":"open"}]}"#,
            ),
        );
        check(
            r#"{"monthly_token_budget":5}"#,
            Ok(
                r#"{"budgets":[{"amount":5,"unit":"tokens","per":"month","timezone":"UTC","on_exceed":"block","on_store_failure":"closed"}]}"#,
            ),
        );
    }

    #[test]
    fn refuses_what_cannot_be_held_to() {
        for (text, error) in [
            (
                r#"{"max_concurrency":0}"#,
                "`max_concurrency` is at least 1; leave it out for no such limit",
            ),
            (
                r#"{"request_limit_per_minute":0}"#,
                "`request_limit_per_minute` is at least 1; leave it out for no such limit",
            ),
            (
                r#"{"budgets":[{"amount":"-1","per":"day"}]}"#,
                "`budgets[0].amount` is negative",
            ),
            (
                r#"{"budgets":[{"amount":"x","unit":"tokens","per":"day"}]}"#,
                "`budgets[0].amount` of tokens is a whole number up to 9223372036854775807",
            ),
            (
                r#"{"budgets":[{"amount":18446744073709551615,"unit":"tokens","per":"day"}]}"#,
                "`budgets[0].amount` of tokens is a whole number up to 9223372036854775807",
            ),
            (
                r#"{"budgets":[{"amount":"1","per":"day","timezone":"Mars"}]}"#,
                "`budgets[0].timezone` is not one: unknown time zone `Mars` (write a name of the IANA database, for instance `Europe/Berlin`)",
            ),
            (
                r#"{"budgets":[{"amount":"1","per":"day","on_exceed":"cry"}]}"#,
                "`budgets[0].on_exceed` is `block`, `warn` or `downgrade MODEL`",
            ),
            (
                r#"{"monthly_token_budget":0}"#,
                "`monthly_token_budget` is from 1 to 9223372036854775807",
            ),
        ] {
            check(text, Err(error));
        }
        assert!(parse_limits(r#"{"budgets":[{"amount":1.5,"per":"day"}]}"#).is_err());
        assert!(parse_limits("[").is_err());
    }
}
