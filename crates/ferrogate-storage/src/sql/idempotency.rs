//! Answers that may be asked for again, in SQL.

use async_trait::async_trait;
use ferrogate_types::Timestamp;

use crate::error::StoreError;
use crate::sql::value::params;
use crate::sql::{Row, Store};
use crate::traits::idempotency::{AnswerStore, KeptAnswer};

const COLUMNS: &str = "actor, idempotency_key, fingerprint, status, etag, body, created_at";

fn read(mut row: Row) -> Result<KeptAnswer, StoreError> {
    Ok(KeptAnswer {
        actor: row.text()?,
        key: row.text()?,
        fingerprint: row.text()?,
        status: u16::try_from(row.count()?)
            .map_err(|_| StoreError::Damaged("a kept answer has no status".to_owned()))?,
        etag: row.optional(Row::text)?,
        body: row.text()?,
        created_at: row.moment()?,
    })
}

#[async_trait]
impl AnswerStore for Store {
    async fn keep_answer(&self, answer: &KeptAnswer) -> Result<Option<KeptAnswer>, StoreError> {
        let kept = self
            .watch(async {
                self.backend
                    .execute(
                        format!(
                            "INSERT INTO kept_answers ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
                             ON CONFLICT (actor, idempotency_key) DO NOTHING"
                        ),
                        params![
                            &answer.actor,
                            &answer.key,
                            &answer.fingerprint,
                            answer.status,
                            answer.etag.as_ref(),
                            &answer.body,
                            answer.created_at,
                        ],
                    )
                    .await
            })
            .await?;
        if kept > 0 {
            Ok(None)
        } else {
            self.kept_answer(&answer.actor, &answer.key).await
        }
    }

    async fn kept_answer(&self, actor: &str, key: &str) -> Result<Option<KeptAnswer>, StoreError> {
        self.watch(async {
            let row = self
                .backend
                .row(
                    format!(
                        "SELECT {COLUMNS} FROM kept_answers WHERE actor = ?1 AND idempotency_key = ?2"
                    ),
                    params![actor, key],
                )
                .await?;
            row.map(read).transpose()
        })
        .await
    }

    async fn forget_answers(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.watch(async {
            self.backend
                .execute(
                    "DELETE FROM kept_answers WHERE created_at < ?1",
                    params![before],
                )
                .await
        })
        .await
    }
}
