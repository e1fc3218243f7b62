//! What the process knows of itself.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::App;
use crate::answer::json;
use crate::extract::{Id, Params};
use crate::node::Fact;
use crate::page::{Asked, List, Size, list_params};
use crate::refusal::Refusal;

pub(crate) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(status))
        .routes(routes!(dashboard))
        .routes(routes!(health))
        .routes(routes!(version))
        .routes(routes!(providers))
        .routes(routes!(provider_catalog))
        .routes(routes!(provider))
        .routes(routes!(provider_test))
        .routes(routes!(provider_health))
        .routes(routes!(models))
        .routes(routes!(model))
        .routes(routes!(catalog))
        .routes(routes!(plugin_catalog))
        .routes(routes!(certificates))
        .routes(routes!(certificate_renewal))
        .routes(routes!(guardrails))
        .routes(routes!(mcp_servers))
}

list_params! {
    /// Which rows are wanted.
    ListFacts {
        /// Only those with this text anywhere in them, whatever its case.
        q: Option<String>,
    }
}

/// A fact that is one object.
async fn object(app: &App, fact: Fact<'_>, what: &str) -> Result<Response, Refusal> {
    let found = app.node.facts(fact).await;
    let found = found.ok_or_else(|| Refusal::not_available(what))?;
    Ok(json(StatusCode::OK, &found))
}

/// A fact of something with a name.
async fn item(app: &App, fact: Fact<'_>, what: &str, id: &str) -> Result<Response, Refusal> {
    let found = app.node.facts(fact).await;
    let found = found.ok_or_else(|| Refusal::not_found(what, id))?;
    Ok(json(StatusCode::OK, &found))
}

/// A fact that is a list, in the order it has.
async fn list(
    app: &App,
    fact: Fact<'_>,
    what: &str,
    params: &ListFacts,
) -> Result<Response, Refusal> {
    let found = app.node.facts(fact).await;
    let mut rows = match found.ok_or_else(|| Refusal::not_available(what))? {
        Value::Array(rows) => rows,
        one => vec![one],
    };
    if let Some(text) = params.q.as_ref().map(|text| text.to_lowercase()) {
        rows.retain(|row| row.to_string().to_lowercase().contains(&text));
    }
    // A place is a cursor here: the list is as old as the configuration.
    let rows = rows.into_iter().enumerate();
    let rows = rows
        .map(|(place, row)| (format!("{place:08}"), row))
        .collect();
    let asked: Asked = params.asked();
    Ok(json(
        StatusCode::OK,
        &List::of_all(rows, &asked, Size::RESOURCES),
    ))
}

/// Versions, counts, revision and uptime.
#[utoipa::path(get, path = "/admin/v1/status", tag = "Node",
    responses((status = 200, description = "The status", body = Value)))]
async fn status(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    object(&app, Fact::Status, "statuses").await
}

/// An overview for the console.
#[utoipa::path(get, path = "/admin/v1/dashboard", tag = "Node",
    responses((status = 200, description = "The overview", body = Value)))]
async fn dashboard(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    object(&app, Fact::Dashboard, "overviews").await
}

/// Providers and parts with how they fare.
#[utoipa::path(get, path = "/admin/v1/health", tag = "Node",
    responses((status = 200, description = "How they fare", body = Value)))]
async fn health(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    object(&app, Fact::Health, "health reports").await
}

/// The version of the binary.
#[utoipa::path(get, path = "/admin/v1/version", tag = "Node",
    responses((status = 200, description = "The version", body = Value)))]
async fn version(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    object(&app, Fact::Version, "versions").await
}

/// The providers of the configuration.
#[utoipa::path(get, path = "/admin/v1/providers", tag = "Providers", params(ListFacts),
    responses((status = 200, description = "Providers", body = List<Value>)))]
async fn providers(
    State(app): State<Arc<App>>,
    Params(params): Params<ListFacts>,
) -> Result<Response, Refusal> {
    list(&app, Fact::Providers, "providers", &params).await
}

/// The providers that there could be.
#[utoipa::path(get, path = "/admin/v1/providers/catalog", tag = "Providers", params(ListFacts),
    responses((status = 200, description = "Providers", body = List<Value>)))]
async fn provider_catalog(
    State(app): State<Arc<App>>,
    Params(params): Params<ListFacts>,
) -> Result<Response, Refusal> {
    list(
        &app,
        Fact::ProviderCatalog,
        "catalogs of providers",
        &params,
    )
    .await
}

/// One provider.
#[utoipa::path(get, path = "/admin/v1/providers/{id}", tag = "Providers",
    params(("id" = String, Path, description = "The provider's name")),
    responses((status = 200, description = "The provider", body = Value)))]
async fn provider(State(app): State<Arc<App>>, Id(id): Id) -> Result<Response, Refusal> {
    item(&app, Fact::Provider(&id), "provider", &id).await
}

/// Asks a provider something now, and says what came of it.
#[utoipa::path(post, path = "/admin/v1/providers/{id}/test", tag = "Providers",
    params(("id" = String, Path, description = "The provider's name")),
    responses((status = 200, description = "What came of it", body = Value)))]
async fn provider_test(State(app): State<Arc<App>>, Id(id): Id) -> Result<Response, Refusal> {
    item(&app, Fact::ProviderTest(&id), "provider", &id).await
}

/// How providers fare.
#[utoipa::path(get, path = "/admin/v1/provider-health", tag = "Providers", params(ListFacts),
    responses((status = 200, description = "Providers with their health", body = List<Value>)))]
async fn provider_health(
    State(app): State<Arc<App>>,
    Params(params): Params<ListFacts>,
) -> Result<Response, Refusal> {
    list(&app, Fact::ProviderHealth, "health reports", &params).await
}

/// The models of the configuration.
#[utoipa::path(get, path = "/admin/v1/models", tag = "Models", params(ListFacts),
    responses((status = 200, description = "Models", body = List<Value>)))]
async fn models(
    State(app): State<Arc<App>>,
    Params(params): Params<ListFacts>,
) -> Result<Response, Refusal> {
    list(&app, Fact::Models, "models", &params).await
}

/// One model. A name with a slash is written with `%2F`.
#[utoipa::path(get, path = "/admin/v1/models/{id}", tag = "Models",
    params(("id" = String, Path, description = "The model's name")),
    responses((status = 200, description = "The model", body = Value)))]
async fn model(State(app): State<Arc<App>>, Id(id): Id) -> Result<Response, Refusal> {
    item(&app, Fact::Model(&id), "model", &id).await
}

/// Models with their prices and capabilities.
#[utoipa::path(get, path = "/admin/v1/catalog", tag = "Models", params(ListFacts),
    responses((status = 200, description = "Models", body = List<Value>)))]
async fn catalog(
    State(app): State<Arc<App>>,
    Params(params): Params<ListFacts>,
) -> Result<Response, Refusal> {
    list(&app, Fact::Catalog, "catalogs", &params).await
}

/// The kinds of guardrails.
#[utoipa::path(get, path = "/admin/v1/guardrails/catalog", tag = "Guardrails", params(ListFacts),
    responses((status = 200, description = "Kinds of guardrails", body = List<Value>)))]
async fn plugin_catalog(
    State(app): State<Arc<App>>,
    Params(params): Params<ListFacts>,
) -> Result<Response, Refusal> {
    list(&app, Fact::PluginCatalog, "kinds of guardrails", &params).await
}

/// Certificates.
#[utoipa::path(get, path = "/admin/v1/certificates", tag = "Certificates", params(ListFacts),
    responses((status = 200, description = "Certificates", body = List<Value>)))]
async fn certificates(
    State(app): State<Arc<App>>,
    Params(params): Params<ListFacts>,
) -> Result<Response, Refusal> {
    list(&app, Fact::Certificates, "certificates", &params).await
}

/// Renewing a certificate by hand, which this version cannot.
#[utoipa::path(post, path = "/admin/v1/certificates/{id}/renew", tag = "Certificates",
    params(("id" = String, Path, description = "The certificate's name")), responses())]
async fn certificate_renewal() -> Refusal {
    Refusal::not_available("renewals of certificates by hand")
}

/// The guardrails of the configuration, which this version does not have.
#[utoipa::path(get, path = "/admin/v1/guardrails", tag = "Guardrails", responses())]
async fn guardrails() -> Refusal {
    Refusal::not_available("guardrails")
}

/// The MCP servers of the configuration, which this version does not have.
#[utoipa::path(get, path = "/admin/v1/mcp-servers", tag = "MCP servers", responses())]
async fn mcp_servers() -> Refusal {
    Refusal::not_available("MCP servers")
}
