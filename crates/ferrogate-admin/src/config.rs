//! The configuration.

mod apply;
mod document;
mod history;
mod question;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::App;
use crate::answer::{json, tagged};
use crate::node::{Check, ConfigRefusal};
use crate::refusal::Refusal;
use document::{Wrapper, read};

pub(crate) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(
            current,
            apply::create,
            apply::replace,
            apply::back_to_file
        ))
        .routes(routes!(validate))
        .routes(routes!(diff))
        .routes(routes!(apply::reload))
        .routes(routes!(question::explain))
        .routes(routes!(history::history))
        .routes(routes!(history::rollback))
}

/// The configuration in force.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConfigView {
    /// Always `config`.
    object: &'static str,
    /// Where it is from: `file` or `api`.
    source: &'static str,
    /// Its revision, which is the `ETag`.
    revision: String,
    /// Its number in the history; nothing when it is the file's.
    version: Option<u64>,
    /// What it is written in: `caddyfile`, `toml` or `json`.
    format: &'static str,
    /// The file the process was started with.
    file: Option<String>,
    /// Its text with secrets scrubbed.
    text: String,
}

/// The configuration in force, with secrets scrubbed.
#[utoipa::path(get, path = "/admin/v1/config", tag = "Configuration",
    responses((status = 200, description = "The configuration", body = ConfigView)))]
async fn current(State(app): State<Arc<App>>) -> Response {
    let config = app.node.config().await;
    let view = ConfigView {
        object: "config",
        source: if config.version.is_some() {
            "api"
        } else {
            "file"
        },
        revision: config.revision.clone(),
        version: config.version,
        format: config.format.as_str(),
        file: config.file,
        text: config.text,
    };
    tagged(json(StatusCode::OK, &view), config.revision)
}

/// Checks a document, or the file when there is none. Nothing is changed.
#[utoipa::path(post, path = "/admin/v1/config/validate", tag = "Configuration",
    request_body(content((Wrapper = "application/json"), (String = "text/caddyfile"), (String = "application/toml"))),
    responses((status = 200, description = "It could be applied: `valid` is true", body = Value)))]
async fn validate(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let source = read(request).await?;
    let found = app
        .node
        .check(&source, Check::Validate)
        .await
        .map_err(refused)?;
    let mut members = match found {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    members.insert("valid".to_owned(), true.into());
    Ok(json(StatusCode::OK, &members))
}

/// Says what a document, or the file when there is none, would change. Nothing is changed.
#[utoipa::path(post, path = "/admin/v1/config/diff", tag = "Configuration",
    request_body(content((Wrapper = "application/json"), (String = "text/caddyfile"), (String = "application/toml"))),
    responses((status = 200, description = "What would change", body = Value)))]
async fn diff(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let source = read(request).await?;
    let found = app
        .node
        .check(&source, Check::Diff)
        .await
        .map_err(refused)?;
    Ok(json(StatusCode::OK, &found))
}

/// Why a document was not taken.
fn refused(refusal: ConfigRefusal) -> Refusal {
    match refusal {
        ConfigRefusal::Invalid(diagnostics) => Refusal::unprocessable(
            "invalid_config",
            format!(
                "the configuration has {} problems, see `diagnostics`; nothing was changed",
                diagnostics.len()
            ),
        )
        .with_diagnostics(diagnostics),
        ConfigRefusal::UpgradeRequired(settings) => Refusal::conflict(
            "upgrade_required",
            format!(
                "only a new process can take a change of {}; run `ferrogate reload --graceful-upgrade`, or restart",
                settings.join(", ")
            ),
        )
        .with_settings(settings),
        ConfigRefusal::NotAvailable(reason) => {
            Refusal::new(StatusCode::NOT_IMPLEMENTED, "not_available", reason)
        }
    }
}
