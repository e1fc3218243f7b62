//! How much each holder may use.

use std::time::Instant;

use ferrogate_auth::{AccessLists, TenantError, TenantSpec, TenantTree};
use ferrogate_config::model::{AiGateway, Tenant};
use ferrogate_policy::{LimitSpec, Limits, OnStoreFailure, Quota};
use ferrogate_types::limits::{RateLimit, StoreFailure};
use ferrogate_types::{Subject, SubjectKind};

use crate::state::Declared;

/// What the configuration says of tenants, keys and their limits.
pub(super) struct Holders {
    pub(super) tenants: TenantTree,
    pub(super) limits: Limits,
}

/// The limits of a gateway, those the store declares included; `before` is what they follow.
pub(super) fn of(
    gateway: &AiGateway,
    declared: &Declared,
    before: Option<&Limits>,
) -> Result<Holders, Vec<TenantError>> {
    let in_store = declared.tenants.iter().map(|(spec, _)| spec.clone());
    let tenants = TenantTree::new(gateway.tenants.iter().map(tenant).chain(in_store).collect())?;
    let keys = gateway
        .api_keys
        .iter()
        .map(|key| (Subject::Key(key.id.clone()), spec(&key.limits)));
    let above = gateway
        .tenants
        .iter()
        .map(|tenant| (Subject::Tenant(tenant.id.clone()), spec(&tenant.limits)));
    let in_store = declared
        .holders()
        .map(|(subject, limits)| (subject, spec(limits)));
    let (together, each): (Vec<_>, Vec<_>) = gateway
        .rate_limit
        .iter()
        .map(|(kind, limits)| (*kind, spec(limits)))
        .partition(|(kind, _)| *kind == SubjectKind::Global);
    // Everybody is one subject, whose state is never forgotten for want of room.
    let together = together
        .into_iter()
        .map(|(_, limits)| (Subject::Global, limits));
    let all = keys.chain(above).chain(in_store).chain(together);
    let limits = match before {
        Some(before) => before.succeeding(each, all),
        None => Limits::new(each, all, Instant::now()),
    };
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

/// The limits of one holder.
pub(crate) fn spec(limits: &ferrogate_types::limits::Limits) -> LimitSpec {
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
