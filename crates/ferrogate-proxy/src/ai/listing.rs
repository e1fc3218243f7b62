//! The models a caller may use.

use std::sync::Arc;

use ferrogate_llm::{ModelEntry, model_json, model_list_json};
use ferrogate_providers::LogicalModel;
use ferrogate_types::Scope;
use http::Method;
use pingora_proxy::Session;

use super::authenticate::{self, Principal};
use super::gateway::ModelGateway;
use super::{Stop, authorize};
use crate::answer::{self, Reply};
use crate::context::RequestContext;

/// Answers `GET /v1/models` and `GET /v1/models/{id}`: what this key may call and a provider could serve.
pub(crate) async fn answer(
    gateway: &ModelGateway,
    path: &str,
    session: &mut Session,
    context: &mut RequestContext,
) -> Result<(), Stop> {
    let principal = authenticate::caller(gateway, session, context).await?;
    authorize::scope(&principal, Scope::ModelsRead)?;
    if !matches!(session.req_header().method, Method::GET | Method::HEAD) {
        return answer::send(session, context, Reply::not_allowed("GET, HEAD"))
            .await
            .map_err(|_| Stop::ClientGone);
    }
    let json = match path.strip_prefix("/v1/models/") {
        Some(id) => one(gateway, &principal, id)?,
        None => model_list_json(visible(gateway, &principal).flat_map(entries)),
    };
    let reply = Reply::json(200, json.to_string());
    answer::send(session, context, reply)
        .await
        .map_err(|_| Stop::ClientGone)
}

fn one(gateway: &ModelGateway, principal: &Principal, id: &str) -> Result<serde_json::Value, Stop> {
    // Model ids contain slashes, which SDKs send as they are or encoded.
    let id = percent_encoding::percent_decode_str(id).decode_utf8_lossy();
    visible(gateway, principal)
        .flat_map(entries)
        .find(|entry| entry.id == id)
        .map(|entry| model_json(&entry))
        .ok_or_else(|| authorize::not_found(&id).into())
}

fn visible<'a>(
    gateway: &'a ModelGateway,
    principal: &'a Principal,
) -> impl Iterator<Item = &'a Arc<LogicalModel>> {
    gateway.registry.models().iter().filter(move |model| {
        let allowed = principal.key().is_none_or(|key| {
            key.require_model(&model.spec.name).is_ok()
                && model
                    .targets
                    .iter()
                    .any(|target| key.may_use_provider(target.provider.id()))
        });
        allowed && model.is_served()
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
        })
}
