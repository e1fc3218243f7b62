//! The audit trail.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ferrogate_storage::{AuditFilter, AuditRow, AuditStore as _, AuditVerdict};
use ferrogate_types::Timestamp;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::App;
use crate::answer::json;
use crate::extract::Params;
use crate::page::{List, Size, list_params};
use crate::refusal::Refusal;
use crate::time::moment;

pub(crate) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(verify))
}

/// A row of the audit trail. `hash` is the SHA-256 of `prev_hash` followed by the row as compact JSON without `hash`, its
/// members in this order.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditView {
    /// Counts from one without gaps.
    seq: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    occurred_at: Timestamp,
    /// What: `key.create`.
    action: String,
    /// Who: `key:ID`, `token:SUBJECT` or `master-key`.
    actor_id: String,
    /// To what.
    target_id: Option<String>,
    /// How it ended: `ok`, `denied` or `error`.
    outcome: String,
    /// From where.
    source_ip: Option<String>,
    /// What else is known.
    detail: Value,
    /// The hash of the row before.
    prev_hash: String,
    /// The hash of this row.
    hash: String,
}

/// What checking the audit trail found.
#[derive(Serialize, ToSchema)]
pub(crate) struct Verification {
    /// Always `audit_verification`.
    object: &'static str,
    /// Whether every row is what was once written. Rows cut off at the end are not seen: keep `head` elsewhere.
    intact: bool,
    /// How many rows there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    /// The hash of the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<String>,
    /// The first row that is not what it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken_at: Option<u64>,
    /// What is wrong there.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

list_params! {
    /// Which rows are wanted.
    ListAudit {
        /// Only this action.
        action: Option<String>,
        /// Only what this actor did.
        actor_id: Option<String>,
        /// Only what was done to this.
        target_id: Option<String>,
        /// Only what ended so: `ok`, `denied` or `error`.
        outcome: Option<String>,
        /// Not before this.
        #[param(value_type = Option<String>, format = DateTime)]
        since: Option<String>,
        /// Before this.
        #[param(value_type = Option<String>, format = DateTime)]
        until: Option<String>,
    }
}

impl AuditView {
    fn of(row: AuditRow) -> Self {
        Self {
            seq: row.seq,
            occurred_at: row.occurred_at,
            action: row.action,
            actor_id: row.actor_id,
            target_id: row.target_id,
            outcome: row.outcome,
            source_ip: row.source_ip,
            detail: serde_json::from_str(&row.detail).unwrap_or(Value::Null),
            prev_hash: row.prev_hash,
            hash: row.hash,
        }
    }
}

/// What was done and what was refused, newest first.
#[utoipa::path(get, path = "/admin/v1/audit-events", tag = "Audit", params(ListAudit),
    responses((status = 200, description = "Rows", body = List<AuditView>)))]
async fn list(
    State(app): State<Arc<App>>,
    Params(params): Params<ListAudit>,
) -> Result<Response, Refusal> {
    let filter = AuditFilter {
        since: moment("since", params.since.as_ref())?,
        until: moment("until", params.until.as_ref())?,
        action: params.action.clone(),
        actor_id: params.actor_id.clone(),
        target_id: params.target_id.clone(),
        outcome: params.outcome.clone(),
    };
    let page = params.asked().page(Size::RECORDS)?;
    let listing = app.store.audit(&filter, page).await?;
    Ok(json(
        StatusCode::OK,
        &List::of_listing(listing, page, AuditView::of),
    ))
}

/// Checks every row against the one before.
#[utoipa::path(get, path = "/admin/v1/audit-events/verify", tag = "Audit",
    responses((status = 200, description = "What that found", body = Verification)))]
async fn verify(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    let mut found = Verification {
        object: "audit_verification",
        intact: false,
        rows: None,
        head: None,
        broken_at: None,
        reason: None,
    };
    match app.store.verify_audit().await? {
        AuditVerdict::Intact { rows, head } => {
            found.intact = true;
            found.rows = Some(rows);
            found.head = Some(head);
        }
        AuditVerdict::Broken { seq, reason } => {
            found.broken_at = Some(seq);
            found.reason = Some(reason);
        }
    }
    Ok(json(StatusCode::OK, &found))
}
