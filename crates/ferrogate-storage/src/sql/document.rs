//! Policies and budgets in SQL.

use async_trait::async_trait;

use crate::error::StoreError;
use crate::sql::changes::Counter;
use crate::sql::value::params;
use crate::sql::{Row, Store, Transaction};
use crate::traits::Expected;
use crate::traits::document::{Document, DocumentKind, DocumentStore};

const COLUMNS: &str = "id, body, created_at, updated_at, version";

fn read(kind: DocumentKind, mut row: Row) -> Result<Document, StoreError> {
    Ok(Document {
        kind,
        id: row.text()?,
        body: row.text()?,
        created_at: row.moment()?,
        updated_at: row.moment()?,
        version: row.count()?,
    })
}

async fn claim(
    transaction: &mut Transaction,
    kind: DocumentKind,
    id: &str,
    expected: Expected,
) -> Result<u64, StoreError> {
    let counter = match kind {
        DocumentKind::Policy => Counter::Policies,
        DocumentKind::Budget => Counter::Budgets,
    };
    let version = transaction.count_change(counter).await?;
    let found = transaction
        .row(
            "SELECT version FROM documents WHERE kind = ?1 AND id = ?2",
            params![kind.as_str(), id],
        )
        .await?;
    let found = found.map(|mut row| row.count()).transpose()?;
    expected.check(&format!("a {} `{id}`", kind.as_str()), found)?;
    Ok(version)
}

#[async_trait]
impl DocumentStore for Store {
    async fn documents(
        &self,
        kind: DocumentKind,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Document>, StoreError> {
        self.watch(async {
            let rows = self
                .backend
                .query(
                    format!(
                        "SELECT {COLUMNS} FROM documents WHERE kind = ?1 AND id > ?2 ORDER BY id LIMIT ?3"
                    ),
                    params![kind.as_str(), after.unwrap_or_default(), limit.clamp(1, 1_000)],
                )
                .await?;
            rows.into_iter().map(|row| read(kind, row)).collect()
        })
        .await
    }

    async fn document(&self, kind: DocumentKind, id: &str) -> Result<Option<Document>, StoreError> {
        self.watch(async {
            let row = self
                .backend
                .row(
                    format!("SELECT {COLUMNS} FROM documents WHERE kind = ?1 AND id = ?2"),
                    params![kind.as_str(), id],
                )
                .await?;
            row.map(|row| read(kind, row)).transpose()
        })
        .await
    }

    async fn put_document(
        &self,
        document: &Document,
        expected: Expected,
    ) -> Result<u64, StoreError> {
        self.watch(async {
            let mut transaction = self.backend.begin().await?;
            let version = claim(&mut transaction, document.kind, &document.id, expected).await?;
            transaction
                .execute(
                    format!(
                        "INSERT INTO documents (kind, {COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                         ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body, \
                         updated_at = excluded.updated_at, version = excluded.version"
                    ),
                    params![
                        document.kind.as_str(),
                        &document.id,
                        &document.body,
                        document.created_at,
                        document.updated_at,
                        version,
                    ],
                )
                .await?;
            transaction.commit().await?;
            Ok(version)
        })
        .await
    }

    async fn delete_document(
        &self,
        kind: DocumentKind,
        id: &str,
        expected: Expected,
    ) -> Result<(), StoreError> {
        self.watch(async {
            let mut transaction = self.backend.begin().await?;
            claim(&mut transaction, kind, id, expected).await?;
            transaction
                .execute(
                    "DELETE FROM documents WHERE kind = ?1 AND id = ?2",
                    params![kind.as_str(), id],
                )
                .await?;
            transaction.commit().await
        })
        .await
    }
}
