//! Budgets as accounts of the ledger.

use std::collections::BTreeMap;

use ferrogate_billing::{AccountSpec, OnExceed, OnStoreFailure, Period, Unit};
use ferrogate_config::model::{AiGateway, Config};
use ferrogate_types::Subject;
use ferrogate_types::limits::{self, Amount, Budget, StoreFailure};

use crate::lower::LowerError;

/// The budgets of a configuration. A holder that is named in several gateways is one holder, whose budgets must be the
/// same everywhere.
pub(super) fn of(config: &Config, errors: &mut Vec<LowerError>) -> Vec<AccountSpec> {
    let shared = config.global.shared.is_some();
    let mut known: BTreeMap<Subject, Vec<AccountSpec>> = BTreeMap::new();
    for (subject, limits) in config.ai_gateways.iter().flat_map(holders) {
        let accounts = match accounts(&subject, limits, shared) {
            Ok(accounts) => accounts,
            Err(error) => {
                errors.push(LowerError::new(subject.to_string(), error));
                continue;
            }
        };
        if known
            .get(&subject)
            .is_some_and(|before| *before != accounts)
        {
            errors.push(LowerError::new(
                subject.to_string(),
                "has other budgets in another `ai_gateway` block; write the same in both, or another id",
            ));
        }
        known.insert(subject, accounts);
    }
    known.into_values().flatten().collect()
}

fn holders(gateway: &AiGateway) -> impl Iterator<Item = (Subject, &limits::Limits)> {
    let keys = gateway.api_keys.iter();
    let tenants = gateway.tenants.iter();
    keys.map(|key| (Subject::Key(key.id.clone()), &key.limits))
        .chain(tenants.map(|tenant| (Subject::Tenant(tenant.id.clone()), &tenant.limits)))
}

/// The budgets of one holder. Its account is named by whose it is, what it counts and how often it begins anew, so that
/// its balance is found again after a restart; several of one sort are numbered.
pub(crate) fn accounts(
    subject: &Subject,
    limits: &limits::Limits,
    shared: bool,
) -> Result<Vec<AccountSpec>, String> {
    let mut accounts: Vec<AccountSpec> = Vec::with_capacity(limits.budgets.len());
    for budget in &limits.budgets {
        let (unit, limit) = amount(budget.amount);
        let period = period(budget.period);
        let alike = accounts
            .iter()
            .filter(|known| (known.unit, known.period) == (unit, period))
            .count();
        let number = match alike {
            0 => String::new(),
            more => format!("/{}", more + 1),
        };
        let id = format!("{subject}/{unit}/{period}{number}");
        accounts.push(AccountSpec {
            id: id
                .parse()
                .map_err(|error| format!("cannot have a budget: {error}"))?,
            subject: subject.clone(),
            unit,
            limit,
            period,
            zone: budget
                .time_zone
                .parse()
                .map_err(|error: ferrogate_billing::UnknownZone| error.to_string())?,
            on_exceed: on_exceed(budget),
            on_store_failure: match budget.on_store_failure {
                StoreFailure::Open => OnStoreFailure::Open,
                StoreFailure::Closed => OnStoreFailure::Closed,
            },
            shared,
        });
    }
    Ok(accounts)
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

fn on_exceed(budget: &Budget) -> OnExceed {
    match &budget.on_exceed {
        limits::OnExceed::Block => OnExceed::Block,
        limits::OnExceed::Warn => OnExceed::Warn,
        limits::OnExceed::Downgrade(model) => OnExceed::Downgrade(model.clone()),
    }
}
