//! Budgets as accounts of the ledger.

use std::collections::BTreeMap;

use ferrogate_billing::{AccountSpec, holder_accounts};
use ferrogate_config::model::{AiGateway, Config};
use ferrogate_types::Subject;
use ferrogate_types::limits;

use crate::lower::LowerError;
use crate::state::Declared;

/// The budgets of a configuration, and those the store declares. A holder that is named in several gateways is one holder, whose budgets must be the
/// same everywhere.
pub(super) fn of(
    config: &Config,
    declared: &Declared,
    errors: &mut Vec<LowerError>,
) -> Vec<AccountSpec> {
    let shared = config.global.shared.is_some();
    let mut known: BTreeMap<Subject, Vec<AccountSpec>> = BTreeMap::new();
    let in_file = config.ai_gateways.iter().flat_map(holders);
    for (subject, limits) in in_file.chain(declared.holders()) {
        let accounts = match holder_accounts(&subject, limits, shared) {
            Ok(accounts) => accounts,
            Err(error) => {
                errors.push(LowerError::new(subject.to_string(), error.to_string()));
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
    let own = declared.budgets.iter().cloned();
    known.into_values().flatten().chain(own).collect()
}

fn holders(gateway: &AiGateway) -> impl Iterator<Item = (Subject, &limits::Limits)> {
    let keys = gateway.api_keys.iter();
    let tenants = gateway.tenants.iter();
    keys.map(|key| (Subject::Key(key.id.clone()), &key.limits))
        .chain(tenants.map(|tenant| (Subject::Tenant(tenant.id.clone()), &tenant.limits)))
}
