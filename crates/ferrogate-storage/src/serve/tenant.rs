//! Tenants, as `ferrogate-auth` has them.

use async_trait::async_trait;
use ferrogate_auth as auth;
use ferrogate_auth::TenantSpec;
use ferrogate_types::TenantId;

use super::seconds::{moment, seconds};
use super::settings::{DISABLED, EXPIRES, KIND, METADATA, SCOPES, Settings};
use crate::error::StoreError;
use crate::sql::Store;
use crate::traits::Expected;
use crate::traits::tenant::{TenantRecord, TenantStore};

/// A tenant as the store keeps it: what bounds it is one JSON object. `before` is what the store has of it: settings of
/// a newer version, which this one does not know, are taken over from there.
///
/// # Errors
///
/// [`Refused`](StoreError::Refused) for limits that are not a JSON object, and [`Damaged`](StoreError::Damaged) for
/// settings in `before` that are none.
pub fn tenant_to_store(
    record: &auth::TenantRecord,
    before: Option<&TenantRecord>,
) -> Result<TenantRecord, StoreError> {
    let spec = &record.spec;
    let mut settings = Settings::default();
    if let Some(kind) = &spec.kind {
        settings.put(KIND, kind)?;
    }
    if spec.disabled {
        settings.put(DISABLED, &true)?;
    }
    if let Some(expires) = spec.expires {
        settings.put(EXPIRES, &moment(expires))?;
    }
    if let Some(scopes) = spec.scopes {
        settings.put(SCOPES, &scopes)?;
    }
    settings.put_lists(&spec.lists)?;
    settings.put_metadata(&spec.metadata)?;
    settings.put_limits(&record.limits)?;
    if let Some(before) = before {
        settings.keep_unknown_of(Settings::read(&before.settings)?);
    }
    Ok(TenantRecord {
        id: spec.id.clone(),
        parent: spec.parent.clone(),
        name: spec.name.clone().unwrap_or_default(),
        settings: settings.write()?,
        created_at: moment(record.created_at),
        updated_at: moment(record.updated_at),
        version: record.version,
    })
}

/// A tenant as the store keeps it, read. What is finer than a second is cut off, and an empty name is none.
///
/// # Errors
///
/// [`Damaged`](StoreError::Damaged) for a setting that is not of its form.
pub fn tenant_from_store(row: TenantRecord) -> Result<auth::TenantRecord, StoreError> {
    let settings = Settings::read(&row.settings)?;
    let expires: Option<String> = settings.value(EXPIRES)?;
    let expires = expires
        .map(|text| {
            text.parse().map(seconds).map_err(|error| {
                StoreError::Damaged(format!("the setting `{EXPIRES}` has `{text}`: {error}"))
            })
        })
        .transpose()?;
    let spec = TenantSpec {
        id: row.id,
        parent: row.parent,
        kind: settings.value(KIND)?,
        name: Some(row.name).filter(|name| !name.is_empty()),
        disabled: settings.value(DISABLED)?.unwrap_or_default(),
        expires,
        scopes: settings.scopes()?,
        lists: settings.lists()?,
        metadata: settings.value(METADATA)?.unwrap_or_default(),
    };
    Ok(auth::TenantRecord {
        spec,
        limits: settings.limits(),
        created_at: seconds(row.created_at),
        updated_at: seconds(row.updated_at),
        version: row.version,
    })
}

/// Tenants read at once: what is held of them twice.
const PAGE: u32 = 1_000;

/// A tenant whose settings cannot be read: switched off with all below it, for what it bounds is not known. Left out,
/// those below it would have no parent, and there would be no tree at all.
fn switched_off(row: &TenantRecord) -> auth::TenantRecord {
    auth::TenantRecord {
        spec: TenantSpec {
            disabled: true,
            ..TenantSpec::new(row.id.clone(), row.parent.clone())
        },
        limits: String::new(),
        created_at: seconds(row.created_at),
        updated_at: seconds(row.updated_at),
        version: row.version,
    }
}

#[async_trait]
impl auth::TenantStore for Store {
    /// A tenant that is damaged is logged and switched off, with all below it.
    async fn load_tenants(&self) -> Result<Vec<auth::TenantRecord>, auth::StoreError> {
        let mut records = Vec::new();
        let mut after = None;
        loop {
            let page = self.tenants(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            for row in page {
                let damaged = switched_off(&row);
                records.push(tenant_from_store(row).unwrap_or_else(|error| {
                    let tenant = &damaged.spec.id;
                    tracing::error!(%tenant, %error, "a tenant cannot be read and is switched off");
                    damaged
                }));
            }
        }
        Ok(records)
    }

    async fn save_tenant(
        &self,
        record: &auth::TenantRecord,
        before: u64,
    ) -> Result<u64, auth::StoreError> {
        let (kept, expected) = if before == 0 {
            (None, Expected::Absent)
        } else {
            // Should it change after this look, the version no longer fits.
            let kept = self.tenant(&record.spec.id).await?;
            (kept, Expected::Version(before))
        };
        let row = tenant_to_store(record, kept.as_ref())?;
        Ok(self.put_tenant(&row, expected).await?)
    }

    async fn delete_tenant(&self, id: &TenantId) -> Result<bool, auth::StoreError> {
        match TenantStore::delete_tenant(self, id, Expected::Present).await {
            Ok(()) => Ok(true),
            Err(StoreError::Missing(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use ferrogate_types::{Scope, ScopeSet};

    use super::*;

    fn record() -> auth::TenantRecord {
        let mut spec = TenantSpec::new("t".parse().unwrap(), Some("root".parse().unwrap()));
        spec.kind = Some("team".to_owned());
        spec.name = Some("Blue".to_owned());
        spec.disabled = true;
        spec.expires = Some(1_795_132_800);
        spec.scopes = Some([Scope::ModelsRead].into_iter().collect());
        spec.lists.denied_models = vec!["m".parse().unwrap()];
        spec.metadata = [("floor".to_owned(), "3".to_owned())].into();
        auth::TenantRecord {
            spec,
            limits: r#"{"max_concurrency":1}"#.to_owned(),
            created_at: 1,
            updated_at: 2,
            version: 3,
        }
    }

    #[test]
    fn a_tenant_survives_its_row() {
        let mut bare = record();
        bare.spec = TenantSpec::new("bare".parse().unwrap(), None);
        bare.limits = String::new();
        let mut powerless = record();
        powerless.spec.scopes = Some(ScopeSet::EMPTY);
        for record in [record(), bare, powerless] {
            let row = tenant_to_store(&record, None).unwrap();
            assert_eq!(tenant_from_store(row), Ok(record));
        }
    }

    #[test]
    fn settings_have_the_names_of_the_configuration() {
        let row = tenant_to_store(&record(), None).unwrap();
        assert_eq!(
            row.settings,
            r#"{"denied_models":["m"],"disabled":true,"expires":"2026-11-20T00:00:00.000Z","kind":"team","limits":{"max_concurrency":1},"metadata":{"floor":"3"},"scopes":["models.read"]}"#
        );
    }
}
