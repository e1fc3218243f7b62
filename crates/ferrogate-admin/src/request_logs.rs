//! Records of model calls.

mod filter;
mod read;
mod row;
mod stats;
mod tail;

use std::sync::Arc;

use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::App;
use crate::refusal::Refusal;

pub(crate) use filter::within_reach;
pub(crate) use tail::Tails;

pub(crate) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(read::list, read::delete))
        .routes(routes!(stats::stats))
        .routes(routes!(tail::tail))
        .routes(routes!(read::one))
}

/// Refuses where no call is recorded.
fn require_records(app: &App) -> Result<(), Refusal> {
    if app.node.records_calls() {
        Ok(())
    } else {
        Err(Refusal::new(
            StatusCode::NOT_IMPLEMENTED,
            "request_logs_off",
            "calls are not recorded; switch request logs on in the configuration and reload",
        ))
    }
}
