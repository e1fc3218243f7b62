//! What keys and tenants have in common: what they may use, from where, and how much.

use std::collections::BTreeMap;

use ferrogate_auth::AccessLists;
use ferrogate_types::{Scope, ScopeSet};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::limits::{SettingsError, wrong};

/// What may be used, and from where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct ListsForm {
    /// Models that may be used; empty = all.
    pub(crate) allowed_models: Vec<String>,
    /// Models that may not be used; stronger than the above.
    pub(crate) denied_models: Vec<String>,
    /// Providers that may be used; empty = all.
    pub(crate) allowed_providers: Vec<String>,
    /// Providers that may not be used; stronger than the above.
    pub(crate) denied_providers: Vec<String>,
    /// Addresses that may be called from, as CIDR; empty = all.
    pub(crate) allowed_ips: Vec<String>,
}

/// Entries of one list.
const MOST_ENTRIES: usize = 1_000;
/// Pairs of metadata.
const MOST_PAIRS: usize = 64;
/// Bytes of a text for people.
const LONGEST: usize = 256;

impl ListsForm {
    pub(crate) fn of(lists: &AccessLists) -> Self {
        Self {
            allowed_models: texts(&lists.allowed_models),
            denied_models: texts(&lists.denied_models),
            allowed_providers: texts(&lists.allowed_providers),
            denied_providers: texts(&lists.denied_providers),
            allowed_ips: texts(&lists.allowed_ips),
        }
    }

    pub(crate) fn lists(&self) -> Result<AccessLists, SettingsError> {
        Ok(AccessLists {
            allowed_models: names("allowed_models", &self.allowed_models)?,
            denied_models: names("denied_models", &self.denied_models)?,
            allowed_providers: names("allowed_providers", &self.allowed_providers)?,
            denied_providers: names("denied_providers", &self.denied_providers)?,
            allowed_ips: networks("allowed_ips", &self.allowed_ips)?,
        })
    }
}

pub(crate) fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

/// The words for scopes.
pub(crate) fn scope_names(scopes: ScopeSet) -> Vec<String> {
    scopes.iter().map(|scope| scope.to_string()).collect()
}

/// Scopes by their words; `*` is every one.
pub(crate) fn scopes(words: &[String]) -> Result<ScopeSet, SettingsError> {
    let mut set = Vec::new();
    for word in words {
        if word == "*" {
            return Ok(ScopeSet::all());
        }
        let scope: Scope = word.parse().map_err(|error| {
            wrong(
                "scopes",
                format!("has an {error}; write `*` for all, or see the documentation"),
            )
        })?;
        set.push(scope);
    }
    Ok(set.into_iter().collect())
}

fn bounded(member: &str, entries: &[String]) -> Result<(), SettingsError> {
    if entries.len() > MOST_ENTRIES {
        return Err(wrong(
            member,
            format!("has more than {MOST_ENTRIES} entries"),
        ));
    }
    Ok(())
}

/// Names, each of which must be one.
pub(crate) fn names<T>(member: &str, entries: &[String]) -> Result<Vec<T>, SettingsError>
where
    T: std::str::FromStr<Err = ferrogate_types::NameError>,
{
    bounded(member, entries)?;
    let names = entries.iter().map(|entry| {
        let named = |error| wrong(member, format!("has an entry that {error}"));
        entry.parse().map_err(named)
    });
    names.collect()
}

/// Networks; a single address is one.
pub(crate) fn networks(
    member: &str,
    entries: &[String],
) -> Result<Vec<ipnet::IpNet>, SettingsError> {
    bounded(member, entries)?;
    let nets = entries.iter().map(|entry| {
        entry
            .parse()
            .or_else(|_| entry.parse::<std::net::IpAddr>().map(ipnet::IpNet::from))
            .map_err(|_| {
                wrong(
                    member,
                    format!("has `{entry}`, which is no network (write for instance `10.0.0.0/8`)"),
                )
            })
    });
    nets.collect()
}

/// A text for people: bounded, on one line.
pub(crate) fn label(member: &str, text: Option<&String>) -> Result<Option<String>, SettingsError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    if text.len() > LONGEST || text.chars().any(char::is_control) {
        return Err(wrong(
            member,
            format!("is longer than {LONGEST} bytes, or has a control character"),
        ));
    }
    Ok(Some(text.clone()))
}

/// Metadata within bounds.
pub(crate) fn metadata(
    pairs: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, SettingsError> {
    let fits = |text: &String| text.len() <= LONGEST && !text.contains('\0');
    let good = |(name, value): (&String, &String)| !name.is_empty() && fits(name) && fits(value);
    if pairs.len() > MOST_PAIRS || !pairs.iter().all(good) {
        return Err(wrong(
            "metadata",
            format!(
                "has more than {MOST_PAIRS} pairs, an empty name, or a text longer than {LONGEST} bytes"
            ),
        ));
    }
    Ok(pairs.clone())
}

/// The body of a request that makes or changes a holder: members of its own, and those that all holders have. One flat
/// object, as configuration has it, so that an unknown member is refused wherever it stands.
macro_rules! holder_form {
    ($(#[$doc:meta])* $name:ident { $($(#[$meta:meta])* $field:ident : $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, serde::Deserialize, utoipa::ToSchema)]
        #[serde(deny_unknown_fields, default)]
        pub(crate) struct $name {
            $($(#[$meta])* pub(crate) $field: $kind,)*
            /// Models that may be used; empty = all.
            pub(crate) allowed_models: Vec<String>,
            /// Models that may not be used; stronger than the above.
            pub(crate) denied_models: Vec<String>,
            /// Providers that may be used; empty = all.
            pub(crate) allowed_providers: Vec<String>,
            /// Providers that may not be used; stronger than the above.
            pub(crate) denied_providers: Vec<String>,
            /// Addresses that may be called from, as CIDR; empty = all.
            pub(crate) allowed_ips: Vec<String>,
            /// Requests a minute.
            pub(crate) request_limit_per_minute: Option<crate::limits::RateForm>,
            /// Tokens a minute, input and output together.
            pub(crate) token_limit_per_minute: Option<crate::limits::RateForm>,
            /// Calls under way at once; there is no queue.
            #[schema(minimum = 1)]
            pub(crate) max_concurrency: Option<u32>,
            /// Tokens a calendar month in UTC.
            #[schema(minimum = 1)]
            pub(crate) monthly_token_budget: Option<u64>,
            /// What may be spent.
            pub(crate) budgets: Vec<crate::limits::BudgetForm>,
            /// Anything else its owner wants to find in records.
            pub(crate) metadata: std::collections::BTreeMap<String, String>,
        }

        impl $name {
            pub(crate) fn lists_form(&self) -> crate::holder::ListsForm {
                crate::holder::ListsForm {
                    allowed_models: self.allowed_models.clone(),
                    denied_models: self.denied_models.clone(),
                    allowed_providers: self.allowed_providers.clone(),
                    denied_providers: self.denied_providers.clone(),
                    allowed_ips: self.allowed_ips.clone(),
                }
            }

            pub(crate) fn limits_form(&self) -> crate::limits::LimitsForm {
                crate::limits::LimitsForm {
                    request_limit_per_minute: self.request_limit_per_minute.clone(),
                    token_limit_per_minute: self.token_limit_per_minute.clone(),
                    max_concurrency: self.max_concurrency,
                    monthly_token_budget: self.monthly_token_budget,
                    budgets: self.budgets.clone(),
                }
            }
        }
    };
}

pub(crate) use holder_form;
