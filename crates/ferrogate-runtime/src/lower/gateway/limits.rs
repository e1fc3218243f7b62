//! How much each holder may use.

use std::time::Instant;

use ferrogate_auth::{AccessLists, TenantError, TenantSpec, TenantTree};
use ferrogate_config::model::{AiGateway, Tenant};
use ferrogate_policy::{LimitSpec, Limits, OnStoreFailure, Quota};
use ferrogate_types::Subject;
use ferrogate_types::limits::{RateLimit, StoreFailure};

/// What the configuration says of tenants, keys and their limits.
pub(super) struct Holders {
    pub(super) tenants: TenantTree,
    pub(super) limits: Limits,
}

pub(super) fn of(gateway: &AiGateway) -> Result<Holders, Vec<TenantError>> {
    let tenants = TenantTree::new(gateway.tenants.iter().map(tenant).collect())?;
    let keys = gateway
        .api_keys
        .iter()
        .map(|key| (Subject::Key(key.id.clone()), spec(&key.limits)));
    let above = gateway
        .tenants
        .iter()
        .map(|tenant| (Subject::Tenant(tenant.id.clone()), spec(&tenant.limits)));
    let limits = Limits::new([], keys.chain(above), Instant::now());
    Ok(Holders { tenants, limits })
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
