//! A budget as the admin API and the state store write it.

use ferrogate_billing::Zone;
use ferrogate_types::Money;
use ferrogate_types::limits::{Amount, Budget, OnExceed, Period, StoreFailure};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Failure, SettingsError, wrong};

/// What may be spent in a period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetForm {
    /// How much; nothing at all blocks everything.
    pub(crate) amount: AmountForm,
    /// Of what.
    #[serde(default)]
    pub(crate) unit: BudgetUnit,
    /// When it begins anew.
    pub(crate) per: Per,
    /// The IANA time zone of the calendar.
    #[serde(default = "utc")]
    pub(crate) timezone: String,
    /// `block`, `warn` or `downgrade MODEL`.
    #[serde(default = "block")]
    pub(crate) on_exceed: String,
    /// What holds while the ledger cannot be written.
    #[serde(default = "Failure::closed")]
    pub(crate) on_store_failure: Failure,
}

/// An amount: a whole number, or a decimal in a string, for JSON's numbers are not made for money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(
    untagged,
    expecting = "expected a decimal in a string, such as \"25.00\", or a whole number"
)]
pub(crate) enum AmountForm {
    /// `5000000`
    Whole(u64),
    /// `"25.00"`
    Text(String),
}

/// What a budget counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BudgetUnit {
    /// US dollars.
    #[default]
    Usd,
    /// Input and output tokens.
    Tokens,
}

/// How often a budget begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Per {
    /// At midnight.
    Day,
    /// On Monday.
    Week,
    /// On the first.
    Month,
    /// Never.
    Total,
}

impl BudgetForm {
    pub(crate) fn of(budget: &Budget) -> Self {
        let (amount, unit) = match budget.amount {
            Amount::Money(money) => (AmountForm::Text(money.to_string()), BudgetUnit::Usd),
            Amount::Tokens(tokens) => (AmountForm::Whole(tokens), BudgetUnit::Tokens),
        };
        Self {
            amount,
            unit,
            per: budget.period.into(),
            timezone: budget.time_zone.clone(),
            on_exceed: match &budget.on_exceed {
                OnExceed::Block => block(),
                OnExceed::Warn => "warn".to_owned(),
                OnExceed::Downgrade(model) => format!("downgrade {model}"),
            },
            on_store_failure: match budget.on_store_failure {
                StoreFailure::Open => Failure::Open,
                StoreFailure::Closed => Failure::Closed,
            },
        }
    }

    /// What it means.
    pub(crate) fn budget(&self) -> Result<Budget, SettingsError> {
        let amount = match (self.unit, &self.amount) {
            (BudgetUnit::Usd, amount) => Amount::Money(money("amount", &amount.to_text())?),
            (BudgetUnit::Tokens, amount) => {
                let tokens = amount.to_text().parse::<u64>().ok();
                let tokens = tokens.filter(|&tokens| i64::try_from(tokens).is_ok());
                Amount::Tokens(tokens.ok_or_else(|| {
                    wrong(
                        "amount",
                        "of tokens is a whole number up to 9223372036854775807",
                    )
                })?)
            }
        };
        if let Err(error) = self.timezone.parse::<Zone>() {
            return Err(wrong("timezone", format!("is not one: {error}")));
        }
        Ok(Budget {
            amount,
            period: self.per.into(),
            time_zone: self.timezone.clone(),
            on_exceed: on_exceed(&self.on_exceed)?,
            on_store_failure: self.on_store_failure.into(),
        })
    }
}

/// An amount of money that the ledger can hold.
pub(crate) fn money(member: &str, text: &str) -> Result<Money, SettingsError> {
    let money: Money = text.parse().map_err(|error| wrong(member, error))?;
    // One billion dollars is 10^18 billionths, which an `i64` holds.
    Ok(money)
}

fn on_exceed(text: &str) -> Result<OnExceed, SettingsError> {
    match (text, text.strip_prefix("downgrade ")) {
        ("block", _) => Ok(OnExceed::Block),
        ("warn", _) => Ok(OnExceed::Warn),
        (_, Some(model)) => match model.trim().parse() {
            Ok(model) => Ok(OnExceed::Downgrade(model)),
            Err(error) => Err(wrong("on_exceed", format!("names a model that {error}"))),
        },
        _ => Err(wrong(
            "on_exceed",
            "is `block`, `warn` or `downgrade MODEL`",
        )),
    }
}

impl AmountForm {
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Whole(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl From<Per> for Period {
    fn from(per: Per) -> Self {
        match per {
            Per::Day => Self::Day,
            Per::Week => Self::Week,
            Per::Month => Self::Month,
            Per::Total => Self::Total,
        }
    }
}

impl From<Period> for Per {
    fn from(period: Period) -> Self {
        match period {
            Period::Day => Self::Day,
            Period::Week => Self::Week,
            Period::Month => Self::Month,
            Period::Total => Self::Total,
        }
    }
}

pub(super) fn utc() -> String {
    "UTC".to_owned()
}

fn block() -> String {
    "block".to_owned()
}
