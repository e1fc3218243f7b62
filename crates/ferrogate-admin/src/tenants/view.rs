//! A tenant as it is shown.

use std::collections::BTreeMap;

use ferrogate_auth::{TenantRecord, TenantSpec};
use ferrogate_types::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::holder::{ListsForm, scope_names};
use crate::limits::LimitsForm;
use crate::records::{limits_form, moment};

/// What is said of a tenant.
#[derive(Serialize, ToSchema)]
pub(crate) struct TenantSaid {
    /// The tenant it is a part of.
    pub(super) parent: Option<String>,
    /// What people call it.
    name: Option<String>,
    /// What it is.
    kind: Option<String>,
    /// Switched off, with all that is below it.
    disabled: bool,
    /// When it stops being served.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires: Option<Timestamp>,
    /// The most that its keys may do.
    scopes: Option<Vec<String>>,
    /// Anything else its owner wants to find in records.
    metadata: BTreeMap<String, String>,
    #[serde(flatten)]
    lists: ListsForm,
    #[serde(flatten)]
    limits: LimitsForm,
}

/// A tenant.
#[derive(Serialize, ToSchema)]
pub(crate) struct TenantView {
    /// Always `tenant`.
    object: &'static str,
    /// Its id.
    pub(super) id: String,
    #[serde(flatten)]
    pub(super) said: TenantSaid,
    /// Where it is written: `file` or `api`.
    pub(super) source: &'static str,
    /// When it was made.
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Timestamp>,
    /// When it was changed last.
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
}

pub(super) fn said(spec: &TenantSpec, limits: LimitsForm) -> TenantSaid {
    TenantSaid {
        parent: spec.parent.as_ref().map(ToString::to_string),
        name: spec.name.clone(),
        kind: spec.kind.clone(),
        disabled: spec.disabled,
        expires: spec.expires.map(moment),
        scopes: spec.scopes.map(scope_names),
        metadata: spec.metadata.clone(),
        lists: ListsForm::of(&spec.lists),
        limits,
    }
}

pub(super) fn of_file(spec: &TenantSpec, limits: LimitsForm) -> TenantView {
    TenantView {
        object: "tenant",
        id: spec.id.to_string(),
        said: said(spec, limits),
        source: "file",
        created_at: None,
        updated_at: None,
    }
}

pub(super) fn of_store(record: &TenantRecord) -> TenantView {
    TenantView {
        source: "api",
        created_at: Some(moment(record.created_at)),
        updated_at: Some(moment(record.updated_at)),
        ..of_file(&record.spec, limits_form(&record.limits))
    }
}
