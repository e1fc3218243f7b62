//! Draining a node.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::App;
use crate::answer::json;

pub(crate) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(begin, end))
}

/// Whether the node drains.
#[derive(Serialize, ToSchema)]
pub(crate) struct DrainState {
    /// Always `drain`.
    object: &'static str,
    /// Whether it drains: it is not ready, and goes on serving what comes.
    draining: bool,
}

/// Begins to drain: readiness fails, so that load balancers send nothing more, and what comes is still served.
#[utoipa::path(post, path = "/admin/v1/drain", tag = "Drain",
    responses((status = 200, description = "It drains", body = DrainState)))]
async fn begin(State(app): State<Arc<App>>) -> Response {
    set(&app, true).await
}

/// Ends the drain.
#[utoipa::path(delete, path = "/admin/v1/drain", tag = "Drain",
    responses((status = 200, description = "It does not drain", body = DrainState)))]
async fn end(State(app): State<Arc<App>>) -> Response {
    set(&app, false).await
}

async fn set(app: &App, draining: bool) -> Response {
    app.node.drain(draining).await;
    let state = DrainState {
        object: "drain",
        draining,
    };
    json(StatusCode::OK, &state)
}
