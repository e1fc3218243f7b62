//! Revisions of the configuration in SQL.

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::error::StoreError;
use crate::sql::changes::Counter;
use crate::sql::value::params;
use crate::sql::{Row, Store};
use crate::traits::audit::hex;
use crate::traits::config::{ConfigStore, NewRevision, Revision};

const COLUMNS: &str = "version, text, format, author, created_at, checksum, rolled_back_from";

fn read(mut row: Row) -> Result<Revision, StoreError> {
    let revision = Revision {
        version: row.count()?,
        text: row.text()?,
        format: row.text()?,
        author: row.text()?,
        created_at: row.moment()?,
        checksum: row.text()?,
        rolled_back_from: row.optional(Row::count)?,
    };
    if revision.checksum != hex(&Sha256::digest(&revision.text)) {
        return Err(StoreError::Damaged(format!(
            "revision {} of the configuration is not the text that was kept",
            revision.version
        )));
    }
    Ok(revision)
}

#[async_trait]
impl ConfigStore for Store {
    async fn apply_revision(
        &self,
        revision: &NewRevision,
        expected: Option<u64>,
    ) -> Result<Revision, StoreError> {
        self.watch(async {
            let mut transaction = self.backend.begin().await?;
            transaction.count_change(Counter::Config).await?;
            let newest = transaction
                .row(
                    "SELECT COALESCE(MAX(version), 0) FROM config_revisions",
                    Vec::new(),
                )
                .await?;
            let newest = newest.map(|mut row| row.count()).transpose()?.unwrap_or(0);
            if let Some(expected) = expected
                && expected != newest
            {
                return Err(StoreError::Stale {
                    what: "the configuration".to_owned(),
                    expected,
                    found: newest,
                });
            }
            if revision.text.contains('\0') {
                return Err(StoreError::Refused(
                    "a configuration holds no NUL".to_owned(),
                ));
            }
            let kept = Revision {
                version: newest.saturating_add(1),
                text: revision.text.clone(),
                format: revision.format.clone(),
                author: revision.author.clone(),
                created_at: revision.created_at,
                checksum: hex(&Sha256::digest(&revision.text)),
                rolled_back_from: revision.rolled_back_from,
            };
            transaction
                .execute(
                    format!(
                        "INSERT INTO config_revisions ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                    ),
                    params![
                        kept.version,
                        &kept.text,
                        &kept.format,
                        &kept.author,
                        kept.created_at,
                        &kept.checksum,
                        kept.rolled_back_from,
                    ],
                )
                .await?;
            transaction
                .execute("DELETE FROM config_active", Vec::new())
                .await?;
            transaction
                .execute(
                    "INSERT INTO config_active (version) VALUES (?1)",
                    params![kept.version],
                )
                .await?;
            transaction.commit().await?;
            Ok(kept)
        })
        .await
    }

    async fn active_revision(&self) -> Result<Option<Revision>, StoreError> {
        self.watch(async {
            let row = self
                .backend
                .row(
                    format!(
                        "SELECT {COLUMNS} FROM config_revisions \
                         WHERE version = (SELECT MAX(version) FROM config_active)"
                    ),
                    Vec::new(),
                )
                .await?;
            row.map(read).transpose()
        })
        .await
    }

    async fn clear_active_revision(&self) -> Result<(), StoreError> {
        self.watch(async {
            let mut transaction = self.backend.begin().await?;
            transaction.count_change(Counter::Config).await?;
            transaction
                .execute("DELETE FROM config_active", Vec::new())
                .await?;
            transaction.commit().await
        })
        .await
    }

    async fn revision(&self, version: u64) -> Result<Option<Revision>, StoreError> {
        self.watch(async {
            let row = self
                .backend
                .row(
                    format!("SELECT {COLUMNS} FROM config_revisions WHERE version = ?1"),
                    params![version],
                )
                .await?;
            row.map(read).transpose()
        })
        .await
    }

    async fn revisions(
        &self,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Revision>, StoreError> {
        self.watch(async {
            let rows = self
                .backend
                .query(
                    format!(
                        "SELECT {COLUMNS} FROM config_revisions WHERE version < ?1 \
                         ORDER BY version DESC LIMIT ?2"
                    ),
                    params![before.unwrap_or(u64::MAX), limit.clamp(1, 100)],
                )
                .await?;
            rows.into_iter().map(read).collect()
        })
        .await
    }
}
