//! Configurations that were in force.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ferrogate_storage::{ConfigStore as _, Revision};
use ferrogate_types::Timestamp;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::apply::{Change, ConfigChange, apply};
use crate::admin::App;
use crate::answer::json as answer;
use crate::extract::{Id, Params};
use crate::identity::Identity;
use crate::node::{ConfigSource, Format};
use crate::page::{List, list_params};
use crate::refusal::Refusal;

/// A configuration that was applied. Its text is not shown, for it may hold secrets.
#[derive(Serialize, ToSchema)]
pub(crate) struct RevisionRow {
    /// Counts from one.
    version: u64,
    /// When it was applied.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// Who applied it.
    actor: String,
    /// What it is written in.
    format: String,
    /// SHA-256 of its text.
    checksum: String,
    /// The one it brought back.
    rolled_back_from: Option<u64>,
    /// Whether it is in force.
    active: bool,
}

list_params! {
    /// Which configurations are wanted.
    ListRevisions {
    }
}

/// Rows read at once: as many as the store gives with their texts.
const MOST: u32 = 100;

/// Configurations that were applied, newest first. The cursor is a version.
#[utoipa::path(get, path = "/admin/v1/config/history", tag = "Configuration", params(ListRevisions),
    responses((status = 200, description = "Configurations", body = List<RevisionRow>)))]
pub(super) async fn history(
    State(app): State<Arc<App>>,
    Params(params): Params<ListRevisions>,
) -> Result<Response, Refusal> {
    let asked = params.asked();
    let limit = asked.limit.unwrap_or(MOST).clamp(1, MOST);
    let cursor = asked.cursor.as_deref().map(|text| {
        text.parse::<u64>().map_err(|_| {
            Refusal::parameter(
                "cursor",
                "`cursor` is a version; leave it out to begin anew",
            )
        })
    });
    let before = cursor.transpose()?;
    let newest = app.store.revisions(None, 1).await?;
    let total = newest.first().map_or(0, |newest| newest.version);
    let offset = asked.offset.unwrap_or(0);
    // Versions count without gaps, so that leaving some out is beginning further down.
    let begin = before.unwrap_or(total.saturating_add(1));
    let begin = begin.saturating_sub(offset.into());
    let rows = app.store.revisions(Some(begin), limit).await?;
    let active = app
        .store
        .active_revision()
        .await?
        .map(|active| active.version);
    let last = rows.last().map(|last| last.version);
    let list = List {
        object: "list",
        data: rows.into_iter().map(|row| shown(row, active)).collect(),
        total,
        total_is_lower_bound: false,
        limit,
        offset,
        next_cursor: last.filter(|&last| last > 1).map(|last| last.to_string()),
        summary: Some(json!({ "total_versions": total })),
        filters: None,
    };
    Ok(answer(StatusCode::OK, &list))
}

fn shown(revision: Revision, active: Option<u64>) -> RevisionRow {
    RevisionRow {
        active: active == Some(revision.version),
        version: revision.version,
        updated_at: revision.created_at,
        actor: revision.author,
        format: revision.format,
        checksum: revision.checksum,
        rolled_back_from: revision.rolled_back_from,
    }
}

/// Puts a configuration of the history in force again, as a new version.
#[utoipa::path(post, path = "/admin/v1/config/rollback/{version}", tag = "Configuration",
    params(("version" = String, Path, description = "Its number in the history")),
    responses((status = 200, description = "It is in force", body = ConfigChange)))]
pub(super) async fn rollback(
    State(app): State<Arc<App>>,
    identity: Identity,
    Id(version): Id,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let not_found = || Refusal::not_found("version", &version);
    // The store counts in 63 bits.
    let number: u64 = version
        .parse()
        .ok()
        .filter(|&number| i64::try_from(number).is_ok())
        .ok_or_else(not_found)?;
    let revision = app.store.revision(number).await?.ok_or_else(not_found)?;
    let known = Format::ALL
        .iter()
        .find(|(name, _)| *name == revision.format);
    let Some((_, format)) = known else {
        return Err(Refusal::conflict(
            "foreign_format",
            format!(
                "the version `{number}` is written in `{}`, which this gateway does not read",
                revision.format
            ),
        ));
    };
    let source = ConfigSource::Text {
        text: revision.text,
        format: *format,
        filename: None,
    };
    let change = Change {
        status: "rolled_back",
        code: StatusCode::OK,
        headers: &headers,
        rolled_back_to: Some(number),
    };
    apply(&app, &identity, source, change).await
}
