//! Sessions of the console in SQL.

use async_trait::async_trait;
use ferrogate_types::{KeyId, Timestamp};

use crate::error::StoreError;
use crate::sql::changes::Counter;
use crate::sql::value::params;
use crate::sql::{Row, Store};
use crate::traits::session::{SessionRecord, SessionStore};

const COLUMNS: &str = "id, token_hash, csrf, subject, key_id, scopes, source_ip, created_at, last_seen_at, expires_at";

fn read(mut row: Row) -> Result<SessionRecord, StoreError> {
    Ok(SessionRecord {
        id: row.text()?,
        token_hash: row.text()?,
        csrf: row.text()?,
        subject: row.text()?,
        key: row.optional(Row::name)?,
        scopes: row.text()?,
        source_ip: row.optional(Row::text)?,
        created_at: row.moment()?,
        last_seen_at: row.moment()?,
        expires_at: row.moment()?,
    })
}

impl Store {
    /// Ends these sessions; those that are gone are passed over.
    pub(crate) async fn end_sessions(&self, ids: &[String]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        self.watch(async {
            let mut ids: Vec<&String> = ids.iter().collect();
            // Nodes that end the same ones at once take them in the same order.
            ids.sort();
            let rows = ids.into_iter().map(|id| params![id]).collect();
            let mut transaction = self.backend.begin().await?;
            transaction.count_change(Counter::Sessions).await?;
            transaction
                .execute_each("DELETE FROM sessions WHERE id = ?1", rows)
                .await?;
            transaction.commit().await
        })
        .await
    }
}

#[async_trait]
impl SessionStore for Store {
    async fn put_sessions(&self, sessions: &[SessionRecord]) -> Result<(), StoreError> {
        self.watch(async {
            let mut sessions: Vec<&SessionRecord> = sessions.iter().collect();
            // Nodes that write the same ones at once take them in the same order.
            sessions.sort_by(|a, b| a.id.cmp(&b.id));
            let rows = sessions
                .into_iter()
                .map(|session| {
                    params![
                        &session.id,
                        &session.token_hash,
                        &session.csrf,
                        &session.subject,
                        session.key.as_ref(),
                        &session.scopes,
                        session.source_ip.as_ref(),
                        session.created_at,
                        session.last_seen_at,
                        session.expires_at,
                    ]
                })
                .collect();
            let mut transaction = self.backend.begin().await?;
            transaction
                .execute_each(
                    format!(
                        "INSERT INTO sessions ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
                         ON CONFLICT (id) DO UPDATE SET last_seen_at = excluded.last_seen_at \
                         WHERE sessions.last_seen_at < excluded.last_seen_at"
                    ),
                    rows,
                )
                .await?;
            transaction.commit().await
        })
        .await
    }

    async fn session_by_token(
        &self,
        token_hash: &str,
    ) -> Result<Option<SessionRecord>, StoreError> {
        self.watch(async {
            let row = self
                .backend
                .row(
                    format!("SELECT {COLUMNS} FROM sessions WHERE token_hash = ?1"),
                    params![token_hash],
                )
                .await?;
            row.map(read).transpose()
        })
        .await
    }

    async fn sessions(&self, limit: u32) -> Result<Vec<SessionRecord>, StoreError> {
        self.watch(async {
            let rows = self
                .backend
                .query(
                    format!("SELECT {COLUMNS} FROM sessions ORDER BY created_at DESC, id LIMIT ?1"),
                    params![limit.clamp(1, 10_000)],
                )
                .await?;
            rows.into_iter().map(read).collect()
        })
        .await
    }

    async fn delete_session(&self, id: &str) -> Result<bool, StoreError> {
        self.watch(async {
            let mut transaction = self.backend.begin().await?;
            transaction.count_change(Counter::Sessions).await?;
            let deleted = transaction
                .execute("DELETE FROM sessions WHERE id = ?1", params![id])
                .await?;
            transaction.commit().await?;
            Ok(deleted > 0)
        })
        .await
    }

    async fn delete_sessions(&self, of: Option<&KeyId>) -> Result<u64, StoreError> {
        self.watch(async {
            let mut transaction = self.backend.begin().await?;
            transaction.count_change(Counter::Sessions).await?;
            let deleted = match of {
                Some(key) => {
                    transaction
                        .execute("DELETE FROM sessions WHERE key_id = ?1", params![key])
                        .await?
                }
                None => {
                    transaction
                        .execute("DELETE FROM sessions", Vec::new())
                        .await?
                }
            };
            transaction.commit().await?;
            Ok(deleted)
        })
        .await
    }

    async fn expire_sessions(
        &self,
        now: Timestamp,
        idle_since: Timestamp,
    ) -> Result<u64, StoreError> {
        self.watch(async {
            self.backend
                .execute(
                    "DELETE FROM sessions WHERE expires_at <= ?1 OR last_seen_at < ?2",
                    params![now, idle_since],
                )
                .await
        })
        .await
    }
}
