//! Model gateways.

mod budgets;
mod catalog;
mod cloud;
mod issuers;
mod limits;
mod policies;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use ferrogate_auth::{AccessLists, KeyCredential, KeyDirectory, KeySpec, Keyring};
use ferrogate_billing::AccountSpec;
use ferrogate_config::model::{
    self, AiGateway, AuthMode, Config, Credential, OnUnsupportedParam, Site,
};
use ferrogate_providers::{
    BreakerSettings, Concurrency, PoolKey, ProviderSpec, Registry, RetryRule, Timeouts,
};
use ferrogate_proxy::{HealthProbe, ModelGateway, OnUnsupported};
use ferrogate_types::route::{Handler, Route};
use ferrogate_types::{ListenAddress, ProviderId};
use ferrogate_upstream::Endpoint;

pub(crate) use self::issuers::{jwks_endpoint, of as issuers};
pub(crate) use self::limits::spec as limit_spec;
pub(crate) use self::policies::rule;
use super::{LowerError, Process, chain};
use crate::state::Declared;

/// The budgets of all gateways.
pub(super) fn budgets(
    config: &Config,
    declared: &Declared,
    errors: &mut Vec<LowerError>,
) -> Vec<AccountSpec> {
    budgets::of(config, declared, errors)
}

/// The gateways of a configuration. Each takes over what the one at its place learned before.
pub(super) fn lower(
    config: &Config,
    process: &Process<'_>,
    errors: &mut Vec<LowerError>,
) -> Vec<Arc<ModelGateway>> {
    config
        .ai_gateways
        .iter()
        .enumerate()
        .filter_map(|(index, gateway)| {
            let loopback = is_loopback_only(config, index);
            let before = process.before.and_then(|before| before.gateways.get(index));
            one(gateway, loopback, before.map(Arc::as_ref), process, errors).map(Arc::new)
        })
        .collect()
}

fn one(
    gateway: &AiGateway,
    loopback: bool,
    before: Option<&ModelGateway>,
    process: &Process<'_>,
    errors: &mut Vec<LowerError>,
) -> Option<ModelGateway> {
    let mut endpoints = HashMap::new();
    for provider in &gateway.providers {
        let Some(url) = &provider.base_url else {
            continue;
        };
        match Endpoint::parse(url) {
            Ok(endpoint) => {
                endpoints.insert(provider.id.clone(), endpoint);
            }
            Err(error) => errors.push(LowerError::new(
                provider.origin.place.to_string(),
                chain(&error),
            )),
        }
    }
    let mut clouds = HashMap::new();
    for provider in &gateway.providers {
        match cloud::lower(provider) {
            Ok(cloud) => clouds.extend(cloud.map(|cloud| (provider.id.clone(), cloud))),
            Err(error) => errors.push(LowerError::new(
                provider.origin.place.to_string(),
                chain(&error),
            )),
        }
    }
    let providers = gateway.providers.iter().map(provider_spec).collect();
    let (models, catalog) = match catalog::of(gateway) {
        Ok(catalog) => (catalog::models(gateway, &catalog), catalog),
        Err(found) => {
            errors.extend(found);
            return None;
        }
    };
    let mut registry = match Registry::new(providers, models) {
        Ok(registry) => registry.with_catalog(catalog),
        Err(error) => {
            errors.push(LowerError::new("ai_gateway", error.to_string()));
            return None;
        }
    };
    let rules = match policies::of(gateway, process.declared) {
        Ok(rules) => rules,
        Err(error) => {
            errors.push(LowerError::new("ai_gateway", error));
            return None;
        }
    };
    let holders = match limits::of(
        gateway,
        process.declared,
        before.map(|before| &before.limits),
    ) {
        Ok(holders) => holders,
        Err(found) => {
            errors.extend(
                found
                    .iter()
                    .map(|error| LowerError::new("ai_gateway", error.to_string())),
            );
            return None;
        }
    };
    let mut keyring = Keyring::new(gateway.api_keys.iter().map(key_spec).collect());
    if let Some(before) = before {
        registry.adopt(&before.registry);
        keyring = keyring.succeeding(before.keys.file());
    }
    Some(ModelGateway {
        registry,
        endpoints,
        clouds,
        probes: gateway.providers.iter().filter_map(probe).collect(),
        on_unsupported: match gateway.on_unsupported_param {
            OnUnsupportedParam::Report => OnUnsupported::Report,
            OnUnsupportedParam::Drop => OnUnsupported::Drop,
            OnUnsupportedParam::Reject => OnUnsupported::Reject,
        },
        keys: Arc::new(
            KeyDirectory::new(Arc::new(keyring), Arc::clone(process.credentials))
                .trusting(gateway.jwt.iter().map(|issuer| issuer.issuer.clone())),
        ),
        tenants: Arc::new(holders.tenants),
        limits: holders.limits,
        rules,
        auth_required: gateway.auth == AuthMode::Required,
        admin: gateway.admin.unwrap_or(loopback),
        admin_serves: ferrogate_admin::Admin::serves,
        max_request_bytes: size(gateway.max_request_bytes),
        max_response_bytes: size(gateway.max_response_bytes),
        request_timeout: gateway.request_timeout,
        keep_alive: (!gateway.stream_keep_alive.is_zero()).then_some(gateway.stream_keep_alive),
    })
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn timeouts(timeouts: &model::ProviderTimeouts) -> Timeouts {
    let limit = |duration: Duration| (!duration.is_zero()).then_some(duration);
    Timeouts {
        connect: limit(timeouts.connect),
        first_byte: limit(timeouts.first_byte),
        first_token: limit(timeouts.first_token),
        idle: limit(timeouts.idle),
        total: limit(timeouts.total),
    }
}

fn retry_rule(retry: &model::Retry) -> RetryRule {
    RetryRule {
        attempts: retry.attempts,
        statuses: retry.statuses.clone(),
        backoff: retry.backoff,
        max_backoff: retry.max_backoff,
    }
}

fn probe(provider: &model::Provider) -> Option<(ProviderId, HealthProbe)> {
    let probe = provider.health.as_ref()?;
    let probe = HealthProbe {
        path: probe.path.clone(),
        interval: probe.interval,
        timeout: probe.timeout,
        unhealthy: probe.unhealthy,
        healthy: probe.healthy,
    };
    Some((provider.id.clone(), probe))
}

fn provider_spec(provider: &model::Provider) -> ProviderSpec {
    ProviderSpec {
        base_url: provider.base_url.clone(),
        credentials: provider
            .api_keys
            .iter()
            .map(|key| PoolKey {
                secret: key.secret.clone(),
                weight: key.weight,
            })
            .collect(),
        settings: provider
            .settings
            .iter()
            .map(|(name, value)| (name.clone(), value.to_secret()))
            .collect(),
        headers: provider.headers.clone(),
        timeouts: timeouts(&provider.timeouts),
        retry: retry_rule(&provider.retry),
        retry_budget: provider.retry.budget_percent,
        concurrency: provider.max_concurrency.map(|places| Concurrency {
            limit: places.limit,
            queue: places.queue,
            wait: places.wait,
        }),
        breaker: provider.circuit_breaker.map(|breaker| BreakerSettings {
            failures: breaker.failures,
            successes: breaker.successes,
            open: breaker.open,
            half_open: breaker.half_open,
        }),
        disabled: provider.disabled,
        ..ProviderSpec::new(provider.id.clone(), provider.kind)
    }
}

fn key_spec(key: &model::ApiKey) -> KeySpec {
    KeySpec {
        scopes: key.scopes,
        lists: AccessLists {
            allowed_models: key.allowed_models.clone(),
            denied_models: key.denied_models.clone(),
            allowed_providers: key.allowed_providers.clone(),
            denied_providers: key.denied_providers.clone(),
            allowed_ips: key.allowed_ips.clone(),
        },
        disabled: key.disabled,
        expires: key.expires,
        tenant: key.tenant.clone(),
        user: key.user.clone(),
        metadata: key.metadata.clone(),
        ..KeySpec::new(
            key.id.clone(),
            match &key.credential {
                Credential::Plain(secret) => KeyCredential::Plain(secret.clone()),
                Credential::Hash(hash) => KeyCredential::Argon2(hash.clone()),
            },
        )
    }
}

/// Whether every listener that leads to the gateway can be reached from this machine only.
fn is_loopback_only(config: &Config, gateway: usize) -> bool {
    config.listeners.iter().all(|listener| {
        let mounts = listener.hosts.iter().any(|rule| {
            config
                .sites
                .get(rule.site)
                .is_some_and(|site| leads_to(config, site, gateway))
        });
        let local = match &listener.address {
            ListenAddress::Tcp(address) => address.ip().is_loopback(),
            ListenAddress::Unix { .. } => true,
            // Who can reach an inherited socket is not for us to know.
            ListenAddress::Ipv6Wildcard(_) | ListenAddress::Inherited(_) => false,
        };
        !mounts || local
    })
}

/// Whether a site's routes mount the gateway, wherever: in blocks, for errors, in place of answers, in routes they invoke.
fn leads_to(config: &Config, site: &Site, gateway: usize) -> bool {
    let mut lists: Vec<&[Route]> = super::of_site(site).collect();
    let mut invoked = HashSet::new();
    while let Some(routes) = lists.pop() {
        for route in routes {
            lists.extend(route.handler.nested());
            match route.handler {
                Handler::AiGateway(index) if index == gateway => return true,
                Handler::Invoke(index) if invoked.insert(index) => {
                    let named = config.named_routes.get(index);
                    lists.extend(named.map(|named| named.routes.as_slice()));
                }
                _ => {}
            }
        }
    }
    false
}
