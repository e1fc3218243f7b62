//! Small documents the store does not look into: policies, budgets.

use async_trait::async_trait;
use ferrogate_types::Timestamp;

use crate::error::StoreError;
use crate::traits::Expected;

/// What a document describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentKind {
    /// Who may do what.
    Policy,
    /// How much may be spent.
    Budget,
}

impl DocumentKind {
    /// Its name in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Budget => "budget",
        }
    }
}

/// A document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it describes.
    pub kind: DocumentKind,
    /// Its id among those of its kind.
    pub id: String,
    /// JSON.
    pub body: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Grows with each change; the store sets it.
    pub version: u64,
}

/// Keeps documents.
#[async_trait]
pub trait DocumentStore: Send + Sync {
    /// Documents of a kind in the order of their ids, beginning after one: at most 1,000.
    async fn documents(
        &self,
        kind: DocumentKind,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Document>, StoreError>;

    /// One document.
    async fn document(&self, kind: DocumentKind, id: &str) -> Result<Option<Document>, StoreError>;

    /// Writes a document. Returns its new version.
    async fn put_document(
        &self,
        document: &Document,
        expected: Expected,
    ) -> Result<u64, StoreError>;

    /// Deletes a document.
    async fn delete_document(
        &self,
        kind: DocumentKind,
        id: &str,
        expected: Expected,
    ) -> Result<(), StoreError>;
}
