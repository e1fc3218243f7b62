//! Looking at records of calls, and deleting old ones.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ferrogate_storage::RequestLogStore as _;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::filter::LogParams;
use super::require_records;
use super::row::{LogDetail, LogRow, TracedRow};
use crate::admin::App;
use crate::answer::{json as answer, noted};
use crate::extract::{Id, Params};
use crate::identity::Identity;
use crate::page::{List, Size};
use crate::refusal::Refusal;
use crate::time::moment;

/// What was deleted.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogsDeleted {
    /// How many records.
    deleted: u64,
    /// Whether that were all of them; ask again when not.
    complete: bool,
    /// What was asked for.
    filters: Value,
}

/// Rows deleted at once, so that others get their turn.
const AT_ONCE: u32 = 1_000;
/// Turns of one request.
const TURNS: u32 = 1_000;

/// Records of calls, newest first.
#[utoipa::path(get, path = "/admin/v1/request-logs", tag = "Request logs", params(LogParams),
    responses((status = 200, description = "Records", body = List<LogRow>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    identity: Identity,
    Params(params): Params<LogParams>,
) -> Result<Response, Refusal> {
    require_records(&app)?;
    let filter = params.filter(&identity)?;
    let page = params.asked().page(Size::RECORDS)?;
    let listing = app.logs.logs(&filter, page).await?;
    let returned = listing.rows.len();
    let mut list = List::of_listing(listing, page, |stored| LogRow::of(&stored.log));
    list.summary = Some(json!({ "total_entries": list.total, "returned_entries": returned }));
    list.filters = Some(params.shown());
    Ok(answer(StatusCode::OK, &list))
}

/// One call by its request id, with why it went where it went.
#[utoipa::path(get, path = "/admin/v1/request-logs/{id}", tag = "Request logs",
    params(("id" = String, Path, description = "The request id")),
    responses((status = 200, description = "The call", body = LogDetail)))]
pub(super) async fn one(
    State(app): State<Arc<App>>,
    identity: Identity,
    Id(id): Id,
) -> Result<Response, Refusal> {
    require_records(&app)?;
    let logs = app.logs.logs_of(&id).await?;
    let logs: Vec<_> = logs
        .into_iter()
        .filter(|stored| identity.reaches(stored.log.tenant.as_ref()))
        .collect();
    let last = logs
        .last()
        .ok_or_else(|| Refusal::not_found("request", &id))?;
    let TracedRow { row, trace } = TracedRow::of(&last.log);
    let detail = LogDetail {
        object: "request_log",
        row,
        trace,
        calls: logs
            .iter()
            .map(|stored| TracedRow::of(&stored.log))
            .collect(),
    };
    Ok(answer(StatusCode::OK, &detail))
}

/// Deletes records from before a moment.
#[utoipa::path(delete, path = "/admin/v1/request-logs", tag = "Request logs", params(LogParams),
    responses((status = 200, description = "How many are gone", body = LogsDeleted)))]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    identity: Identity,
    Params(params): Params<LogParams>,
) -> Result<Response, Refusal> {
    require_records(&app)?;
    identity.require_operator()?;
    let before = moment("before", params.before.as_ref())?;
    let before = before.ok_or_else(|| {
        Refusal::parameter(
            "before",
            "name with `before` the time before which records are deleted",
        )
    })?;
    let ignored = [
        ("q", &params.q),
        ("since", &params.since),
        ("until", &params.until),
    ];
    if let Some((name, _)) = ignored.iter().find(|(_, value)| value.is_some()) {
        return Err(Refusal::parameter(
            name,
            format!("a deletion is not narrowed by `{name}`; leave it out"),
        ));
    }
    let filter = params.filter(&identity)?;
    let (mut deleted, mut complete) = (0_u64, false);
    for _ in 0..TURNS {
        let gone = app.logs.delete_logs(before, &filter, AT_ONCE).await?;
        deleted = deleted.saturating_add(gone);
        complete = gone < u64::from(AT_ONCE);
        if complete {
            break;
        }
    }
    let mut filters = params.shown();
    if let Some(filters) = filters.as_object_mut() {
        filters.insert("before".to_owned(), before.to_string().into());
    }
    let detail = json!({ "deleted": deleted, "filters": filters });
    let body = LogsDeleted {
        deleted,
        complete,
        filters,
    };
    Ok(noted(answer(StatusCode::OK, &body), None, Some(detail)))
}
