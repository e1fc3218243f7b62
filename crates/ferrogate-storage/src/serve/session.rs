//! Sessions of the console, as `ferrogate-auth` has them.

use async_trait::async_trait;
use ferrogate_auth as auth;
use ferrogate_auth::CredentialId;

use super::credential::{read_digest, write_digest};
use super::seconds::{moment, seconds};
use crate::error::StoreError;
use crate::sql::Store;
use crate::traits::session::{SessionRecord, SessionStore};

/// What a session may do and what its forms carry follows from its credential and its cookie: neither is kept.
fn to_store(record: &auth::SessionRecord) -> SessionRecord {
    SessionRecord {
        id: record.id.clone(),
        token_hash: write_digest(record.digest),
        csrf: String::new(),
        subject: record.credential.to_string(),
        key: match &record.credential {
            CredentialId::Key(id) => Some(id.clone()),
            CredentialId::Master => None,
        },
        scopes: String::new(),
        source_ip: record.address.map(|address| address.to_string()),
        created_at: moment(record.created_at),
        last_seen_at: moment(record.last_seen_at),
        expires_at: moment(record.expires_at),
    }
}

fn from_store(row: &SessionRecord) -> Result<auth::SessionRecord, StoreError> {
    let credential = row.subject.parse().map_err(|_| {
        StoreError::Damaged(format!("`{}` is nothing a session stands on", row.subject))
    })?;
    Ok(auth::SessionRecord {
        id: row.id.clone(),
        digest: read_digest(&row.token_hash)?,
        credential,
        // Only shown to people.
        address: row.source_ip.as_ref().and_then(|text| text.parse().ok()),
        created_at: seconds(row.created_at),
        last_seen_at: seconds(row.last_seen_at),
        expires_at: seconds(row.expires_at),
    })
}

/// As many as a node keeps.
const MOST: u32 = 10_000;

#[async_trait]
impl auth::SessionStore for Store {
    /// The ten thousand that were begun last. One that is damaged is left out and logged: it opens nothing.
    async fn load_sessions(&self, now: u64) -> Result<Vec<auth::SessionRecord>, auth::StoreError> {
        let mut records = Vec::new();
        for row in self.sessions(MOST).await? {
            match from_store(&row) {
                Ok(record) if record.expires_at > now => records.push(record),
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(session = row.id, %error, "a session cannot be used");
                }
            }
        }
        Ok(records)
    }

    async fn save_sessions(&self, records: &[auth::SessionRecord]) -> Result<(), auth::StoreError> {
        let rows: Vec<SessionRecord> = records.iter().map(to_store).collect();
        Ok(self.put_sessions(&rows).await?)
    }

    async fn delete_sessions(&self, ids: &[String]) -> Result<(), auth::StoreError> {
        Ok(self.end_sessions(ids).await?)
    }
}
