//! Billing events.

mod row;
mod settle;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ferrogate_storage::{EventFilter, LedgerStore as _};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::App;
use crate::answer::json;
use crate::extract::Params;
use crate::identity::Identity;
use crate::page::{List, Size, list_params};
use crate::refusal::Refusal;
use crate::request_logs::within_reach;
use crate::time::moment;
use crate::usage::name;
use row::EventRow;

pub(crate) use settle::Settled;

pub(crate) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(settle::settle))
}

list_params! {
    /// Which events are wanted.
    ListEvents {
        /// Only what this key pays.
        key: Option<String>,
        /// Only what this tenant pays. A tenant's principal sees its own, or one below it.
        tenant: Option<String>,
        /// Only calls for this model.
        model: Option<String>,
        /// Only calls this provider answered.
        provider: Option<String>,
        /// Only those that are uncertain, or are not.
        uncertain: Option<bool>,
        /// Not before this.
        #[param(value_type = Option<String>, format = DateTime)]
        since: Option<String>,
        /// Before this.
        #[param(value_type = Option<String>, format = DateTime)]
        until: Option<String>,
    }
}

/// What calls cost, newest first.
#[utoipa::path(get, path = "/admin/v1/billing-events", tag = "Billing", params(ListEvents),
    responses((status = 200, description = "Events", body = List<EventRow>)))]
async fn list(
    State(app): State<Arc<App>>,
    identity: Identity,
    Params(params): Params<ListEvents>,
) -> Result<Response, Refusal> {
    let filter = EventFilter {
        key: name("key", params.key.as_ref())?,
        tenant: match within_reach(&identity, params.tenant.as_deref())? {
            Some(tenant) => tenant.parse().ok(),
            None => name("tenant", params.tenant.as_ref())?,
        },
        model: name("model", params.model.as_ref())?,
        provider: name("provider", params.provider.as_ref())?,
        uncertain: params.uncertain,
        since: moment("since", params.since.as_ref())?,
        until: moment("until", params.until.as_ref())?,
    };
    let page = params.asked().page(Size::RECORDS)?;
    let listing = app.store.billing_events(&filter, page).await?;
    let list = List::of_listing(listing, page, |event| EventRow::of(&event));
    Ok(json(StatusCode::OK, &list))
}
