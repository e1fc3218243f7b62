//! Writing the audit trail.

use ferrogate_storage::{AuditStore as _, NewAudit, Store};
use ferrogate_types::{Timestamp, clock};
use http::{Method, StatusCode};
use serde_json::{Map, Value};

use crate::answer::Noted;
use crate::identity::Identity;
use crate::path::action;

/// Marks an answer to a path or a method that does not exist: nothing was tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unrouted;

/// Notes a change, or that it was refused.
///
/// What was done stays done when the trail cannot be written: it is in the process's own log then.
pub(crate) async fn note(
    store: &Store,
    identity: &Identity,
    method: &Method,
    path: &str,
    status: StatusCode,
    noted: Noted,
) {
    let (action, target) = action(method, path);
    let outcome = match status.as_u16() {
        200..=399 => "ok",
        401 | 403 | 409 => "denied",
        _ => "error",
    };
    let mut detail = match noted.detail {
        Some(Value::Object(detail)) => detail,
        _ => Map::new(),
    };
    detail.insert("status".to_owned(), status.as_u16().into());
    let entry = NewAudit {
        occurred_at: Timestamp::from_epoch(clock::since_epoch()),
        action,
        actor_id: identity.actor(),
        target_id: noted.target.or(target),
        outcome: outcome.to_owned(),
        source_ip: identity.address.map(|address| address.to_string()),
        detail: Value::Object(detail).to_string(),
    };
    if let Err(error) = store.append_audit(&entry).await {
        tracing::error!(
            %error,
            action = entry.action,
            actor = entry.actor_id,
            target_id = entry.target_id,
            outcome,
            "an admin change is missing from the audit trail"
        );
    }
}
