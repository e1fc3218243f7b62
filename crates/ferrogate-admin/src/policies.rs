//! Policies.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ferrogate_policy::Rule;
use ferrogate_storage::{Document, DocumentKind, DocumentStore as _, Expected};
use ferrogate_types::{AccountId, Timestamp};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::App;
use crate::answer::{Deleted, json, noted, tagged};
use crate::documents;
use crate::extract::{Id, Json, Params, Patch, read};
use crate::keys::new_id;
use crate::merge::merge;
use crate::node::Changed;
use crate::page::{List, Size, list_params};
use crate::precondition::expected;
use crate::refusal::Refusal;
use crate::rules::{PolicyForm, PolicySaid};

pub(crate) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(one, replace, change, delete))
}

/// A policy.
#[derive(Serialize, ToSchema)]
pub(crate) struct PolicyView {
    /// Always `policy`.
    object: &'static str,
    /// Its id, which is its name.
    id: String,
    #[serde(flatten)]
    policy: PolicySaid,
    /// Where it is written: `file` or `api`.
    source: &'static str,
    /// When it was made.
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Timestamp>,
    /// When it was changed last.
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
}

list_params! {
    /// Which policies are wanted.
    ListPolicies {
        /// Only those written there: `file` or `api`.
        source: Option<String>,
    }
}

fn of_file(rule: &Rule) -> PolicyView {
    PolicyView {
        object: "policy",
        id: rule.name.clone(),
        policy: PolicyForm::of(rule).into(),
        source: "file",
        created_at: None,
        updated_at: None,
    }
}

fn of_store(document: &Document) -> Result<PolicyView, Refusal> {
    let mut policy = PolicyForm::parse(&document.body).map_err(Refusal::damaged)?;
    policy.name = Some(document.id.clone());
    Ok(PolicyView {
        object: "policy",
        id: document.id.clone(),
        policy: policy.into(),
        source: "api",
        created_at: Some(document.created_at),
        updated_at: Some(document.updated_at),
    })
}

/// Policies in the order of their names.
#[utoipa::path(get, path = "/admin/v1/policies", tag = "Policies", params(ListPolicies),
    responses((status = 200, description = "Policies", body = List<PolicyView>)))]
async fn list(
    State(app): State<Arc<App>>,
    Params(params): Params<ListPolicies>,
) -> Result<Response, Refusal> {
    let declared = app.node.declared();
    let mut views: Vec<_> = declared.policies.iter().map(of_file).collect();
    for document in documents::all(&app, DocumentKind::Policy).await? {
        views.push(of_store(&document)?);
    }
    let rows = views.into_iter().filter(|view| {
        params
            .source
            .as_ref()
            .is_none_or(|source| view.source == source)
    });
    let rows = rows.map(|view| (view.id.clone(), view)).collect();
    let list = List::of_all(rows, &params.asked(), Size::RESOURCES);
    Ok(json(StatusCode::OK, &list))
}

/// One policy.
#[utoipa::path(get, path = "/admin/v1/policies/{id}", tag = "Policies",
    params(("id" = String, Path, description = "The policy's name")),
    responses((status = 200, description = "The policy", body = PolicyView)))]
async fn one(State(app): State<Arc<App>>, Id(id): Id) -> Result<Response, Refusal> {
    let declared = app.node.declared();
    if let Some(rule) = declared.policies.iter().find(|rule| rule.name == id) {
        return Ok(json(StatusCode::OK, &of_file(rule)));
    }
    let document = document(&app, &id).await?;
    Ok(tagged(
        json(StatusCode::OK, &of_store(&document)?),
        document.version,
    ))
}

/// A policy that may be changed here.
async fn document(app: &App, id: &str) -> Result<Document, Refusal> {
    if app
        .node
        .declared()
        .policies
        .iter()
        .any(|rule| rule.name == id)
    {
        return Err(Refusal::managed_by_file("policy", id));
    }
    let document = app.store.document(DocumentKind::Policy, id).await?;
    document.ok_or_else(|| Refusal::not_found("policy", id))
}

async fn put(
    app: &App,
    document: Document,
    expected: Expected,
    status: StatusCode,
    detail: Option<Value>,
) -> Result<Response, Refusal> {
    let document = documents::put(app, document, expected, Changed::Policies).await?;
    let response = tagged(json(status, &of_store(&document)?), document.version);
    Ok(noted(response, Some(document.id), detail))
}

/// Makes a policy.
#[utoipa::path(post, path = "/admin/v1/policies", tag = "Policies", request_body = PolicyForm,
    responses((status = 201, description = "The policy", body = PolicyView)))]
async fn create(
    State(app): State<Arc<App>>,
    Json(form): Json<PolicyForm>,
) -> Result<Response, Refusal> {
    let _one_at_a_time = app.writes.lock().await;
    let Some(name) = form.name.clone() else {
        return Err(
            Refusal::unprocessable("missing_field", "a policy needs a `name`").about("name"),
        );
    };
    let name: AccountId = new_id(&name).map_err(|refusal| refusal.about("name"))?;
    form.rule(name.as_str())?;
    if app
        .node
        .declared()
        .policies
        .iter()
        .any(|rule| rule.name == name.as_str())
    {
        return Err(Refusal::managed_by_file("policy", name.as_str()));
    }
    let document = documents::new(DocumentKind::Policy, name.as_str(), form.text());
    put(&app, document, Expected::Absent, StatusCode::CREATED, None).await
}

/// Says anew what a policy says.
#[utoipa::path(put, path = "/admin/v1/policies/{id}", tag = "Policies", request_body = PolicyForm,
    params(("id" = String, Path, description = "The policy's name")),
    responses((status = 200, description = "The policy", body = PolicyView)))]
async fn replace(
    State(app): State<Arc<App>>,
    Id(id): Id,
    headers: HeaderMap,
    Json(form): Json<PolicyForm>,
) -> Result<Response, Refusal> {
    let _one_at_a_time = app.writes.lock().await;
    let before = document(&app, &id).await?;
    update(&app, before, &headers, &form).await
}

/// Changes a policy: members that are given replace those that were, and `null` takes them away (RFC 7396).
#[utoipa::path(patch, path = "/admin/v1/policies/{id}", tag = "Policies",
    request_body(content = serde_json::Value, description = "Members of a policy"),
    params(("id" = String, Path, description = "The policy's name")),
    responses((status = 200, description = "The policy", body = PolicyView)))]
async fn change(
    State(app): State<Arc<App>>,
    Id(id): Id,
    headers: HeaderMap,
    Patch(patch): Patch,
) -> Result<Response, Refusal> {
    let _one_at_a_time = app.writes.lock().await;
    let before = document(&app, &id).await?;
    let mut now: Value = serde_json::from_str(&before.body).unwrap_or(Value::Null);
    merge(&mut now, patch);
    update(&app, before, &headers, &read(now)?).await
}

async fn update(
    app: &App,
    before: Document,
    headers: &HeaderMap,
    form: &PolicyForm,
) -> Result<Response, Refusal> {
    if form.name.as_ref().is_some_and(|given| *given != before.id) {
        return Err(Refusal::invalid(
            "name",
            "a name is never changed; make another policy",
        ));
    }
    form.rule(&before.id)?;
    let expected = expected(headers, before.version)?;
    let body = form.text();
    let detail = documents::changed(&before.body, &body);
    let document = Document { body, ..before };
    put(app, document, expected, StatusCode::OK, Some(detail)).await
}

/// Deletes a policy.
#[utoipa::path(delete, path = "/admin/v1/policies/{id}", tag = "Policies",
    params(("id" = String, Path, description = "The policy's name")),
    responses((status = 200, description = "It is gone", body = Deleted)))]
async fn delete(
    State(app): State<Arc<App>>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let _one_at_a_time = app.writes.lock().await;
    let before = document(&app, &id).await?;
    documents::delete(&app, &before, &headers, Changed::Policies).await?;
    Ok(json(StatusCode::OK, &Deleted::new("policy", id)))
}
