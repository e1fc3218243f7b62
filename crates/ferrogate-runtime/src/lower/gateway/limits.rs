//! How much each holder may use.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use ferrogate_auth::{AccessLists, TenantError, TenantSpec, TenantTree};
use ferrogate_billing::TokenBudget;
use ferrogate_config::model::{AiGateway, Tenant};
use ferrogate_policy::{LimitSpec, Limits, OnStoreFailure, Quota};
use ferrogate_types::limits::{Amount, Budget, OnExceed, Period, RateLimit, StoreFailure};
use ferrogate_types::{Subject, TenantId};

/// What the configuration says of tenants, keys and their limits.
pub(super) struct Holders {
    pub(super) tenants: TenantTree,
    /// Of each key: its own, and those of every tenant above it.
    pub(super) budgets: Vec<Vec<Arc<TokenBudget>>>,
    pub(super) limits: Limits,
}

pub(super) fn of(gateway: &AiGateway) -> Result<Holders, Vec<TenantError>> {
    let tenants = TenantTree::new(gateway.tenants.iter().map(tenant).collect())?;
    let shared: HashMap<&TenantId, Vec<Arc<TokenBudget>>> = gateway
        .tenants
        .iter()
        .map(|tenant| (&tenant.id, budgets(&tenant.limits)))
        .collect();
    let held = gateway.api_keys.iter().map(|key| {
        let mut held = budgets(&key.limits);
        let above = key.tenant.iter().flat_map(|id| tenants.chain(id));
        held.extend(
            above
                .flat_map(|tenant| shared.get(&tenant.id).into_iter().flatten())
                .cloned(),
        );
        held
    });
    let budgets = held.collect();
    let keys = gateway
        .api_keys
        .iter()
        .map(|key| (Subject::Key(key.id.clone()), spec(&key.limits)));
    let above = gateway
        .tenants
        .iter()
        .map(|tenant| (Subject::Tenant(tenant.id.clone()), spec(&tenant.limits)));
    let limits = Limits::new([], keys.chain(above), Instant::now());
    Ok(Holders {
        tenants,
        budgets,
        limits,
    })
}

fn tenant(tenant: &Tenant) -> TenantSpec {
    TenantSpec {
        name: Some(tenant.name.clone()),
        disabled: tenant.disabled,
        lists: AccessLists {
            allowed_models: tenant.allowed_models.clone(),
            denied_models: tenant.denied_models.clone(),
            allowed_providers: tenant.allowed_providers.clone(),
            denied_providers: tenant.denied_providers.clone(),
            allowed_ips: tenant.allowed_ips.clone(),
        },
        ..TenantSpec::new(tenant.id.clone(), tenant.parent.clone())
    }
}

/// The budgets that are kept in memory; others are not read yet.
fn budgets(limits: &ferrogate_types::limits::Limits) -> Vec<Arc<TokenBudget>> {
    let kept = limits.budgets.iter().filter_map(|budget| match budget {
        Budget {
            amount: Amount::Tokens(tokens),
            period: Period::Month,
            on_exceed: OnExceed::Block,
            ..
        } => Some(Arc::new(TokenBudget::new(*tokens))),
        _ => None,
    });
    kept.collect()
}

fn spec(limits: &ferrogate_types::limits::Limits) -> LimitSpec {
    LimitSpec {
        requests: limits.requests.as_ref().map(quota),
        tokens: limits.tokens.as_ref().map(quota),
        concurrency: limits.concurrency.map(u64::from),
    }
}

fn quota(limit: &RateLimit) -> Quota {
    Quota::per_minute(limit.per_minute).on_store_failure(match limit.on_store_failure {
        StoreFailure::Open => OnStoreFailure::Open,
        StoreFailure::Closed => OnStoreFailure::Closed,
    })
}
