//! Tenants.

mod view;
mod write;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ferrogate_storage::{TenantStore as _, tenant_from_store};
use ferrogate_types::TenantId;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::App;
use crate::answer::{json, tagged};
use crate::documents::AT_ONCE;
use crate::extract::{Id, Params};
use crate::identity::Identity;
use crate::limits::LimitsForm;
use crate::page::{List, Size, list_params};
use crate::refusal::Refusal;
use view::{TenantView, of_file, of_store};

pub(crate) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, write::create))
        .routes(routes!(one, write::replace, write::change, write::delete))
}

list_params! {
    /// Which tenants are wanted.
    ListTenants {
        /// Only those that are a part of this one, directly.
        parent: Option<String>,
        /// Only those written there: `file` or `api`.
        source: Option<String>,
    }
}

/// Tenants in the order of their ids.
#[utoipa::path(get, path = "/admin/v1/tenants", tag = "Tenants", params(ListTenants),
    responses((status = 200, description = "Tenants", body = List<TenantView>)))]
async fn list(
    State(app): State<Arc<App>>,
    identity: Identity,
    Params(params): Params<ListTenants>,
) -> Result<Response, Refusal> {
    let tree = app.node.tenants();
    let declared = app.node.declared();
    let mut views = Vec::new();
    for (id, limits) in &declared.tenants {
        if let Some(spec) = tree.get(id) {
            views.push(of_file(spec, LimitsForm::of(limits)));
        }
    }
    let mut after: Option<TenantId> = None;
    loop {
        let more = app.store.tenants(after.as_ref(), AT_ONCE).await?;
        after = more.last().map(|last| last.id.clone());
        for stored in &more {
            if !declared.tenants.contains_key(&stored.id) {
                views.push(of_store(&tenant_from_store(stored.clone())?));
            }
        }
        if more.len() < AT_ONCE as usize {
            break;
        }
    }
    let rows = views.into_iter().filter(|view| {
        let id = view.id.parse().ok();
        identity.reaches(id.as_ref())
            && params
                .parent
                .as_ref()
                .is_none_or(|parent| view.said.parent.as_ref() == Some(parent))
            && params
                .source
                .as_ref()
                .is_none_or(|source| view.source == source)
    });
    let rows = rows.map(|view| (view.id.clone(), view)).collect();
    let list = List::of_all(rows, &params.asked(), Size::RESOURCES);
    Ok(json(StatusCode::OK, &list))
}

/// One tenant.
#[utoipa::path(get, path = "/admin/v1/tenants/{id}", tag = "Tenants",
    params(("id" = String, Path, description = "The tenant's id")),
    responses((status = 200, description = "The tenant", body = TenantView)))]
async fn one(
    State(app): State<Arc<App>>,
    identity: Identity,
    Id(id): Id,
) -> Result<Response, Refusal> {
    let not_found = || Refusal::not_found("tenant", &id);
    let tenant: TenantId = id.parse().map_err(|_| not_found())?;
    if !identity.reaches(Some(&tenant)) {
        return Err(not_found());
    }
    let (tree, declared) = (app.node.tenants(), app.node.declared());
    if let (Some(spec), Some(limits)) = (tree.get(&tenant), declared.tenants.get(&tenant)) {
        return Ok(json(StatusCode::OK, &of_file(spec, LimitsForm::of(limits))));
    }
    let stored = app.store.tenant(&tenant).await?.ok_or_else(not_found)?;
    let record = tenant_from_store(stored)?;
    Ok(tagged(
        json(StatusCode::OK, &of_store(&record)),
        record.version,
    ))
}
