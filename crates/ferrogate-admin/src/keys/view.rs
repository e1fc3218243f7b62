//! A key as it is shown.

use std::collections::BTreeMap;

use ferrogate_auth::{Key, KeyRecord, KeySource, display_prefix};
use ferrogate_types::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::App;
use crate::holder::{ListsForm, scope_names};
use crate::limits::LimitsForm;
use crate::records::{limits_form, moment};

/// What is said of a key: what a change of it begins from.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeySaid {
    /// What people call it.
    name: Option<String>,
    /// What it may do.
    scopes: Vec<String>,
    /// Switched off.
    disabled: bool,
    /// When it stops being valid.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires: Option<Timestamp>,
    /// Whom it belongs to.
    tenant: Option<String>,
    /// Who uses it.
    user: Option<String>,
    /// Anything else its owner wants to find in records.
    metadata: BTreeMap<String, String>,
    #[serde(flatten)]
    lists: ListsForm,
    #[serde(flatten)]
    limits: LimitsForm,
}

/// A key. Its secret is not known to anybody but its holder.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyView {
    /// Always `api_key`.
    object: &'static str,
    /// Its id.
    id: String,
    /// What its secret begins with, where the gateway made it.
    prefix: Option<String>,
    /// Where it is written: `file` or `api`.
    source: &'static str,
    /// `active`, `disabled`, `expired` or `revoked`.
    status: &'static str,
    #[serde(flatten)]
    said: KeySaid,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Timestamp>,
    /// When it was changed last.
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
    /// When its secret was changed last.
    #[schema(value_type = Option<String>, format = DateTime)]
    rotated_at: Option<Timestamp>,
    /// When it was used last.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    /// How often it was used.
    usage_count: u64,
}

/// A key with the secret it was just given.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewKey {
    #[serde(flatten)]
    pub(super) key: KeyView,
    /// What the caller presents. Shown this once; `null` when the answer is repeated.
    pub(super) secret: Option<String>,
    /// Until when the secret before is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) previous_valid_until: Option<Timestamp>,
}

/// A key with its record, where the store has one.
pub(super) fn view(app: &App, key: &Key, record: Option<&KeyRecord>, now: u64) -> KeyView {
    let spec = key.spec();
    KeyView {
        object: "api_key",
        id: spec.id.to_string(),
        prefix: record.map(|_| display_prefix(&spec.id)),
        source: match key.source() {
            KeySource::File => "file",
            KeySource::Api => "api",
        },
        status: status(key, now),
        said: said(app, key, record),
        revoked_at: key.revoked_at().map(moment),
        created_at: record.map(|record| moment(record.created_at)),
        updated_at: record.map(|record| moment(record.updated_at)),
        rotated_at: record.and_then(|record| record.rotated_at).map(moment),
        last_used_at: key.activity().last_used().map(moment),
        usage_count: key.activity().uses(),
    }
}

/// What is said of a key.
pub(super) fn said(app: &App, key: &Key, record: Option<&KeyRecord>) -> KeySaid {
    let spec = key.spec();
    let declared = app.node.declared();
    let limits = if let Some(record) = record {
        limits_form(&record.limits)
    } else {
        let limits = declared.keys.get(&spec.id);
        limits.map(LimitsForm::of).unwrap_or_default()
    };
    KeySaid {
        name: spec.name.clone(),
        scopes: scope_names(spec.scopes),
        disabled: spec.disabled,
        expires: spec.expires.map(moment),
        tenant: spec.tenant.as_ref().map(ToString::to_string),
        user: spec.user.as_ref().map(ToString::to_string),
        metadata: spec.metadata.clone(),
        lists: ListsForm::of(&spec.lists),
        limits,
    }
}

/// In a word, what a key is good for.
pub(super) fn status(key: &Key, now: u64) -> &'static str {
    use ferrogate_auth::AuthError;
    match key.require_usable(now) {
        Ok(()) => "active",
        Err(AuthError::Revoked(_)) => "revoked",
        Err(AuthError::Expired(_)) => "expired",
        Err(_) => "disabled",
    }
}
