//! What the state store declares, read.

use std::fmt;

use ferrogate_admin::{budget_account, parse_limits, policy_rule};
use ferrogate_auth::{IssuedKeys, KeyRecord, TenantStore as _};
use ferrogate_config::model::Config;
use ferrogate_storage::{Document, DocumentKind, DocumentStore as _, Store};
use ferrogate_types::KeyId;
use ferrogate_types::limits::Limits;

use crate::state::Declared;

/// Documents that are read at once.
const PAGE: u32 = 500;

/// Reads what a store declares besides a configuration. What both declare is the configuration's.
pub(crate) async fn declared(
    store: &Store,
    keys: &IssuedKeys,
    config: &Config,
) -> Result<Declared, String> {
    let shared = config.global.shared.is_some();
    let gateways = || config.ai_gateways.iter();
    let mut declared = Declared::default();
    for record in store.load_tenants().await.map_err(|error| words(&error))? {
        let id = &record.spec.id;
        let mut in_file = gateways().flat_map(|gateway| &gateway.tenants);
        if in_file.any(|tenant| tenant.id == *id) {
            tracing::warn!(tenant = %id, "the state store has a tenant of the configuration: the latter holds");
            continue;
        }
        let limits = read("tenant", id, parse_limits(&record.limits))?;
        declared.tenants.push((record.spec, limits));
    }
    for document in documents(store, DocumentKind::Policy).await? {
        let rule = read("policy", &document.id, policy_rule(&document))?;
        let mut in_file = gateways().flat_map(|gateway| &gateway.policies);
        if in_file.any(|policy| policy.name == rule.name) {
            tracing::warn!(
                policy = rule.name,
                "the state store has a policy of the configuration: the latter holds"
            );
            continue;
        }
        declared.policies.push(rule);
    }
    for document in documents(store, DocumentKind::Budget).await? {
        let account = read("budget", &document.id, budget_account(&document, shared))?;
        declared.budgets.push(account);
    }
    declared.keys = limits_of(keys);
    Ok(declared)
}

/// Keys that have limits or budgets. Limits that cannot be read let nobody through.
pub(super) fn limits_of(keys: &IssuedKeys) -> Vec<(KeyId, Limits)> {
    let mut found = Vec::new();
    for issued in keys.list() {
        let record = issued.record();
        let limits = of_key(record);
        if !limits.is_empty() {
            found.push((record.spec.id.clone(), limits));
        }
    }
    found
}

/// The limits and budgets of a key. Those that cannot be read let nobody through.
pub(super) fn of_key(record: &KeyRecord) -> Limits {
    parse_limits(&record.limits).unwrap_or_else(|error| {
        tracing::error!(key = %record.spec.id, %error, "the limits of a key cannot be read: it is refused");
        Limits {
            concurrency: Some(0),
            ..Limits::default()
        }
    })
}

async fn documents(store: &Store, kind: DocumentKind) -> Result<Vec<Document>, String> {
    let mut all: Vec<Document> = Vec::new();
    loop {
        let after = all.last().map(|last| last.id.clone());
        let page = store.documents(kind, after.as_deref(), PAGE).await;
        let page = page.map_err(|error| words(&error))?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

fn read<T, E: std::error::Error>(
    what: &str,
    id: impl fmt::Display,
    result: Result<T, E>,
) -> Result<T, String> {
    result.map_err(|error| format!("the {what} `{id}` of the state store: {}", words(&error)))
}

fn words(error: &dyn std::error::Error) -> String {
    crate::lower::chain(error)
}
