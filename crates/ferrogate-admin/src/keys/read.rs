//! Looking at keys.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ferrogate_auth::{Issued, Key};
use ferrogate_types::{TenantId, UserId, clock};
use http::StatusCode;

use super::view::{KeyView, status, view};
use crate::admin::App;
use crate::answer::{json, tagged};
use crate::extract::{Id, Params};
use crate::identity::Identity;
use crate::page::{List, Size, list_params};
use crate::refusal::Refusal;

list_params! {
    /// Which keys are wanted.
    ListKeys {
        /// Only those of this tenant.
        tenant: Option<String>,
        /// Only those written there: `file` or `api`.
        source: Option<String>,
        /// Only those that can be used, or cannot.
        active: Option<bool>,
        /// Only those with this text in the id, the name or the user, whatever its case.
        q: Option<String>,
    }
}

/// All keys within reach of the caller, those of the file and those of the store.
pub(super) fn all(app: &App, identity: &Identity) -> Vec<(Arc<Key>, Option<Arc<Issued>>)> {
    let keys = app.node.keys();
    let file = keys.file().iter().map(|key| (Arc::clone(key), None));
    let issued = keys.lasting().issued.list().into_iter();
    let issued = issued.map(|issued| (Arc::clone(issued.key()), Some(issued)));
    // One of the file hides one of the store.
    let issued = issued.filter(|(key, _)| keys.file().get(key.id().as_str()).is_none());
    file.chain(issued)
        .filter(|(key, _)| identity.reaches(key.spec().tenant.as_ref()))
        .collect()
}

/// Keys in the order of their ids.
#[utoipa::path(get, path = "/admin/v1/api-keys", tag = "API keys", params(ListKeys),
    responses((status = 200, description = "Keys", body = List<KeyView>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    identity: Identity,
    Params(params): Params<ListKeys>,
) -> Result<Response, Refusal> {
    let now = clock::since_epoch().as_secs();
    let wanted = params.q.as_ref().map(|text| text.to_lowercase());
    let rows = all(&app, &identity)
        .into_iter()
        .filter_map(|(key, issued)| {
            let view = view(&app, &key, issued.as_deref().map(Issued::record), now);
            let spec = key.spec();
            let source = if issued.is_some() { "api" } else { "file" };
            let tenant = spec.tenant.as_ref().map(TenantId::as_str);
            let names = [
                Some(spec.id.as_str()),
                spec.name.as_deref(),
                spec.user.as_ref().map(UserId::as_str),
            ];
            let has = |text: &String| {
                let mut names = names.iter().flatten();
                names.any(|name| name.to_lowercase().contains(text))
            };
            let fits = params
                .tenant
                .as_deref()
                .is_none_or(|wanted| tenant == Some(wanted))
                && params
                    .source
                    .as_deref()
                    .is_none_or(|wanted| source == wanted)
                && params
                    .active
                    .is_none_or(|wanted| (status(&key, now) == "active") == wanted)
                && wanted.as_ref().is_none_or(has);
            fits.then(|| (spec.id.to_string(), view))
        });
    let list = List::of_all(rows.collect(), &params.asked(), Size::RESOURCES);
    Ok(json(StatusCode::OK, &list))
}

/// One key.
#[utoipa::path(get, path = "/admin/v1/api-keys/{id}", tag = "API keys",
    params(("id" = String, Path, description = "The key's id")),
    responses((status = 200, description = "The key", body = KeyView)))]
pub(super) async fn one(
    State(app): State<Arc<App>>,
    identity: Identity,
    Id(id): Id,
) -> Result<Response, Refusal> {
    let now = clock::since_epoch().as_secs();
    let keys = app.node.keys();
    let key = keys
        .get(&id)
        .filter(|key| identity.reaches(key.spec().tenant.as_ref()));
    let key = key.ok_or_else(|| Refusal::not_found("key", &id))?;
    let issued = keys
        .file()
        .get(&id)
        .is_none()
        .then(|| keys.lasting().issued.get(&id));
    let issued = issued.flatten();
    let record = issued.as_deref().map(Issued::record);
    let response = json(StatusCode::OK, &view(&app, &key, record, now));
    Ok(match record {
        Some(record) => tagged(response, record.version),
        None => response,
    })
}
