//! What the caller may do.

use std::sync::Arc;

use ferrogate_auth::Principal;
use ferrogate_providers::LogicalModel;
use ferrogate_types::Scope;

use super::gateway::ModelGateway;
use super::refusal::{Refusal, RefusalCode};

/// Whether the caller holds the scope. Somebody without a key, where that is allowed, may call every model.
pub(crate) fn scope(
    gateway: &ModelGateway,
    principal: &Principal,
    scope: Scope,
) -> Result<(), Refusal> {
    Ok(principal.require(scope, &gateway.tenants)?)
}

/// The model asked for, if the caller may use it and any provider of it.
///
/// One that does not exist is 404 for everybody, as OpenAI answers; one the key may not use is 403.
pub(crate) fn model(
    gateway: &ModelGateway,
    principal: &Principal,
    name: &str,
) -> Result<Arc<LogicalModel>, Refusal> {
    let model = gateway
        .registry
        .resolve(name)
        .ok_or_else(|| not_found(name))?;
    principal.require_model(model.name(), &gateway.tenants)?;
    let mut targets = model.targets.iter().map(|target| target.provider.id());
    if !targets.any(|provider| principal.may_use_provider(provider, &gateway.tenants)) {
        return Err(no_provider(&model));
    }
    Ok(model)
}

/// The key may use none of the model's providers.
pub(crate) fn no_provider(model: &LogicalModel) -> Refusal {
    Refusal::new(
        RefusalCode::ProviderNotAllowed,
        format!(
            "the key may use none of the providers of the model `{}`",
            model.name()
        ),
    )
}

/// The provider that the caller named is none of the model's.
pub(crate) fn not_named(model: &LogicalModel) -> Refusal {
    Refusal::new(
        RefusalCode::ProviderNotAllowed,
        format!(
            "`X-Provider` names no provider of the model `{}`",
            model.name()
        ),
    )
}

/// The provider a request names, if it does.
pub(crate) fn named(headers: &http::HeaderMap) -> Option<String> {
    let value = headers.get("x-provider")?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Nothing is called that.
pub(crate) fn not_found(name: &str) -> Refusal {
    let shown: String = name.chars().take(100).collect();
    Refusal::new(
        RefusalCode::ModelNotFound,
        format!("the model `{shown}` does not exist or you do not have access to it; GET /v1/models lists yours"),
    )
    .with_param("model")
}
