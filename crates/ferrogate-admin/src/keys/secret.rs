//! Taking a key's secret out of use.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use ferrogate_auth::{GeneratedHashes, GeneratedKey, KeyChange, KeyCredential, KeyRecord, KeySpec};
use ferrogate_types::{clock, parse_duration};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::view::{KeyView, NewKey, view};
use super::{end_sessions, issued, put};
use crate::admin::App;
use crate::answer::{json as answer, noted, tagged};
use crate::extract::{Id, optional};
use crate::identity::Identity;
use crate::precondition::expected;
use crate::records::moment;
use crate::refusal::Refusal;

/// How a secret is exchanged.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Rotation {
    /// How long the secret before is taken, too: a duration such as `24h`, at most `30d`. Nothing, and it is refused at
    /// once.
    #[schema(example = "24h")]
    grace: Option<String>,
}

/// The longest that two secrets of one key are taken.
const LONGEST_GRACE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Takes a key out of use for good. It stays in the records.
#[utoipa::path(post, path = "/admin/v1/api-keys/{id}/revoke", tag = "API keys",
    params(("id" = String, Path, description = "The key's id")),
    responses((status = 200, description = "The key, which is revoked", body = KeyView)))]
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    identity: Identity,
    Id(id): Id,
    request: Request,
) -> Result<Response, Refusal> {
    let _one_at_a_time = app.writes.lock().await;
    let before = issued(&app, &identity, &id)?;
    let record = before.record();
    let expected = expected(request.headers(), record.version)?;
    let now = clock::since_epoch().as_secs();
    let keys = app.node.keys();
    keys.permit_change(
        &identity.principal,
        &record.spec.id,
        &KeyChange::Remove,
        now,
    )?;
    let record = KeyRecord {
        revoked_at: Some(record.revoked_at.unwrap_or(now)),
        updated_at: now,
        ..record.clone()
    };
    let after = put(&app, record, expected).await?;
    end_sessions(&app, after.key().id()).await;
    let view = view(&app, after.key(), Some(after.record()), now);
    Ok(tagged(
        answer(StatusCode::OK, &view),
        after.record().version,
    ))
}

/// Gives a key another secret, which is in this answer and nowhere else.
#[utoipa::path(post, path = "/admin/v1/api-keys/{id}/rotate", tag = "API keys",
    request_body = Option<Rotation>,
    params(("id" = String, Path, description = "The key's id")),
    responses((status = 200, description = "The key, with its new secret", body = NewKey)))]
pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    identity: Identity,
    Id(id): Id,
    request: Request,
) -> Result<Response, Refusal> {
    let headers = request.headers().clone();
    let rotation: Rotation = optional(request).await?;
    let grace = match rotation.grace.as_deref() {
        None => Duration::ZERO,
        Some(text) => parse_duration(text)
            .map_err(|error| Refusal::invalid("grace", format!("`grace` {error}")))?,
    };
    if grace > LONGEST_GRACE {
        return Err(Refusal::invalid("grace", "`grace` is at most `30d`"));
    }
    let _one_at_a_time = app.writes.lock().await;
    let before = issued(&app, &identity, &id)?;
    let record = before.record();
    let expected = expected(&headers, record.version)?;
    let now = clock::since_epoch().as_secs();
    let keys = app.node.keys();
    keys.permit_change(
        &identity.principal,
        &record.spec.id,
        &KeyChange::Rotate,
        now,
    )?;
    // Whoever gets the secret can do what the key can.
    identity.require_to_hold(record.spec.scopes)?;
    if record.revoked_at.is_some() {
        return Err(Refusal::conflict(
            "revoked",
            format!("the key `{id}` has been revoked for good; make another one"),
        ));
    }
    let generated = GeneratedKey::new(Some(record.spec.id.clone()))?;
    let until = now.saturating_add(grace.as_secs());
    let hashes = match &record.spec.credential {
        KeyCredential::Generated(hashes) if !grace.is_zero() => {
            hashes.rotated(generated.digest, until)
        }
        _ => GeneratedHashes::new(generated.digest),
    };
    let previous = hashes.previous.map(|(_, until)| moment(until));
    let spec = KeySpec {
        credential: KeyCredential::Generated(hashes),
        ..KeySpec::clone(&record.spec)
    };
    let record = KeyRecord {
        spec: Arc::new(spec),
        rotated_at: Some(now),
        updated_at: now,
        ..record.clone()
    };
    let after = put(&app, record, expected).await?;
    if previous.is_none() {
        // A secret that is refused at once is one that somebody else may know.
        end_sessions(&app, after.key().id()).await;
    }
    let key = NewKey {
        key: view(&app, after.key(), Some(after.record()), now),
        secret: Some(generated.secret.expose().to_owned()),
        previous_valid_until: previous,
    };
    let response = tagged(answer(StatusCode::OK, &key), after.record().version);
    Ok(noted(
        response,
        None,
        Some(json!({ "grace_seconds": grace.as_secs() })),
    ))
}
