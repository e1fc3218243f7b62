//! The models a caller may use.

use std::sync::Arc;

use ferrogate_auth::Principal;
use ferrogate_catalog::{Bucket, Prices};
use ferrogate_llm::{ListShape, ModelEntry, model_json, model_list_json};
use ferrogate_providers::LogicalModel;
use ferrogate_types::Scope;
use http::{HeaderMap, Method};
use pingora_proxy::Session;

use super::authenticate;
use super::gateway::ModelGateway;
use super::{Stop, authorize};
use crate::answer::{self, Reply};
use crate::context::RequestContext;

/// Whether models are listed at a path.
pub(crate) fn is_at(path: &str) -> bool {
    matches!(path, "/v1/models" | "/v1beta/models")
        || path.starts_with("/v1/models/")
        || path.starts_with("/v1beta/models/")
}

/// Answers `GET /v1/models` and `GET /v1/models/{id}`: what this key may call and a provider could serve.
pub(crate) async fn answer(
    gateway: &ModelGateway,
    path: &str,
    session: &mut Session,
    context: &mut RequestContext,
) -> Result<(), Stop> {
    let principal = authenticate::caller(gateway, session, context).await?;
    authorize::scope(gateway, &principal, Scope::ModelsRead)?;
    if !matches!(session.req_header().method, Method::GET | Method::HEAD) {
        return answer::send(session, context, Reply::not_allowed("GET, HEAD"))
            .await
            .map_err(|_| Stop::ClientGone);
    }
    let shape = shape(path, &session.req_header().headers);
    let id = ["/v1/models/", "/v1beta/models/"]
        .iter()
        .find_map(|prefix| path.strip_prefix(prefix));
    let json = match id {
        Some(id) => one(gateway, &principal, id, shape)?,
        None => model_list_json(visible(gateway, &principal).flat_map(entries), shape),
    };
    let reply = Reply::json(200, json.to_string());
    answer::send(session, context, reply)
        .await
        .map_err(|_| Stop::ClientGone)
}

/// In whose words the caller wants to read it.
fn shape(path: &str, headers: &HeaderMap) -> ListShape {
    if path.starts_with("/v1beta/") {
        ListShape::Gemini
    } else if headers.contains_key("anthropic-version") {
        ListShape::Anthropic
    } else {
        ListShape::OpenAi
    }
}

fn one(
    gateway: &ModelGateway,
    principal: &Principal,
    id: &str,
    shape: ListShape,
) -> Result<serde_json::Value, Stop> {
    // Model ids contain slashes, which SDKs send as they are or encoded.
    let id = percent_encoding::percent_decode_str(id).decode_utf8_lossy();
    visible(gateway, principal)
        .flat_map(entries)
        .find(|entry| entry.id == id)
        .map(|entry| model_json(&entry, shape))
        .ok_or_else(|| authorize::not_found(&id).into())
}

fn visible<'a>(
    gateway: &'a ModelGateway,
    principal: &'a Principal,
) -> impl Iterator<Item = &'a Arc<LogicalModel>> {
    gateway.registry.models().iter().filter(move |model| {
        let served = |provider: &ferrogate_types::ProviderId| {
            principal.may_use_provider(provider, &gateway.tenants)
        };
        let mut targets = model.targets.iter();
        let allowed = principal
            .require_model(&model.spec.name, &gateway.tenants)
            .is_ok()
            && targets.any(|target| served(target.provider.id()));
        // What stands for names is none to be asked for.
        allowed && model.is_served() && !model.spec.pattern
    })
}

/// A model under each of its names.
fn entries(model: &Arc<LogicalModel>) -> impl Iterator<Item = ModelEntry<'_>> {
    let owner = model
        .targets
        .first()
        .map_or("", |target| target.provider.id().as_str());
    std::iter::once(&model.spec.name)
        .chain(&model.spec.aliases)
        .map(move |name| ModelEntry {
            id: name.as_str(),
            owned_by: owner,
            capabilities: &model.spec.capabilities,
            context_window: model.spec.context_window,
            max_output_tokens: model.spec.max_output_tokens,
            prices: model
                .targets
                .first()
                .map(|target| prices(&target.prices))
                .unwrap_or_default(),
        })
}

/// Prices as decimal dollars, under the names of the configuration.
fn prices(prices: &Prices) -> Vec<(&'static str, String)> {
    PRICES
        .iter()
        .filter_map(|bucket| Some((bucket.price_name(), prices.base(*bucket)?.to_string())))
        .collect()
}

/// What is told of a model: the prices a configuration can name.
const PRICES: [Bucket; 8] = [
    Bucket::Input,
    Bucket::Output,
    Bucket::CachedInput,
    Bucket::CacheWrite5m,
    Bucket::Reasoning,
    Bucket::Image,
    Bucket::Minute,
    Bucket::Characters,
];
