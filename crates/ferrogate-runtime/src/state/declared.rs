//! What the state store declares besides a configuration.

use ferrogate_auth::TenantSpec;
use ferrogate_billing::AccountSpec;
use ferrogate_policy::Rule;
use ferrogate_types::limits::Limits;
use ferrogate_types::{KeyId, Subject};

/// What the state store declares besides a configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Declared {
    /// Tenants, each with its limits and budgets.
    pub(crate) tenants: Vec<(TenantSpec, Limits)>,
    /// Keys that have limits or budgets.
    pub(crate) keys: Vec<(KeyId, Limits)>,
    /// Policies.
    pub(crate) policies: Vec<Rule>,
    /// Budgets of their own.
    pub(crate) budgets: Vec<AccountSpec>,
}

impl Declared {
    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        let Self {
            tenants,
            keys,
            policies,
            budgets,
        } = self;
        tenants.is_empty() && keys.is_empty() && policies.is_empty() && budgets.is_empty()
    }

    /// Whose limits and budgets these are.
    pub(crate) fn holders(&self) -> impl Iterator<Item = (Subject, &Limits)> {
        let tenants = self.tenants.iter();
        let keys = self.keys.iter();
        keys.map(|(id, limits)| (Subject::Key(id.clone()), limits))
            .chain(tenants.map(|(spec, limits)| (Subject::Tenant(spec.id.clone()), limits)))
    }
}
