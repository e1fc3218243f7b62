//! The audit trail: what was done, by whom, in a chain of hashes.

use async_trait::async_trait;
use ferrogate_types::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::error::StoreError;
use crate::page::{Listing, Page};

/// Something that was done, or refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAudit {
    /// When.
    pub occurred_at: Timestamp,
    /// What: `key.create`, `config.rollback`.
    pub action: String,
    /// Who did it.
    pub actor_id: String,
    /// To what.
    pub target_id: Option<String>,
    /// How it ended: `ok`, `denied`, `error`.
    pub outcome: String,
    /// From where.
    pub source_ip: Option<String>,
    /// What else is known, redacted: JSON, `null` for nothing.
    pub detail: String,
}

/// A row of the audit trail.
///
/// `hash` is the SHA-256 of `prev_hash` followed by the row as compact JSON without `hash`, keys in the order of these
/// fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Counts from one without gaps.
    pub seq: u64,
    /// When.
    pub occurred_at: Timestamp,
    /// What.
    pub action: String,
    /// Who did it.
    pub actor_id: String,
    /// To what.
    pub target_id: Option<String>,
    /// How it ended.
    pub outcome: String,
    /// From where.
    pub source_ip: Option<String>,
    /// What else is known: compact JSON.
    pub detail: String,
    /// The hash of the row before; 64 zeros before the first.
    pub prev_hash: String,
    /// The hash of this row.
    pub hash: String,
}

/// Which rows are wanted. An empty filter wants all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only this action.
    pub action: Option<String>,
    /// Only what this actor did.
    pub actor_id: Option<String>,
    /// Only what was done to this.
    pub target_id: Option<String>,
    /// Only what ended so.
    pub outcome: Option<String>,
    /// Not before this.
    pub since: Option<Timestamp>,
    /// Before this.
    pub until: Option<Timestamp>,
}

/// What checking the chain found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditVerdict {
    /// Every row is what was once written. Rows cut off at the end are not seen: keep the head elsewhere to see those.
    Intact {
        /// How many rows there are.
        rows: u64,
        /// The hash of the last one.
        head: String,
    },
    /// The first row that is not.
    Broken {
        /// Where it stands.
        seq: u64,
        /// What is wrong there.
        reason: &'static str,
    },
}

/// Keeps the audit trail: rows are added and never changed.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Adds a row.
    async fn append_audit(&self, entry: &NewAudit) -> Result<AuditRow, StoreError>;

    /// Rows, newest first.
    async fn audit(
        &self,
        filter: &AuditFilter,
        page: Page,
    ) -> Result<Listing<AuditRow>, StoreError>;

    /// Checks every row against the one before.
    async fn verify_audit(&self) -> Result<AuditVerdict, StoreError>;
}

/// What comes before the first row.
pub(crate) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[derive(Serialize)]
struct Hashed<'a> {
    seq: u64,
    occurred_at: Timestamp,
    action: &'a str,
    actor_id: &'a str,
    target_id: Option<&'a str>,
    outcome: &'a str,
    source_ip: Option<&'a str>,
    detail: &'a RawValue,
    prev_hash: &'a str,
}

impl AuditRow {
    /// The row that follows one.
    pub(crate) fn following(
        seq: u64,
        prev_hash: &str,
        entry: &NewAudit,
    ) -> Result<Self, StoreError> {
        // Compact, so that its text in the store is its text in the hash.
        let detail: serde_json::Value = serde_json::from_str(&entry.detail)
            .map_err(|error| StoreError::Refused(format!("`detail` is not JSON: {error}")))?;
        let mut row = Self {
            seq,
            occurred_at: entry.occurred_at,
            action: entry.action.clone(),
            actor_id: entry.actor_id.clone(),
            target_id: entry.target_id.clone(),
            outcome: entry.outcome.clone(),
            source_ip: entry.source_ip.clone(),
            detail: detail.to_string(),
            prev_hash: prev_hash.to_owned(),
            hash: String::new(),
        };
        row.hash = row.computed_hash()?;
        Ok(row)
    }

    /// The hash this row must have.
    pub fn computed_hash(&self) -> Result<String, StoreError> {
        let damaged = |error: serde_json::Error| {
            StoreError::Damaged(format!("`detail` of audit row {}: {error}", self.seq))
        };
        let detail: &RawValue = serde_json::from_str(&self.detail).map_err(damaged)?;
        let text = serde_json::to_vec(&Hashed {
            seq: self.seq,
            occurred_at: self.occurred_at,
            action: &self.action,
            actor_id: &self.actor_id,
            target_id: self.target_id.as_deref(),
            outcome: &self.outcome,
            source_ip: self.source_ip.as_deref(),
            detail,
            prev_hash: &self.prev_hash,
        })
        .map_err(damaged)?;
        let digest = Sha256::new()
            .chain_update(&self.prev_hash)
            .chain_update(text)
            .finalize();
        Ok(hex(&digest))
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or_default();
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_what_the_contract_says() {
        let row = AuditRow::following(
            1,
            GENESIS,
            &NewAudit {
                occurred_at: "2026-11-20T20:11:00Z".parse().unwrap(),
                action: "key.create".to_owned(),
                actor_id: "ops \"x\"".to_owned(),
                target_id: None,
                outcome: "ok".to_owned(),
                source_ip: Some("192.0.2.1".to_owned()),
                detail: "{ \"name\" : \"ci\" }".to_owned(),
            },
        )
        .unwrap();
        let text = format!(
            "{GENESIS}{{\"seq\":1,\"occurred_at\":\"2026-11-20T20:11:00.000Z\",\"action\":\"key.create\",\
             \"actor_id\":\"ops \\\"x\\\"\",\"target_id\":null,\"outcome\":\"ok\",\"source_ip\":\"192.0.2.1\",\
             \"detail\":{{\"name\":\"ci\"}},\"prev_hash\":\"{GENESIS}\"}}"
        );
        assert_eq!(row.hash, hex(&Sha256::digest(text)));
    }

    #[test]
    fn refuses_a_detail_that_is_no_json() {
        let entry = NewAudit {
            occurred_at: Timestamp::default(),
            action: String::new(),
            actor_id: String::new(),
            target_id: None,
            outcome: String::new(),
            source_ip: None,
            detail: "{".to_owned(),
        };
        assert!(AuditRow::following(1, GENESIS, &entry).is_err());
    }
}
