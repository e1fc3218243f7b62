//! Budgets of the state store as accounts of the ledger.

use ferrogate_billing::{AccountSpec, declared_account};
use ferrogate_storage::Document;
use ferrogate_types::Subject;
use serde::{Deserialize, Serialize};

use crate::limits::{BudgetForm, SettingsError, wrong};

/// A budget of the state store: whom it is about, and what it says. Kept as the body of a [`Document`] whose id is also
/// that of its account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredBudget {
    /// `global`, `tenant:ID` or `key:ID`.
    pub(crate) scope: String,
    #[serde(flatten)]
    pub(crate) budget: BudgetForm,
}

/// The account of a budget of the state store.
///
/// # Errors
///
/// A document that nobody here wrote.
pub fn budget_account(document: &Document, shared: bool) -> Result<AccountSpec, SettingsError> {
    let stored = StoredBudget::parse(&document.body)?;
    let id = document.id.parse().map_err(|error| wrong("id", error))?;
    let subject = subject(&stored.scope)?;
    let budget = stored.budget.budget()?;
    declared_account(id, &subject, &budget, shared).map_err(|error| wrong("budget", error))
}

impl StoredBudget {
    pub(crate) fn parse(text: &str) -> Result<Self, SettingsError> {
        serde_json::from_str(text).map_err(|error| wrong("budget", error))
    }

    pub(crate) fn text(&self) -> String {
        // Members of fixed names, with numbers and texts: writing them cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Whom a budget of the state store is about.
pub(crate) fn subject(text: &str) -> Result<Subject, SettingsError> {
    let bad = |error| wrong("scope", format!("names something that {error}"));
    match text.split_once(':') {
        None if text == "global" => Ok(Subject::Global),
        Some(("tenant", id)) => id.parse().map(Subject::Tenant).map_err(bad),
        Some(("key", id)) => id.parse().map(Subject::Key).map_err(bad),
        _ => Err(wrong("scope", "is `global`, `tenant:ID` or `key:ID`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_a_subject() {
        for text in ["global", "tenant:a:b", "key:x"] {
            assert_eq!(subject(text).unwrap().to_string(), text);
        }
        for text in ["", "global:x", "user:x", "key:", "key:a b", "nobody"] {
            assert!(subject(text).is_err(), "{text}");
        }
    }
}
