//! How keys are used.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ferrogate_auth::Issued;
use ferrogate_types::{Subject, Timestamp, clock};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::read::all;
use super::view::{KeyView, status, view};
use crate::admin::App;
use crate::answer::json as answer;
use crate::budgets::{LimitRow, row};
use crate::extract::{Id, Params};
use crate::identity::Identity;
use crate::page::{List, Size, list_params};
use crate::records::moment;
use crate::refusal::Refusal;

list_params! {
    /// Which use is wanted.
    ListUse {
        /// By what it is sorted, the most first: `usage` or `last_used`.
        #[param(inline)]
        sort: Sort,
        /// Only keys that can be used, or cannot.
        active: Option<bool>,
        /// Only keys that were used since.
        #[param(value_type = Option<String>, format = DateTime)]
        since: Option<String>,
    }
}

/// By what keys are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sort {
    /// How often they were used.
    #[default]
    Usage,
    /// When they were used.
    LastUsed,
}

/// How a key is used, and what is left of its budgets.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyUsage {
    /// Always `key_usage`.
    object: &'static str,
    /// The key.
    key: String,
    /// How often it was used.
    usage_count: u64,
    /// When it was used last.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    /// The budgets that a call of it is charged to: its own, and those of the tenants above it.
    limits: Vec<LimitRow>,
}

/// Keys by their use. The list has no cursor, for its order changes while it is read.
#[utoipa::path(get, path = "/admin/v1/api-keys/usage", tag = "API keys", params(ListUse),
    responses((status = 200, description = "Keys, the most used first", body = List<KeyView>)))]
pub(super) async fn of_all(
    State(app): State<Arc<App>>,
    identity: Identity,
    Params(params): Params<ListUse>,
) -> Result<Response, Refusal> {
    let since = crate::time::moment("since", params.since.as_ref())?;
    let now = clock::since_epoch().as_secs();
    let mut keys = all(&app, &identity);
    let active = keys
        .iter()
        .filter(|(key, _)| status(key, now) == "active")
        .count();
    let uses = keys.iter().map(|(key, _)| key.activity().uses());
    let mut summary = json!({
        "total_keys": keys.len(),
        "active_keys": active,
        "total_usage": uses.fold(0, u64::saturating_add),
    });
    keys.retain(|(key, _)| {
        let used = key.activity().last_used().map(moment);
        params
            .active
            .is_none_or(|wanted| (status(key, now) == "active") == wanted)
            && since.is_none_or(|since| used.is_some_and(|used| used >= since))
    });
    keys.sort_by_key(|(key, _)| {
        let activity = key.activity();
        Reverse(match params.sort {
            Sort::Usage => activity.uses(),
            Sort::LastUsed => activity.last_used().unwrap_or(0),
        })
    });
    let asked = params.asked();
    let limit = Size::USE.of(asked.limit);
    let offset = asked.offset.unwrap_or(0);
    let total = keys.len();
    let page = keys
        .iter()
        .skip(usize::try_from(offset).unwrap_or(usize::MAX))
        .take(usize::try_from(limit).unwrap_or(usize::MAX));
    let data: Vec<_> = page
        .map(|(key, issued)| view(&app, key, issued.as_deref().map(Issued::record), now))
        .collect();
    if let Some(summary) = summary.as_object_mut() {
        summary.insert("returned_keys".to_owned(), data.len().into());
    }
    let list = List {
        object: "list",
        data,
        total: u64::try_from(total).unwrap_or(u64::MAX),
        total_is_lower_bound: false,
        limit,
        offset,
        next_cursor: None,
        summary: Some(summary),
        filters: Some(json!({
            "sort": params.sort,
            "active": params.active,
            "since": since,
        })),
    };
    Ok(answer(StatusCode::OK, &list))
}

/// How one key is used, and what is left of its budgets.
#[utoipa::path(get, path = "/admin/v1/api-keys/{id}/usage", tag = "API keys",
    params(("id" = String, Path, description = "The key's id")),
    responses((status = 200, description = "Its use", body = KeyUsage)))]
pub(super) async fn of_one(
    State(app): State<Arc<App>>,
    identity: Identity,
    Id(id): Id,
) -> Result<Response, Refusal> {
    let keys = app.node.keys();
    let key = keys
        .get(&id)
        .filter(|key| identity.reaches(key.spec().tenant.as_ref()));
    let key = key.ok_or_else(|| Refusal::not_found("key", &id))?;
    let tenants = app.node.tenants();
    let mut concerned = vec![Subject::Key(key.id().clone()), Subject::Global];
    if let Some(tenant) = &key.spec().tenant {
        concerned.extend(
            tenants
                .chain(tenant)
                .map(|tenant| Subject::Tenant(tenant.id.clone())),
        );
    }
    let now = clock::since_epoch();
    let states = app.ledger.book().states(now).into_iter();
    // What is left above the caller's own tenant is not for the caller to see.
    let shown = states.filter(|state| {
        let subject = &state.spec.subject;
        concerned.contains(subject) && identity.reaches_subject(subject, &keys)
    });
    let usage = KeyUsage {
        object: "key_usage",
        key: id,
        usage_count: key.activity().uses(),
        last_used_at: key.activity().last_used().map(moment),
        limits: shown.map(|state| row(&app, &state)).collect(),
    };
    Ok(answer(StatusCode::OK, &usage))
}
