//! What a process knows of itself, for people and programs that look after it.

use std::time::Instant;

use ferrogate_providers::{BreakerState, LogicalModel, Provider};
use serde_json::{Value, json};

use crate::{Shared, Snapshot};

/// Versions, counts and how long it runs.
pub fn status(shared: &Shared, snapshot: &Snapshot) -> Value {
    let registries = || snapshot.gateways.iter().map(|gateway| &gateway.registry);
    let providers: usize = registries()
        .map(|registry| registry.providers().len())
        .sum();
    let enabled: usize = registries()
        .flat_map(ferrogate_providers::Registry::providers)
        .filter(|provider| provider.is_enabled())
        .count();
    let models: usize = registries().map(|registry| registry.models().len()).sum();
    let keys: usize = snapshot
        .gateways
        .iter()
        .map(|gateway| gateway.keys.file().len())
        .sum();
    let issued = shared.credentials.issued.len();
    json!({
        "service": "ferrogate",
        "version": shared.settings().version,
        "runtime": "pingora",
        "started_at": shared.settings().started_at.as_secs(),
        "uptime_seconds": shared.uptime().as_secs(),
        "draining": shared.is_draining(),
        "config_revision": snapshot.revision,
        "listeners": snapshot.listeners.len(),
        "sites": snapshot.summary.sites,
        "routes": snapshot.summary.routes,
        "upstreams": snapshot.summary.upstreams,
        "providers": { "total": providers, "enabled": enabled },
        "models": models,
        "api_keys": keys + issued,
        "auth_required": snapshot.gateways.iter().all(|gateway| gateway.auth_required),
    })
}

/// Whether anything can be routed, and how each provider is.
pub fn health(snapshot: &Snapshot) -> (bool, Value) {
    let now = Instant::now();
    let mut gateways = snapshot.gateways.iter();
    let routable =
        snapshot.gateways.is_empty() || gateways.any(|gateway| gateway.registry.is_routable(now));
    let status = if routable { "ok" } else { "unavailable" };
    let body = json!({ "status": status, "providers": provider_health(snapshot) });
    (routable, body)
}

/// How each provider is.
pub fn provider_health(snapshot: &Snapshot) -> Vec<Value> {
    let now = Instant::now();
    let one = |provider: &Provider| {
        json!({
            "name": provider.id().as_str(),
            "kind": provider.spec().kind.row().key,
            "status": condition(provider, now),
            "breaker": breaker(provider, now),
        })
    };
    of_providers(snapshot, one)
}

/// The providers of the configuration, without their credentials.
pub fn providers(snapshot: &Snapshot) -> Vec<Value> {
    let now = Instant::now();
    let one = |provider: &Provider| {
        let spec = provider.spec();
        json!({
            "name": provider.id().as_str(),
            "kind": spec.kind.row().key,
            "base_url": spec.base_url,
            "enabled": provider.is_enabled(),
            "credentials": spec.credentials.len(),
            "status": condition(provider, now),
            "breaker": breaker(provider, now),
        })
    };
    of_providers(snapshot, one)
}

/// The models of the configuration.
pub fn models(snapshot: &Snapshot) -> Vec<Value> {
    let gateways = snapshot.gateways.iter();
    gateways
        .flat_map(|gateway| gateway.registry.models())
        .map(|model| self::model(model))
        .collect()
}

fn model(model: &LogicalModel) -> Value {
    let spec = &model.spec;
    let prices = |target: &ferrogate_providers::Target| -> serde_json::Map<String, Value> {
        let quotes = target.prices.quotes().iter();
        quotes
            .filter(|quote| quote.above_prompt_tokens == 0)
            .filter(|quote| quote.tier == ferrogate_catalog::Tier::Standard)
            .map(|quote| {
                let name = quote.bucket.price_name().to_owned();
                (name, Value::from(quote.price.to_string()))
            })
            .collect()
    };
    let targets: Vec<Value> = model
        .targets
        .iter()
        .map(|target| {
            json!({
                "provider": target.provider.id().as_str(),
                "model": target.model.as_str(),
                "prices": prices(target),
            })
        })
        .collect();
    json!({
        "name": spec.name.as_str(),
        "aliases": spec.aliases,
        "pattern": spec.pattern,
        "served": model.is_served(),
        "capabilities": spec.capabilities,
        "context_window": spec.context_window,
        "max_output_tokens": model.max_output_tokens(),
        "routing": spec.routing,
        "targets": targets,
    })
}

fn of_providers(snapshot: &Snapshot, tell: impl Fn(&Provider) -> Value) -> Vec<Value> {
    let gateways = snapshot.gateways.iter();
    gateways
        .flat_map(|gateway| gateway.registry.providers())
        .map(|provider| tell(provider))
        .collect()
}

fn condition(provider: &Provider, now: Instant) -> &'static str {
    if !provider.is_enabled() {
        "disabled"
    } else if provider.is_available(now) {
        "available"
    } else {
        "unavailable"
    }
}

fn breaker(provider: &Provider, now: Instant) -> &'static str {
    match provider.breaker().state(now) {
        BreakerState::Closed => "closed",
        BreakerState::Open => "open",
        BreakerState::HalfOpen => "half_open",
    }
}
