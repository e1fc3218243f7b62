//! Making, changing and deleting keys.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ferrogate_auth::{GeneratedHashes, GeneratedKey, Issued, KeyChange, KeyCredential, KeyRecord};
use ferrogate_storage::{Expected, KeyStore as _};
use ferrogate_types::{KeyId, ScopeSet, clock};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::form::KeyForm;
use super::view::{KeyView, NewKey, said, view};
use super::{end_sessions, issued, new_id, put};
use crate::admin::App;
use crate::answer::{Deleted, json, noted, tagged};
use crate::extract::{Id, Json, Patch, read};
use crate::identity::Identity;
use crate::merge::{changed, merge};
use crate::precondition::expected;
use crate::refusal::Refusal;

/// Makes a key. Its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/admin/v1/api-keys", tag = "API keys", request_body = KeyForm,
    responses((status = 201, description = "The key, with its secret", body = NewKey)))]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    identity: Identity,
    Json(form): Json<KeyForm>,
) -> Result<Response, Refusal> {
    let _one_at_a_time = app.writes.lock().await;
    let asked: Option<KeyId> = form.id.as_deref().map(new_id).transpose()?;
    let taken = asked
        .as_ref()
        .filter(|id| app.node.keys().get(id.as_str()).is_some());
    if let Some(id) = taken {
        return Err(Refusal::conflict(
            "already_exists",
            format!("there already is a key `{id}`; choose another id, or leave it out"),
        )
        .about("id"));
    }
    let generated = GeneratedKey::new(asked)?;
    let credential = KeyCredential::Generated(GeneratedHashes::new(generated.digest));
    let (spec, limits) = form.spec(&app, &identity, generated.id.clone(), credential)?;
    identity.require_to_hold(spec.scopes)?;
    let now = clock::since_epoch().as_secs();
    let record = KeyRecord {
        spec,
        limits,
        created_at: now,
        updated_at: now,
        rotated_at: None,
        revoked_at: None,
        last_used_at: None,
        usage_count: 0,
        version: 0,
    };
    let issued = put(&app, record, Expected::Absent).await?;
    let key = NewKey {
        key: view(&app, issued.key(), Some(issued.record()), now),
        secret: Some(generated.secret.expose().to_owned()),
        previous_valid_until: None,
    };
    let response = tagged(json(StatusCode::CREATED, &key), issued.record().version);
    Ok(noted(response, Some(generated.id.to_string()), None))
}

/// Says anew what is said of a key. What is left out is as if the key were new.
#[utoipa::path(put, path = "/admin/v1/api-keys/{id}", tag = "API keys", request_body = KeyForm,
    params(("id" = String, Path, description = "The key's id")),
    responses((status = 200, description = "The key", body = KeyView)))]
pub(super) async fn replace(
    State(app): State<Arc<App>>,
    identity: Identity,
    Id(id): Id,
    headers: HeaderMap,
    Json(form): Json<KeyForm>,
) -> Result<Response, Refusal> {
    let _one_at_a_time = app.writes.lock().await;
    let before = issued(&app, &identity, &id)?;
    update(&app, &identity, &before, &headers, &form).await
}

/// Changes what is said of a key: members that are given replace those that were, and `null` takes them away (RFC 7396).
#[utoipa::path(patch, path = "/admin/v1/api-keys/{id}", tag = "API keys", request_body = KeyForm,
    params(("id" = String, Path, description = "The key's id")),
    responses((status = 200, description = "The key", body = KeyView)))]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    identity: Identity,
    Id(id): Id,
    headers: HeaderMap,
    Patch(patch): Patch,
) -> Result<Response, Refusal> {
    let _one_at_a_time = app.writes.lock().await;
    let before = issued(&app, &identity, &id)?;
    let said = said(&app, before.key(), Some(before.record()));
    let mut now = serde_json::to_value(said).unwrap_or(Value::Null);
    merge(&mut now, patch);
    update(&app, &identity, &before, &headers, &read(now)?).await
}

async fn update(
    app: &App,
    identity: &Identity,
    before: &Issued,
    headers: &HeaderMap,
    form: &KeyForm,
) -> Result<Response, Refusal> {
    let record = before.record();
    let id = &record.spec.id;
    if form.id.as_deref().is_some_and(|given| given != id.as_str()) {
        return Err(Refusal::invalid(
            "id",
            "an id is never changed; make another key",
        ));
    }
    let expected = expected(headers, record.version)?;
    let credential = record.spec.credential.clone();
    let (spec, limits) = form.spec(app, identity, id.clone(), credential)?;
    let had = record.spec.scopes;
    let given: ScopeSet = spec
        .scopes
        .iter()
        .filter(|&scope| !had.contains(scope))
        .collect();
    let now = clock::since_epoch().as_secs();
    let change = KeyChange::Update {
        scopes: spec.scopes,
        disabled: spec.disabled,
        expires: spec.expires,
    };
    app.node
        .keys()
        .permit_change(&identity.principal, id, &change, now)?;
    identity.require_to_hold(given)?;
    let record = KeyRecord {
        spec,
        limits,
        updated_at: now,
        ..record.clone()
    };
    let after = put(app, record, expected).await?;
    let what = |issued: &Issued| {
        let said = said(app, issued.key(), Some(issued.record()));
        serde_json::to_value(said).unwrap_or(Value::Null)
    };
    let detail = changed(&what(before), &what(&after));
    let view = view(app, after.key(), Some(after.record()), now);
    let response = tagged(json(StatusCode::OK, &view), after.record().version);
    Ok(noted(response, None, Some(detail)))
}

/// Deletes a key. Revoking it keeps its name in the records.
#[utoipa::path(delete, path = "/admin/v1/api-keys/{id}", tag = "API keys",
    params(("id" = String, Path, description = "The key's id")),
    responses((status = 200, description = "It is gone", body = Deleted)))]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    identity: Identity,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let _one_at_a_time = app.writes.lock().await;
    let before = issued(&app, &identity, &id)?;
    let record = before.record();
    let expected = expected(&headers, record.version)?;
    let now = clock::since_epoch().as_secs();
    let keys = app.node.keys();
    keys.permit_change(
        &identity.principal,
        &record.spec.id,
        &KeyChange::Remove,
        now,
    )?;
    app.store.delete_key(&record.spec.id, expected).await?;
    keys.lasting().issued.remove(&record.spec.id);
    app.node.key_removed(&record.spec.id).await;
    end_sessions(&app, &record.spec.id).await;
    Ok(json(StatusCode::OK, &Deleted::new("api_key", id)))
}
