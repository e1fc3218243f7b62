//! Putting another configuration in force.
//!
//! First the document is checked, then the store is told, then the process takes it: a store that is down changes
//! nothing, and a node that starts in between finds what was written.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use ferrogate_storage::{ConfigStore as _, NewRevision, Revision};
use ferrogate_types::{Timestamp, clock};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::document::{Wrapper, read};
use super::refused;
use crate::admin::App;
use crate::answer::{json as answer, noted, tagged};
use crate::identity::Identity;
use crate::node::{Check, ConfigSource};
use crate::precondition::require_match;
use crate::refusal::Refusal;

/// A configuration that is in force now.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConfigChange {
    /// Always `config_change`.
    object: &'static str,
    /// `created`, `updated`, `deleted`, `reloaded` or `rolled_back`.
    status: &'static str,
    /// Its revision, which is the `ETag`.
    revision: String,
    /// Its number in the history; nothing when it is the file's.
    version: Option<u64>,
    /// What changed.
    changed: Vec<String>,
    /// Warnings.
    diagnostics: Vec<Value>,
    /// The number that was brought back.
    #[serde(skip_serializing_if = "Option::is_none")]
    rolled_back_to: Option<u64>,
    /// How many numbers the history has.
    #[serde(skip_serializing_if = "Option::is_none")]
    current_history_size: Option<u64>,
}

/// What is done, and how that is answered.
pub(super) struct Change<'a> {
    pub(super) status: &'static str,
    pub(super) code: StatusCode,
    pub(super) headers: &'a HeaderMap,
    pub(super) rolled_back_to: Option<u64>,
}

impl<'a> Change<'a> {
    fn new(status: &'static str, headers: &'a HeaderMap) -> Self {
        Self {
            status,
            code: StatusCode::OK,
            headers,
            rolled_back_to: None,
        }
    }
}

/// Puts a document in force, and keeps it.
#[utoipa::path(post, path = "/admin/v1/config", tag = "Configuration",
    request_body(content((Wrapper = "application/json"), (String = "text/caddyfile"), (String = "application/toml"))),
    responses((status = 201, description = "It is in force", body = ConfigChange)))]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    identity: Identity,
    request: Request,
) -> Result<Response, Refusal> {
    let headers = request.headers().clone();
    let change = Change {
        code: StatusCode::CREATED,
        ..Change::new("created", &headers)
    };
    apply(&app, &identity, written(request).await?, change).await
}

/// Puts a document in force, and keeps it.
#[utoipa::path(put, path = "/admin/v1/config", tag = "Configuration",
    request_body(content((Wrapper = "application/json"), (String = "text/caddyfile"), (String = "application/toml"))),
    responses((status = 200, description = "It is in force", body = ConfigChange)))]
pub(super) async fn replace(
    State(app): State<Arc<App>>,
    identity: Identity,
    request: Request,
) -> Result<Response, Refusal> {
    let headers = request.headers().clone();
    let change = Change::new("updated", &headers);
    apply(&app, &identity, written(request).await?, change).await
}

/// Puts the file in force again. The history stays.
#[utoipa::path(delete, path = "/admin/v1/config", tag = "Configuration",
    responses((status = 200, description = "The file is in force", body = ConfigChange)))]
pub(super) async fn back_to_file(
    State(app): State<Arc<App>>,
    identity: Identity,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let change = Change::new("deleted", &headers);
    apply(&app, &identity, ConfigSource::File, change).await
}

/// Puts a document in force and keeps it, or reads the file again when there is none.
#[utoipa::path(post, path = "/admin/v1/config/reload", tag = "Configuration",
    request_body(content((Wrapper = "application/json"), (String = "text/caddyfile"), (String = "application/toml"))),
    responses((status = 200, description = "It is in force", body = ConfigChange)))]
pub(super) async fn reload(
    State(app): State<Arc<App>>,
    identity: Identity,
    request: Request,
) -> Result<Response, Refusal> {
    let headers = request.headers().clone();
    let change = Change::new("reloaded", &headers);
    apply(&app, &identity, read(request).await?, change).await
}

async fn written(request: Request) -> Result<ConfigSource, Refusal> {
    match read(request).await? {
        ConfigSource::File => Err(Refusal::unprocessable(
            "missing_document",
            "send the whole document; to go back to the file, use DELETE",
        )),
        source @ ConfigSource::Text { .. } => Ok(source),
    }
}

pub(super) async fn apply(
    app: &App,
    identity: &Identity,
    source: ConfigSource,
    change: Change<'_>,
) -> Result<Response, Refusal> {
    let _one_at_a_time = app.writes.lock().await;
    let in_force = app.node.config().await;
    require_match(change.headers, &in_force.revision)?;
    app.node
        .check(&source, Check::Validate)
        .await
        .map_err(refused)?;
    let before = app.store.active_revision().await?;
    let kept = keep(app, identity, &source, change.rolled_back_to).await?;
    let version = kept.as_ref().map(|kept| kept.version);
    let applied = match app.node.apply(&source, version).await {
        Ok(applied) => applied,
        Err(refusal) => {
            restore(app, before).await;
            return Err(refused(refusal));
        }
    };
    let view = ConfigChange {
        object: "config_change",
        status: change.status,
        revision: applied.revision.clone(),
        version,
        changed: applied.changed,
        diagnostics: applied.diagnostics,
        rolled_back_to: change.rolled_back_to,
        current_history_size: change.rolled_back_to.and(version),
    };
    let response = tagged(answer(change.code, &view), &applied.revision);
    let detail = json!({ "revision": applied.revision, "version": version });
    Ok(noted(response, None, Some(detail)))
}

/// Tells the store what will be in force; nothing to keep of the file.
async fn keep(
    app: &App,
    identity: &Identity,
    source: &ConfigSource,
    rolled_back_from: Option<u64>,
) -> Result<Option<Revision>, Refusal> {
    let ConfigSource::Text { text, format, .. } = source else {
        app.store.clear_active_revision().await?;
        return Ok(None);
    };
    let revision = NewRevision {
        text: text.clone(),
        format: format.as_str().to_owned(),
        author: identity.actor(),
        created_at: Timestamp::from_epoch(clock::since_epoch()),
        rolled_back_from,
    };
    Ok(Some(app.store.apply_revision(&revision, None).await?))
}

/// Tells the store that what was in force still is.
async fn restore(app: &App, before: Option<Revision>) {
    let told = match before {
        None => app.store.clear_active_revision().await,
        Some(before) => {
            let again = NewRevision {
                text: before.text,
                format: before.format,
                author: before.author,
                created_at: Timestamp::from_epoch(clock::since_epoch()),
                rolled_back_from: Some(before.version),
            };
            app.store.apply_revision(&again, None).await.map(|_| ())
        }
    };
    if let Err(error) = told {
        tracing::error!(%error, "the store believes that a configuration is in force which was refused");
    }
}
