//! Answers to admin writes that may be asked for again.

use async_trait::async_trait;
use ferrogate_types::Timestamp;

use crate::error::StoreError;

/// An answer that was given to a write with an `Idempotency-Key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Who wrote.
    pub actor: String,
    /// The `Idempotency-Key`.
    pub key: String,
    /// What tells one request from another under the same key: a hash of method, path and body.
    pub fingerprint: String,
    /// The status that was answered.
    pub status: u16,
    /// The `ETag` that was answered.
    pub etag: Option<String>,
    /// The body that was answered, without a secret.
    pub body: String,
    /// When.
    pub created_at: Timestamp,
}

/// Keeps answers.
#[async_trait]
pub trait AnswerStore: Send + Sync {
    /// Keeps an answer. When there is one already for that actor and key, that one stays and is returned.
    async fn keep_answer(&self, answer: &KeptAnswer) -> Result<Option<KeptAnswer>, StoreError>;

    /// The answer that was given.
    async fn kept_answer(&self, actor: &str, key: &str) -> Result<Option<KeptAnswer>, StoreError>;

    /// Forgets answers from before a moment. Returns their number.
    async fn forget_answers(&self, before: Timestamp) -> Result<u64, StoreError>;
}
