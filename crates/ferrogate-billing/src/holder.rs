//! The budgets of a holder, as they are declared, as accounts.

use ferrogate_types::limits::{self, Amount, Budget, StoreFailure};
use ferrogate_types::{AccountId, NameError, Subject};

use crate::{AccountSpec, OnExceed, OnStoreFailure, Period, Unit, UnknownZone};

/// Why a budget that is declared cannot be an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    /// Its holder's name makes no name of an account.
    #[error("cannot have a budget")]
    Name(#[from] NameError),
    /// Its time zone does not exist.
    #[error(transparent)]
    Zone(#[from] UnknownZone),
}

/// The budgets of one holder. Its account is named by whose it is, what it counts and how often it begins anew, so that
/// its balance is found again after a restart; several of one sort are numbered.
pub fn holder_accounts(
    subject: &Subject,
    limits: &limits::Limits,
    shared: bool,
) -> Result<Vec<AccountSpec>, BudgetError> {
    let mut accounts: Vec<AccountSpec> = Vec::with_capacity(limits.budgets.len());
    for budget in &limits.budgets {
        let (unit, _) = amount(budget.amount);
        let period = period(budget.period);
        let alike = accounts
            .iter()
            .filter(|known| (known.unit, known.period) == (unit, period))
            .count();
        let number = match alike {
            0 => String::new(),
            more => format!(":{}", more.saturating_add(1)),
        };
        let id = format!("{subject}:{unit}:{period}{number}").parse()?;
        accounts.push(declared_account(id, subject, budget, shared)?);
    }
    Ok(accounts)
}

/// A budget that is declared, as an account. `shared` says whether other nodes spend from it too.
pub fn declared_account(
    id: AccountId,
    subject: &Subject,
    budget: &Budget,
    shared: bool,
) -> Result<AccountSpec, BudgetError> {
    let (unit, limit) = amount(budget.amount);
    Ok(AccountSpec {
        id,
        subject: subject.clone(),
        unit,
        limit,
        period: period(budget.period),
        zone: budget.time_zone.parse()?,
        on_exceed: on_exceed(&budget.on_exceed),
        on_store_failure: match budget.on_store_failure {
            StoreFailure::Open => OnStoreFailure::Open,
            StoreFailure::Closed => OnStoreFailure::Closed,
        },
        shared,
    })
}

/// More than an account can hold is no limit.
fn amount(amount: Amount) -> (Unit, i64) {
    match amount {
        Amount::Money(money) => (
            Unit::NanoDollars,
            i64::try_from(money.nanos()).unwrap_or(i64::MAX),
        ),
        Amount::Tokens(tokens) => (Unit::Tokens, i64::try_from(tokens).unwrap_or(i64::MAX)),
    }
}

fn period(period: limits::Period) -> Period {
    match period {
        limits::Period::Day => Period::Day,
        limits::Period::Week => Period::Week,
        limits::Period::Month => Period::Month,
        limits::Period::Total => Period::Total,
    }
}

fn on_exceed(way: &limits::OnExceed) -> OnExceed {
    match way {
        limits::OnExceed::Block => OnExceed::Block,
        limits::OnExceed::Warn => OnExceed::Warn,
        limits::OnExceed::Downgrade(model) => OnExceed::Downgrade(model.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferrogate_types::limits::Limits;

    #[test]
    fn names_accounts_by_what_they_count() {
        let budget = |amount, period| Budget {
            amount,
            period,
            time_zone: "UTC".to_owned(),
            on_exceed: limits::OnExceed::Block,
            on_store_failure: StoreFailure::Closed,
        };
        let money = |text: &str| Amount::Money(text.parse().unwrap());
        let limits = Limits {
            budgets: vec![
                budget(money("80"), limits::Period::Month),
                budget(Amount::Tokens(7), limits::Period::Total),
                budget(money("100"), limits::Period::Month),
                budget(Amount::Tokens(u64::MAX), limits::Period::Day),
            ],
            ..Limits::default()
        };
        let key = Subject::Key("ann".parse().unwrap());
        let accounts = holder_accounts(&key, &limits, false).unwrap();
        let told: Vec<_> = accounts
            .iter()
            .map(|account| (account.id.as_str(), account.limit))
            .collect();
        assert_eq!(
            told,
            [
                ("key:ann:usd:month", 80_000_000_000),
                ("key:ann:tokens:total", 7),
                ("key:ann:usd:month:2", 100_000_000_000),
                ("key:ann:tokens:day", i64::MAX),
            ]
        );
    }
}
