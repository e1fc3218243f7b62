//! Virtual keys, as `ferrogate-auth` has them.

use std::sync::Arc;

use async_trait::async_trait;
use ferrogate_auth as auth;
use ferrogate_auth::{GeneratedHashes, KeyCredential, KeySpec, display_prefix};
use ferrogate_types::{KeyId, ScopeSet};

use super::credential::{read_digest, write_digest};
use super::seconds::{moment, seconds};
use super::settings::{METADATA, SCOPES, Settings};
use crate::error::StoreError;
use crate::sql::Store;
use crate::traits::Expected;
use crate::traits::changes::ChangeStore;
use crate::traits::key::{KeyRecord, KeyStore, KeyUse, PreviousSecret};

/// A key as the store keeps it: seconds become milliseconds, hashes hexadecimal digits, and what the key may do one
/// JSON object. `before` is what the store has of it: settings of a newer version, which this one does not know, are
/// taken over from there.
///
/// # Errors
///
/// [`Refused`](StoreError::Refused) for a credential that the gateway did not generate and for limits that are not a
/// JSON object, and [`Damaged`](StoreError::Damaged) for settings in `before` that are none.
pub fn key_to_store(
    record: &auth::KeyRecord,
    before: Option<&KeyRecord>,
) -> Result<KeyRecord, StoreError> {
    let spec = &record.spec;
    let KeyCredential::Generated(hashes) = &spec.credential else {
        return Err(StoreError::Refused(format!(
            "the key `{}` has a secret the gateway did not make",
            spec.id
        )));
    };
    let mut settings = Settings::default();
    settings.put(SCOPES, &spec.scopes)?;
    settings.put_lists(&spec.lists)?;
    settings.put_metadata(&spec.metadata)?;
    settings.put_limits(&record.limits)?;
    if let Some(before) = before {
        settings.keep_unknown_of(Settings::read(&before.settings)?);
    }
    Ok(KeyRecord {
        id: spec.id.clone(),
        name: spec.name.clone().unwrap_or_default(),
        prefix: display_prefix(&spec.id),
        secret_hash: write_digest(hashes.current),
        previous: hashes.previous.map(|(digest, until)| PreviousSecret {
            hash: write_digest(digest),
            valid_until: moment(until),
        }),
        tenant: spec.tenant.clone(),
        user: spec.user.clone(),
        settings: settings.write()?,
        disabled: spec.disabled,
        revoked_at: record.revoked_at.map(moment),
        expires: spec.expires.map(moment),
        created_at: moment(record.created_at),
        updated_at: moment(record.updated_at),
        rotated_at: record.rotated_at.map(moment),
        last_used_at: record.last_used_at.map(moment),
        usage_count: record.usage_count,
        version: record.version,
    })
}

/// A key as the store keeps it, read. What is finer than a second is cut off, and an empty name is none.
///
/// # Errors
///
/// [`Damaged`](StoreError::Damaged) for a hash or a setting that is not of its form.
pub fn key_from_store(row: KeyRecord) -> Result<auth::KeyRecord, StoreError> {
    let settings = Settings::read(&row.settings)?;
    let previous = match row.previous {
        Some(previous) => Some((read_digest(&previous.hash)?, seconds(previous.valid_until))),
        None => None,
    };
    let spec = KeySpec {
        id: row.id,
        credential: KeyCredential::Generated(GeneratedHashes {
            current: read_digest(&row.secret_hash)?,
            previous,
        }),
        name: Some(row.name).filter(|name| !name.is_empty()),
        scopes: settings.scopes()?.unwrap_or(ScopeSet::EMPTY),
        lists: settings.lists()?,
        disabled: row.disabled,
        expires: row.expires.map(seconds),
        tenant: row.tenant,
        user: row.user,
        metadata: settings.value(METADATA)?.unwrap_or_default(),
    };
    Ok(auth::KeyRecord {
        spec: Arc::new(spec),
        limits: settings.limits(),
        created_at: seconds(row.created_at),
        updated_at: seconds(row.updated_at),
        rotated_at: row.rotated_at.map(seconds),
        revoked_at: row.revoked_at.map(seconds),
        last_used_at: row.last_used_at.map(seconds),
        usage_count: row.usage_count,
        version: row.version,
    })
}

/// Keys read at once: what is held of them twice.
const PAGE: u32 = 1_000;

#[async_trait]
impl auth::KeyStore for Store {
    /// A key that is damaged is left out and logged: it fits nobody, and the others go on.
    async fn load_keys(&self) -> Result<auth::StoredKeys, auth::StoreError> {
        let mut records = Vec::new();
        let mut after = None;
        loop {
            let page = self.keys(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            for row in page {
                let id = row.id.clone();
                match key_from_store(row) {
                    Ok(record) => records.push(record),
                    Err(error) => tracing::error!(key = %id, %error, "a key cannot be used"),
                }
            }
        }
        Ok(auth::StoredKeys {
            records,
            ever_issued: self.keys_existed().await?,
        })
    }

    async fn save_key(
        &self,
        record: &auth::KeyRecord,
        before: u64,
    ) -> Result<u64, auth::StoreError> {
        let (kept, expected) = if before == 0 {
            (None, Expected::Absent)
        } else {
            // Should it change after this look, the version no longer fits.
            let kept = self.key(&record.spec.id).await?;
            (kept, Expected::Version(before))
        };
        let row = key_to_store(record, kept.as_ref())?;
        Ok(self.put_key(&row, expected).await?)
    }

    async fn delete_key(&self, id: &KeyId) -> Result<bool, auth::StoreError> {
        match KeyStore::delete_key(self, id, Expected::Present).await {
            Ok(()) => Ok(true),
            Err(StoreError::Missing(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn add_key_uses(&self, uses: &[auth::KeyUse]) -> Result<(), auth::StoreError> {
        let uses: Vec<KeyUse> = uses
            .iter()
            .map(|used| KeyUse {
                id: used.id.clone(),
                last_used_at: moment(used.last_used),
                uses: used.uses,
            })
            .collect();
        Ok(self.note_uses(&uses).await?)
    }

    async fn key_revision(&self) -> Result<u64, auth::StoreError> {
        Ok(self.generations().await?.keys)
    }
}

#[cfg(test)]
mod tests {
    use ferrogate_auth::KeyDigest;

    use super::*;

    fn record() -> auth::KeyRecord {
        let hashes = GeneratedHashes::new(KeyDigest::of("old")).rotated(KeyDigest::of("new"), 90);
        let mut spec = KeySpec::new("k".parse().unwrap(), KeyCredential::Generated(hashes));
        spec.name = Some("a name".to_owned());
        spec.scopes = ScopeSet::all();
        spec.lists.allowed_models = vec!["a".parse().unwrap(), "b".parse().unwrap()];
        spec.lists.denied_providers = vec!["p".parse().unwrap()];
        spec.lists.allowed_ips = vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        spec.expires = Some(99);
        spec.tenant = Some("t".parse().unwrap());
        spec.user = Some("u".parse().unwrap());
        spec.metadata = [("team".to_owned(), "\"blue\"".to_owned())].into();
        auth::KeyRecord {
            spec: Arc::new(spec),
            limits: r#"{"request_limit_per_minute":{"limit":60}, "budgets":[1.50]}"#.to_owned(),
            created_at: 1,
            updated_at: 2,
            rotated_at: Some(3),
            revoked_at: Some(4),
            last_used_at: Some(5),
            usage_count: 6,
            version: 7,
        }
    }

    fn text(record: &auth::KeyRecord) -> String {
        let KeyCredential::Generated(hashes) = record.spec.credential else {
            panic!("it was read");
        };
        let digest = |digest: KeyDigest| digest.to_bytes();
        let previous = hashes.previous.map(|(hash, until)| (digest(hash), until));
        format!("{record:?} {:?} {previous:?}", digest(hashes.current))
    }

    #[test]
    fn a_key_survives_its_row() {
        let mut bare = record();
        bare.spec = Arc::new(KeySpec::new(
            "bare".parse().unwrap(),
            KeyCredential::Generated(GeneratedHashes::new(KeyDigest::of("x"))),
        ));
        bare.limits = String::new();
        for record in [record(), bare] {
            let row = key_to_store(&record, None).unwrap();
            assert_eq!(text(&key_from_store(row).unwrap()), text(&record));
        }
        assert_eq!(key_to_store(&record(), None).unwrap().prefix, "fg_k");
    }

    #[test]
    fn settings_have_the_names_of_the_configuration() {
        let mut record = record();
        Arc::make_mut(&mut record.spec).scopes = ScopeSet::EMPTY;
        let before = KeyRecord {
            settings: r#"{"later":[null],"denied_models":["gone"]}"#.to_owned(),
            ..key_to_store(&record, None).unwrap()
        };
        assert_eq!(
            key_to_store(&record, Some(&before)).unwrap().settings,
            r#"{"allowed_ips":["10.0.0.0/8","::1/128"],"allowed_models":["a","b"],"denied_providers":["p"],"later":[null],"limits":{"request_limit_per_minute":{"limit":60}, "budgets":[1.50]},"metadata":{"team":"\"blue\""},"scopes":[]}"#
        );
    }

    #[test]
    fn refuses_a_secret_that_somebody_chose() {
        let mut record = record();
        let secret = ferrogate_types::Secret::literal("s3cr3t");
        Arc::make_mut(&mut record.spec).credential = KeyCredential::Plain(secret);
        let error = key_to_store(&record, None).unwrap_err();
        assert!(matches!(error, StoreError::Refused(_)), "{error}");
        assert!(!error.to_string().contains("s3cr3t"));
    }
}
