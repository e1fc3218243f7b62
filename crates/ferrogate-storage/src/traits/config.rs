//! Revisions of the configuration.

use async_trait::async_trait;
use ferrogate_types::Timestamp;

use crate::error::StoreError;

/// A configuration that was applied through the admin API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Counts from one.
    pub version: u64,
    /// The text, as it was given.
    pub text: String,
    /// What it is written in: `caddyfile`, `toml`, `json`.
    pub format: String,
    /// Who applied it.
    pub author: String,
    /// When.
    pub created_at: Timestamp,
    /// SHA-256 of the text, hexadecimal; checked whenever the text is read.
    pub checksum: String,
    /// The revision this one brought back.
    pub rolled_back_from: Option<u64>,
}

/// A configuration to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRevision {
    /// The text, as it was given.
    pub text: String,
    /// What it is written in.
    pub format: String,
    /// Who applied it.
    pub author: String,
    /// When.
    pub created_at: Timestamp,
    /// The revision this one brings back.
    pub rolled_back_from: Option<u64>,
}

/// Keeps revisions of the configuration, and which of them is in force.
#[async_trait]
pub trait ConfigStore: Send + Sync {
    /// Keeps a configuration and puts it in force. With `expected`, only if that is the newest revision (zero: there
    /// is none).
    async fn apply_revision(
        &self,
        revision: &NewRevision,
        expected: Option<u64>,
    ) -> Result<Revision, StoreError>;

    /// The revision in force; none when the file is.
    async fn active_revision(&self) -> Result<Option<Revision>, StoreError>;

    /// Puts the file in force. The history stays.
    async fn clear_active_revision(&self) -> Result<(), StoreError>;

    /// One revision.
    async fn revision(&self, version: u64) -> Result<Option<Revision>, StoreError>;

    /// Revisions with their texts, newest first, beginning before one: at most 100.
    async fn revisions(&self, before: Option<u64>, limit: u32)
    -> Result<Vec<Revision>, StoreError>;
}
