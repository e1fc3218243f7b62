//! Making, changing and deleting budgets.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ferrogate_billing::AccountState;
use ferrogate_storage::{Document, DocumentKind, DocumentStore as _, Expected};
use ferrogate_types::{AccountId, Subject, clock};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::state;
use super::view::{LimitRow, is_of_holder, row, source};
use crate::accounts::{StoredBudget, budget_account, subject};
use crate::admin::App;
use crate::answer::{Deleted, json, noted, tagged};
use crate::documents;
use crate::extract::{Id, Json, Patch, read};
use crate::identity::Identity;
use crate::keys::new_id;
use crate::limits::{AmountForm, BudgetForm, BudgetUnit, Failure, Per};
use crate::merge::merge;
use crate::node::Changed;
use crate::precondition::expected;
use crate::refusal::Refusal;

/// A budget.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetDocument {
    /// Its id; never changed.
    #[serde(default)]
    #[schema(max_length = 64, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    id: Option<String>,
    /// Whose spending it limits: `global`, `tenant:ID` or `key:ID`.
    scope: String,
    /// How much; nothing at all blocks everything.
    amount: AmountForm,
    /// Of what.
    #[serde(default)]
    unit: BudgetUnit,
    /// How often it begins anew.
    per: Per,
    /// The IANA time zone of its calendar; UTC when it is left out.
    #[serde(default)]
    timezone: Option<String>,
    /// `block`, `warn` or `downgrade MODEL`; `block` when it is left out.
    #[serde(default)]
    on_exceed: Option<String>,
    /// What happens to a call that cannot be recorded; `closed` when it is left out.
    #[serde(default)]
    on_store_failure: Option<Failure>,
}

impl BudgetDocument {
    fn stored(&self, app: &App, identity: &Identity) -> Result<StoredBudget, Refusal> {
        let subject = subject(&self.scope)?;
        let keys = app.node.keys();
        let unknown = |what, id: &str| Refusal::unknown("scope", what, id);
        match &subject {
            // What is out of reach is as if it were not there.
            Subject::Tenant(id)
                if app.node.tenants().get(id).is_none() || !identity.reaches(Some(id)) =>
            {
                return Err(unknown("tenant", id.as_str()));
            }
            Subject::Key(id)
                if keys.get(id.as_str()).is_none() || !identity.reaches_key(id, &keys) =>
            {
                return Err(unknown("key", id.as_str()));
            }
            _ => {}
        }
        require_to_set(identity, &subject, app)?;
        let budget = BudgetForm {
            amount: self.amount.clone(),
            unit: self.unit,
            per: self.per,
            timezone: self.timezone.clone().unwrap_or_else(|| "UTC".to_owned()),
            on_exceed: self.on_exceed.clone().unwrap_or_else(|| "block".to_owned()),
            on_store_failure: self.on_store_failure.unwrap_or(Failure::Closed),
        };
        budget.budget()?;
        Ok(StoredBudget {
            scope: subject.to_string(),
            budget,
        })
    }
}

/// A tenant's own budgets, and everybody's, are set from above.
fn require_to_set(identity: &Identity, subject: &Subject, app: &App) -> Result<(), Refusal> {
    let may = match subject {
        Subject::Tenant(id) => identity.reaches_below(id),
        subject => identity.reaches_subject(subject, &app.node.keys()),
    };
    if may {
        Ok(())
    } else {
        Err(Refusal::forbidden(
            "tenant_denied",
            "a tenant's own budget is set from above it; name a tenant below it, or a key of it",
        )
        .about("scope"))
    }
}

/// The document of a budget that may be changed here.
async fn document(app: &App, identity: &Identity, id: &str) -> Result<Document, Refusal> {
    if is_of_holder(id) {
        let state = state(app, identity, id)?;
        if source(app, &state) == "file" {
            return Err(Refusal::managed_by_file("budget", id));
        }
        return Err(Refusal::conflict(
            "managed_by_holder",
            format!(
                "the budget `{id}` is written with {}; change it there",
                state.spec.subject
            ),
        ));
    }
    let not_found = || Refusal::not_found("budget", id);
    let document = app.store.document(DocumentKind::Budget, id).await?;
    let document = document.ok_or_else(not_found)?;
    let stored = StoredBudget::parse(&document.body).map_err(Refusal::damaged)?;
    let subject = subject(&stored.scope).map_err(Refusal::damaged)?;
    if !identity.reaches_subject(&subject, &app.node.keys()) {
        return Err(not_found());
    }
    require_to_set(identity, &subject, app)?;
    Ok(document)
}

async fn put(
    app: &App,
    document: Document,
    expected: Expected,
    status: StatusCode,
    detail: Option<Value>,
) -> Result<Response, Refusal> {
    let document = documents::put(app, document, expected, Changed::Budgets).await?;
    let spec = budget_account(&document, false).map_err(Refusal::damaged)?;
    let now = clock::since_epoch();
    let state = app
        .ledger
        .book()
        .state(&spec.id, now)
        .unwrap_or_else(|| AccountState {
            window: spec.period.window_at(spec.zone, now),
            spec: Arc::new(spec),
            spent: 0,
            reserved: 0,
            elsewhere: 0,
        });
    let response = tagged(json(status, &row(app, &state)), document.version);
    Ok(noted(response, Some(document.id), detail))
}

/// Makes a budget.
#[utoipa::path(post, path = "/admin/v1/budgets", tag = "Budgets", request_body = BudgetDocument,
    responses((status = 201, description = "The budget", body = LimitRow)))]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    identity: Identity,
    Json(form): Json<BudgetDocument>,
) -> Result<Response, Refusal> {
    let _one_at_a_time = app.writes.lock().await;
    let id: AccountId = match form.id.as_deref() {
        Some(id) => new_id(id)?,
        None => {
            return Err(
                Refusal::unprocessable("missing_field", "a budget needs an `id`").about("id"),
            );
        }
    };
    let stored = form.stored(&app, &identity)?;
    let document = documents::new(DocumentKind::Budget, id.as_str(), stored.text());
    put(&app, document, Expected::Absent, StatusCode::CREATED, None).await
}

/// Says anew what a budget says. What was spent stays, as long as it counts the same.
#[utoipa::path(put, path = "/admin/v1/budgets/{id}", tag = "Budgets", request_body = BudgetDocument,
    params(("id" = String, Path, description = "The budget's id")),
    responses((status = 200, description = "The budget", body = LimitRow)))]
pub(super) async fn replace(
    State(app): State<Arc<App>>,
    identity: Identity,
    Id(id): Id,
    headers: HeaderMap,
    Json(form): Json<BudgetDocument>,
) -> Result<Response, Refusal> {
    let _one_at_a_time = app.writes.lock().await;
    let before = document(&app, &identity, &id).await?;
    update(&app, &identity, before, &headers, &form).await
}

/// Changes a budget: members that are given replace those that were, and `null` takes them away (RFC 7396).
#[utoipa::path(patch, path = "/admin/v1/budgets/{id}", tag = "Budgets",
    request_body(content = serde_json::Value, description = "Members of a budget"),
    params(("id" = String, Path, description = "The budget's id")),
    responses((status = 200, description = "The budget", body = LimitRow)))]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    identity: Identity,
    Id(id): Id,
    headers: HeaderMap,
    Patch(patch): Patch,
) -> Result<Response, Refusal> {
    let _one_at_a_time = app.writes.lock().await;
    let before = document(&app, &identity, &id).await?;
    let mut now: Value = serde_json::from_str(&before.body).unwrap_or(Value::Null);
    merge(&mut now, patch);
    update(&app, &identity, before, &headers, &read(now)?).await
}

async fn update(
    app: &App,
    identity: &Identity,
    before: Document,
    headers: &HeaderMap,
    form: &BudgetDocument,
) -> Result<Response, Refusal> {
    if form.id.as_ref().is_some_and(|given| *given != before.id) {
        return Err(Refusal::invalid(
            "id",
            "an id is never changed; make another budget",
        ));
    }
    let expected = expected(headers, before.version)?;
    let body = form.stored(app, identity)?.text();
    let detail = documents::changed(&before.body, &body);
    let document = Document { body, ..before };
    put(app, document, expected, StatusCode::OK, Some(detail)).await
}

/// Deletes a budget: it limits nothing any more.
#[utoipa::path(delete, path = "/admin/v1/budgets/{id}", tag = "Budgets",
    params(("id" = String, Path, description = "The budget's id")),
    responses((status = 200, description = "It is gone", body = Deleted)))]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    identity: Identity,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let _one_at_a_time = app.writes.lock().await;
    let before = document(&app, &identity, &id).await?;
    documents::delete(&app, &before, &headers, Changed::Budgets).await?;
    Ok(json(StatusCode::OK, &Deleted::new("budget", id)))
}
