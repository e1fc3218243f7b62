//! Keys.

mod form;
mod read;
mod secret;
mod usage;
mod view;
mod write;

use std::sync::Arc;

use ferrogate_auth::{Issued, KeyRecord, KeySource};
use ferrogate_storage::{Expected, KeyStore as _, key_to_store};
use ferrogate_types::KeyId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::App;
use crate::identity::Identity;
use crate::refusal::Refusal;

pub(crate) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(read::list, write::create))
        .routes(routes!(usage::of_all))
        .routes(routes!(
            read::one,
            write::replace,
            write::change,
            write::delete
        ))
        .routes(routes!(secret::revoke))
        .routes(routes!(secret::rotate))
        .routes(routes!(usage::of_one))
}

/// A key of the store, as it is in force here, within reach of the caller.
fn issued(app: &App, identity: &Identity, id: &str) -> Result<Arc<Issued>, Refusal> {
    let keys = app.node.keys();
    let not_found = || Refusal::not_found("key", id);
    let key = keys.get(id).ok_or_else(not_found)?;
    if !identity.reaches(key.spec().tenant.as_ref()) {
        return Err(not_found());
    }
    if key.source() == KeySource::File {
        return Err(Refusal::managed_by_file("key", id));
    }
    keys.lasting().issued.get(id).ok_or_else(not_found)
}

/// Writes a key and puts it in force.
async fn put(app: &App, mut record: KeyRecord, expected: Expected) -> Result<Arc<Issued>, Refusal> {
    // What a newer version wrote into its settings is kept.
    let before = app.store.key(&record.spec.id).await?;
    let row = key_to_store(&record, before.as_ref())?;
    record.version = app.store.put_key(&row, expected).await?;
    let keys = app.node.keys();
    keys.lasting().issued.upsert(record.clone());
    app.node.key_changed(&record).await;
    let id = &record.spec.id;
    // Another node may have deleted it since, which this one learned first.
    let issued = keys.lasting().issued.get(id.as_str());
    issued.ok_or_else(|| Refusal::not_found("key", id.as_str()))
}

/// An id that may stand in a path and in a secret.
pub(crate) fn new_id<T>(id: &str) -> Result<T, Refusal>
where
    T: std::str::FromStr<Err = ferrogate_types::NameError>,
{
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let first = id
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric());
    if !first || id.len() > 64 || !id.bytes().all(plain) {
        return Err(Refusal::invalid(
            "id",
            "an id is 1 to 64 letters, digits, dots, underscores and hyphens, and begins with a letter or a digit",
        ));
    }
    id.parse()
        .map_err(|error| Refusal::invalid("id", format!("the id {error}")))
}

/// Ends what stands on a key that is good for nothing any more. What the store keeps of that stands on the key as well,
/// so that its failure changes nothing.
async fn end_sessions(app: &App, id: &KeyId) {
    use ferrogate_storage::SessionStore as _;
    app.sessions
        .revoke_all(Some(&ferrogate_auth::CredentialId::Key(id.clone())));
    if let Err(error) = app.store.delete_sessions(Some(id)).await {
        tracing::warn!(%error, key = %id, "sessions of the key stay in the store until they expire");
    }
}
