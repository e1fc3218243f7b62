//! Tenants in SQL.

use async_trait::async_trait;
use ferrogate_types::TenantId;

use crate::error::StoreError;
use crate::sql::changes::Counter;
use crate::sql::value::params;
use crate::sql::{Row, Store, Transaction};
use crate::traits::Expected;
use crate::traits::tenant::{TenantRecord, TenantStore};

const COLUMNS: &str = "id, parent, name, settings, created_at, updated_at, version";

fn read(mut row: Row) -> Result<TenantRecord, StoreError> {
    Ok(TenantRecord {
        id: row.name()?,
        parent: row.optional(Row::name)?,
        name: row.text()?,
        settings: row.text()?,
        created_at: row.moment()?,
        updated_at: row.moment()?,
        version: row.count()?,
    })
}

async fn claim(
    transaction: &mut Transaction,
    id: &TenantId,
    expected: Expected,
) -> Result<u64, StoreError> {
    let version = transaction.count_change(Counter::Tenants).await?;
    let found = transaction
        .row("SELECT version FROM tenants WHERE id = ?1", params![id])
        .await?;
    let found = found.map(|mut row| row.count()).transpose()?;
    expected.check(&format!("a tenant `{id}`"), found)?;
    Ok(version)
}

#[async_trait]
impl TenantStore for Store {
    async fn tenants(
        &self,
        after: Option<&TenantId>,
        limit: u32,
    ) -> Result<Vec<TenantRecord>, StoreError> {
        self.watch(async {
            let after = after.map_or("", TenantId::as_str);
            let rows = self
                .backend
                .query(
                    format!("SELECT {COLUMNS} FROM tenants WHERE id > ?1 ORDER BY id LIMIT ?2"),
                    params![after, limit.clamp(1, 1_000)],
                )
                .await?;
            rows.into_iter().map(read).collect()
        })
        .await
    }

    async fn tenant(&self, id: &TenantId) -> Result<Option<TenantRecord>, StoreError> {
        self.watch(async {
            let row = self
                .backend
                .row(
                    format!("SELECT {COLUMNS} FROM tenants WHERE id = ?1"),
                    params![id],
                )
                .await?;
            row.map(read).transpose()
        })
        .await
    }

    async fn put_tenant(
        &self,
        tenant: &TenantRecord,
        expected: Expected,
    ) -> Result<u64, StoreError> {
        self.watch(async {
            let mut transaction = self.backend.begin().await?;
            let version = claim(&mut transaction, &tenant.id, expected).await?;
            transaction
                .execute(
                    format!(
                        "INSERT INTO tenants ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
                         ON CONFLICT (id) DO UPDATE SET parent = excluded.parent, name = excluded.name, \
                         settings = excluded.settings, updated_at = excluded.updated_at, \
                         version = excluded.version"
                    ),
                    params![
                        &tenant.id,
                        tenant.parent.as_ref(),
                        &tenant.name,
                        &tenant.settings,
                        tenant.created_at,
                        tenant.updated_at,
                        version,
                    ],
                )
                .await?;
            transaction.commit().await?;
            Ok(version)
        })
        .await
    }

    async fn delete_tenant(&self, id: &TenantId, expected: Expected) -> Result<(), StoreError> {
        self.watch(async {
            let mut transaction = self.backend.begin().await?;
            // Keys too: one that is made at the same time must see this, or be seen.
            transaction.count_change(Counter::Keys).await?;
            claim(&mut transaction, id, expected).await?;
            for (sql, what) in [
                ("SELECT id FROM tenants WHERE parent = ?1 LIMIT 1", "tenant"),
                ("SELECT id FROM api_keys WHERE tenant = ?1 LIMIT 1", "key"),
            ] {
                if let Some(mut row) = transaction.row(sql, params![id]).await? {
                    return Err(StoreError::InUse {
                        what: format!("the tenant `{id}`"),
                        by: format!("the {what} `{}`", row.text()?),
                    });
                }
            }
            transaction
                .execute("DELETE FROM tenants WHERE id = ?1", params![id])
                .await?;
            transaction.commit().await
        })
        .await
    }
}
