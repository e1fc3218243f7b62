//! Budgets: what they say, and where they stand.

mod view;
mod write;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use ferrogate_billing::AccountState;
use ferrogate_storage::{DocumentKind, DocumentStore as _};
use ferrogate_types::{AccountId, Timestamp, clock};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::App;
use crate::answer::{json, tagged};
use crate::extract::{Id, Params};
use crate::identity::Identity;
use crate::page::{List, Size, list_params};
use crate::refusal::Refusal;
use view::{AmountView, is_of_holder, shown};

pub(crate) use view::{LimitRow, row};

pub(crate) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, write::create))
        .routes(routes!(one, write::replace, write::change, write::delete))
        .routes(routes!(reservations))
}

/// Something of a budget that is spoken for.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReservationRow {
    /// Its id: that of the billing event it will end in.
    id: String,
    /// The call.
    request_id: String,
    /// The key that calls.
    key: Option<String>,
    /// The model it calls.
    model: String,
    /// How much it holds.
    amount: AmountView,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    opened_at: Timestamp,
}

list_params! {
    /// Which budgets are wanted.
    ListBudgets {
        /// Only those of this: `global`, `tenant:ID`, `key:ID`.
        scope: Option<String>,
        /// Only those written there: `file` or `api`.
        source: Option<String>,
    }
}

list_params! {
    /// Which reservations are wanted.
    ListReservations {
    }
}

fn states(app: &App, identity: &Identity, now: Duration) -> Vec<AccountState> {
    let keys = app.node.keys();
    let mut states = app.ledger.book().states(now);
    states.retain(|state| identity.reaches_subject(&state.spec.subject, &keys));
    states
}

fn state(app: &App, identity: &Identity, id: &str) -> Result<AccountState, Refusal> {
    let not_found = || Refusal::not_found("budget", id);
    let account: AccountId = id.parse().map_err(|_| not_found())?;
    let state = app.ledger.book().state(&account, clock::since_epoch());
    let state = state.ok_or_else(not_found)?;
    let keys = app.node.keys();
    if identity.reaches_subject(&state.spec.subject, &keys) {
        Ok(state)
    } else {
        Err(not_found())
    }
}

/// Budgets, those of keys and tenants among them.
#[utoipa::path(get, path = "/admin/v1/budgets", tag = "Budgets", params(ListBudgets),
    responses((status = 200, description = "Budgets", body = List<LimitRow>)))]
async fn list(
    State(app): State<Arc<App>>,
    identity: Identity,
    Params(params): Params<ListBudgets>,
) -> Result<Response, Refusal> {
    let states = states(&app, &identity, clock::since_epoch());
    let rows = states
        .iter()
        .map(|state| (state.spec.id.to_string(), row(&app, state)));
    let rows = rows.filter(|(_, row)| {
        params
            .scope
            .as_ref()
            .is_none_or(|scope| row.scope == *scope)
            && params
                .source
                .as_ref()
                .is_none_or(|source| row.source == source)
    });
    let list = List::of_all(rows.collect(), &params.asked(), Size::RESOURCES);
    Ok(json(StatusCode::OK, &list))
}

/// One budget.
#[utoipa::path(get, path = "/admin/v1/budgets/{id}", tag = "Budgets",
    params(("id" = String, Path, description = "The budget's id")),
    responses((status = 200, description = "The budget", body = LimitRow)))]
async fn one(
    State(app): State<Arc<App>>,
    identity: Identity,
    Id(id): Id,
) -> Result<Response, Refusal> {
    let state = state(&app, &identity, &id)?;
    let response = json(StatusCode::OK, &row(&app, &state));
    if is_of_holder(&id) {
        return Ok(response);
    }
    let document = app.store.document(DocumentKind::Budget, &id).await?;
    Ok(match document {
        Some(document) => tagged(response, document.version),
        None => response,
    })
}

/// What is spoken for of a budget by calls under way on this node, the oldest first.
#[utoipa::path(get, path = "/admin/v1/budgets/{id}/reservations", tag = "Budgets",
    params(("id" = String, Path, description = "The budget's id"), ListReservations),
    responses((status = 200, description = "Reservations", body = List<ReservationRow>)))]
async fn reservations(
    State(app): State<Arc<App>>,
    identity: Identity,
    Id(id): Id,
    Params(params): Params<ListReservations>,
) -> Result<Response, Refusal> {
    let state = state(&app, &identity, &id)?;
    let open = app.ledger.reservations(&state.spec.id).await.into_iter();
    let rows = open.map(|open| {
        let row = ReservationRow {
            id: open.id.to_string(),
            request_id: open.call.request_id.to_string(),
            key: open.call.key.as_ref().map(ToString::to_string),
            model: open.call.model.to_string(),
            amount: shown(&state, open.held.amount),
            opened_at: Timestamp::from_epoch(open.opened_at),
        };
        // Ids of one process grow with time.
        (open.id.to_string(), row)
    });
    let list = List::of_all(rows.collect(), &params.asked(), Size::RESOURCES);
    Ok(json(StatusCode::OK, &list))
}
