//! Making, changing and deleting tenants.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ferrogate_auth::{TenantRecord, TenantSpec, TenantTree};
use ferrogate_storage::{Expected, TenantStore as _, tenant_from_store, tenant_to_store};
use ferrogate_types::{TenantId, clock};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::view::{TenantView, of_store, said};
use crate::admin::App;
use crate::answer::{Deleted, json, noted, tagged};
use crate::documents::in_force;
use crate::extract::{Id, Json, Patch, read};
use crate::holder::{holder_form, label, metadata, scopes};
use crate::identity::Identity;
use crate::keys::new_id;
use crate::merge::{changed, merge};
use crate::node::Changed;
use crate::precondition::expected;
use crate::records::{expiry, limits_form};
use crate::refusal::Refusal;

holder_form! {
    /// A tenant.
    TenantForm {
        /// Its id; never changed.
        #[schema(max_length = 64, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*$")]
        id: Option<String>,
        /// The tenant it is a part of. A tenant's principal makes parts of its own tenant.
        parent: Option<String>,
        /// What people call it.
        name: Option<String>,
        /// What it is: an organisation, a team, a project. It decides nothing.
        kind: Option<String>,
        /// Switched off, with all that is below it.
        disabled: bool,
        /// When it stops being served, with all that is below it.
        #[schema(format = DateTime)]
        expires: Option<String>,
        /// The most that its keys may do; nothing = no such bound.
        scopes: Option<Vec<String>>,
    }
}

/// A tenant that the caller may change here.
async fn record(app: &App, identity: &Identity, id: &str) -> Result<TenantRecord, Refusal> {
    let not_found = || Refusal::not_found("tenant", id);
    let tenant: TenantId = id.parse().map_err(|_| not_found())?;
    if !identity.reaches(Some(&tenant)) {
        return Err(not_found());
    }
    if app.node.declared().tenants.contains_key(&tenant) {
        return Err(Refusal::managed_by_file("tenant", id));
    }
    if !identity.reaches_below(&tenant) {
        return Err(Refusal::forbidden(
            "tenant_denied",
            format!("what the tenant `{id}` may do is set from above it"),
        ));
    }
    let stored = app.store.tenant(&tenant).await?.ok_or_else(not_found)?;
    Ok(tenant_from_store(stored)?)
}

impl TenantForm {
    fn spec(
        &self,
        app: &App,
        identity: &Identity,
        id: TenantId,
    ) -> Result<(TenantSpec, String), Refusal> {
        let parent = self.parent.as_deref().filter(|parent| !parent.is_empty());
        let parent: Option<TenantId> = match parent {
            None => identity.tenant().cloned(),
            Some(text) => {
                let parent = text
                    .parse()
                    .ok()
                    .filter(|parent| identity.reaches(Some(parent)));
                Some(parent.ok_or_else(|| Refusal::unknown("parent", "tenant", text))?)
            }
        };
        let limits = self.limits_form();
        limits.limits()?;
        let spec = TenantSpec {
            kind: label("kind", self.kind.as_ref())?,
            name: label("name", self.name.as_ref())?,
            disabled: self.disabled,
            expires: expiry("expires", self.expires.as_ref())?,
            scopes: self.scopes.as_deref().map(scopes).transpose()?,
            lists: self.lists_form().lists()?,
            metadata: metadata(&self.metadata)?,
            ..TenantSpec::new(id, parent)
        };
        let tree = app.node.tenants();
        let others = tree.iter().filter(|other| other.id != spec.id).cloned();
        if let Err(errors) = TenantTree::new(others.chain([spec.clone()]).collect()) {
            let reason = errors.first().map(ToString::to_string).unwrap_or_default();
            return Err(Refusal::unprocessable("invalid_tenant", reason).about("parent"));
        }
        Ok((spec, limits.text()))
    }
}

async fn put(
    app: &App,
    mut record: TenantRecord,
    expected: Expected,
    status: StatusCode,
    detail: Option<Value>,
) -> Result<Response, Refusal> {
    // What a newer version wrote into its settings is kept.
    let before = app.store.tenant(&record.spec.id).await?;
    let row = tenant_to_store(&record, before.as_ref())?;
    record.version = app.store.put_tenant(&row, expected).await?;
    in_force(app, Changed::Tenants).await?;
    let response = tagged(json(status, &of_store(&record)), record.version);
    Ok(noted(response, Some(record.spec.id.to_string()), detail))
}

/// Makes a tenant.
#[utoipa::path(post, path = "/admin/v1/tenants", tag = "Tenants", request_body = TenantForm,
    responses((status = 201, description = "The tenant", body = TenantView)))]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    identity: Identity,
    Json(form): Json<TenantForm>,
) -> Result<Response, Refusal> {
    let _one_at_a_time = app.writes.lock().await;
    let id: TenantId = match form.id.as_deref() {
        Some(id) => new_id(id)?,
        None => {
            return Err(
                Refusal::unprocessable("missing_field", "a tenant needs an `id`").about("id"),
            );
        }
    };
    if app.node.tenants().get(&id).is_some() {
        return Err(Refusal::conflict(
            "already_exists",
            format!("there already is a tenant `{id}`; choose another id"),
        )
        .about("id"));
    }
    let (spec, limits) = form.spec(&app, &identity, id)?;
    let now = clock::since_epoch().as_secs();
    let record = TenantRecord {
        spec,
        limits,
        created_at: now,
        updated_at: now,
        version: 0,
    };
    put(&app, record, Expected::Absent, StatusCode::CREATED, None).await
}

/// Says anew what is said of a tenant. What is left out is as if it were new.
#[utoipa::path(put, path = "/admin/v1/tenants/{id}", tag = "Tenants", request_body = TenantForm,
    params(("id" = String, Path, description = "The tenant's id")),
    responses((status = 200, description = "The tenant", body = TenantView)))]
pub(super) async fn replace(
    State(app): State<Arc<App>>,
    identity: Identity,
    Id(id): Id,
    headers: HeaderMap,
    Json(form): Json<TenantForm>,
) -> Result<Response, Refusal> {
    let _one_at_a_time = app.writes.lock().await;
    let before = record(&app, &identity, &id).await?;
    update(&app, &identity, before, &headers, &form).await
}

/// Changes a tenant: members that are given replace those that were, and `null` takes them away (RFC 7396).
#[utoipa::path(patch, path = "/admin/v1/tenants/{id}", tag = "Tenants", request_body = TenantForm,
    params(("id" = String, Path, description = "The tenant's id")),
    responses((status = 200, description = "The tenant", body = TenantView)))]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    identity: Identity,
    Id(id): Id,
    headers: HeaderMap,
    Patch(patch): Patch,
) -> Result<Response, Refusal> {
    let _one_at_a_time = app.writes.lock().await;
    let before = record(&app, &identity, &id).await?;
    let said = said(&before.spec, limits_form(&before.limits));
    let mut now = serde_json::to_value(said).unwrap_or(Value::Null);
    merge(&mut now, patch);
    update(&app, &identity, before, &headers, &read(now)?).await
}

async fn update(
    app: &App,
    identity: &Identity,
    before: TenantRecord,
    headers: &HeaderMap,
    form: &TenantForm,
) -> Result<Response, Refusal> {
    let id = before.spec.id.clone();
    if form.id.as_deref().is_some_and(|given| given != id.as_str()) {
        return Err(Refusal::invalid(
            "id",
            "an id is never changed; make another tenant",
        ));
    }
    let expected = expected(headers, before.version)?;
    let (spec, limits) = form.spec(app, identity, id)?;
    let what = |spec: &TenantSpec, limits: &str| {
        serde_json::to_value(said(spec, limits_form(limits))).unwrap_or(Value::Null)
    };
    let detail = changed(&what(&before.spec, &before.limits), &what(&spec, &limits));
    let record = TenantRecord {
        spec,
        limits,
        updated_at: clock::since_epoch().as_secs(),
        ..before
    };
    put(app, record, expected, StatusCode::OK, Some(detail)).await
}

/// Deletes a tenant that has neither keys nor tenants below it.
#[utoipa::path(delete, path = "/admin/v1/tenants/{id}", tag = "Tenants",
    params(("id" = String, Path, description = "The tenant's id")),
    responses((status = 200, description = "It is gone", body = Deleted)))]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    identity: Identity,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let _one_at_a_time = app.writes.lock().await;
    let before = record(&app, &identity, &id).await?;
    let tenant = &before.spec.id;
    let expected = expected(&headers, before.version)?;
    // The store knows of its own keys and tenants; those of the file are seen here.
    let tree = app.node.tenants();
    let keys = app.node.keys();
    let child = tree
        .below(tenant)
        .next()
        .map(|child| format!("the tenant `{}`", child.id));
    let mut of_file = keys.file().iter();
    let key = of_file.find(|key| key.spec().tenant.as_ref() == Some(tenant));
    let user = child.or_else(|| key.map(|key| format!("the key `{}`", key.id())));
    if let Some(user) = user {
        return Err(Refusal::conflict(
            "in_use",
            format!("the tenant `{id}` is still used by {user}; move or delete that first"),
        ));
    }
    app.store.delete_tenant(tenant, expected).await?;
    in_force(&app, Changed::Tenants).await?;
    Ok(json(StatusCode::OK, &Deleted::new("tenant", id)))
}
