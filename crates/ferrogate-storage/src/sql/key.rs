//! Virtual keys in SQL.

use async_trait::async_trait;
use ferrogate_types::KeyId;

use crate::error::StoreError;
use crate::sql::changes::Counter;
use crate::sql::value::params;
use crate::sql::{Row, Store, Transaction};
use crate::traits::Expected;
use crate::traits::key::{KeyChange, KeyRecord, KeyStore, KeyUse, PreviousSecret};

const COLUMNS: &str = "id, name, prefix, secret_hash, previous_hash, previous_valid_until, tenant, user_name, settings, \
     disabled, revoked_at, expires, created_at, updated_at, rotated_at, last_used_at, usage_count, version";

const PUT: &str = "INSERT INTO api_keys (id, name, prefix, secret_hash, previous_hash, previous_valid_until, tenant, \
     user_name, settings, disabled, revoked_at, expires, created_at, updated_at, rotated_at, usage_count, version) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, 0, ?16) \
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, prefix = excluded.prefix, \
     secret_hash = excluded.secret_hash, previous_hash = excluded.previous_hash, \
     previous_valid_until = excluded.previous_valid_until, tenant = excluded.tenant, \
     user_name = excluded.user_name, settings = excluded.settings, disabled = excluded.disabled, \
     revoked_at = excluded.revoked_at, expires = excluded.expires, updated_at = excluded.updated_at, \
     rotated_at = excluded.rotated_at, version = excluded.version";

/// Keys in one answer.
const MAX: u32 = 1_000;

fn read(mut row: Row) -> Result<KeyRecord, StoreError> {
    Ok(KeyRecord {
        id: row.name()?,
        name: row.text()?,
        prefix: row.text()?,
        secret_hash: row.text()?,
        previous: previous(&mut row)?,
        tenant: row.optional(Row::name)?,
        user: row.optional(Row::name)?,
        settings: row.text()?,
        disabled: row.boolean()?,
        revoked_at: row.optional(Row::moment)?,
        expires: row.optional(Row::moment)?,
        created_at: row.moment()?,
        updated_at: row.moment()?,
        rotated_at: row.optional(Row::moment)?,
        last_used_at: row.optional(Row::moment)?,
        usage_count: row.count()?,
        version: row.count()?,
    })
}

fn previous(row: &mut Row) -> Result<Option<PreviousSecret>, StoreError> {
    let hash = row.optional(Row::text)?;
    let valid_until = row.optional(Row::moment)?;
    Ok(hash
        .zip(valid_until)
        .map(|(hash, valid_until)| PreviousSecret { hash, valid_until }))
}

/// Counts a change of keys and holds what is there against what was expected.
async fn claim(
    transaction: &mut Transaction,
    id: &KeyId,
    expected: Expected,
) -> Result<u64, StoreError> {
    let version = transaction.count_change(Counter::Keys).await?;
    let found = transaction
        .row("SELECT version FROM api_keys WHERE id = ?1", params![id])
        .await?;
    let found = found.map(|mut row| row.count()).transpose()?;
    expected.check(&format!("a key `{id}`"), found)?;
    Ok(version)
}

async fn note_existence(transaction: &mut Transaction) -> Result<(), StoreError> {
    transaction
        .execute(
            "INSERT INTO facts (name) VALUES ('keys_existed') ON CONFLICT (name) DO NOTHING",
            Vec::new(),
        )
        .await?;
    Ok(())
}

#[async_trait]
impl KeyStore for Store {
    async fn keys(&self, after: Option<&KeyId>, limit: u32) -> Result<Vec<KeyRecord>, StoreError> {
        self.watch(async {
            let after = after.map_or("", KeyId::as_str);
            let rows = self
                .backend
                .query(
                    format!("SELECT {COLUMNS} FROM api_keys WHERE id > ?1 ORDER BY id LIMIT ?2"),
                    params![after, limit.clamp(1, MAX)],
                )
                .await?;
            rows.into_iter().map(read).collect()
        })
        .await
    }

    async fn key(&self, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        self.watch(async {
            let row = self
                .backend
                .row(
                    format!("SELECT {COLUMNS} FROM api_keys WHERE id = ?1"),
                    params![id],
                )
                .await?;
            row.map(read).transpose()
        })
        .await
    }

    async fn put_key(&self, key: &KeyRecord, expected: Expected) -> Result<u64, StoreError> {
        self.watch(async {
            let mut transaction = self.backend.begin().await?;
            let version = claim(&mut transaction, &key.id, expected).await?;
            let previous = key.previous.as_ref();
            transaction
                .execute(
                    PUT,
                    params![
                        &key.id,
                        &key.name,
                        &key.prefix,
                        &key.secret_hash,
                        previous.map(|previous| &previous.hash),
                        previous.map(|previous| previous.valid_until),
                        key.tenant.as_ref(),
                        key.user.as_ref(),
                        &key.settings,
                        key.disabled,
                        key.revoked_at,
                        key.expires,
                        key.created_at,
                        key.updated_at,
                        key.rotated_at,
                        version,
                    ],
                )
                .await?;
            transaction
                .execute("DELETE FROM deleted_keys WHERE id = ?1", params![&key.id])
                .await?;
            note_existence(&mut transaction).await?;
            transaction.commit().await?;
            Ok(version)
        })
        .await
    }

    async fn delete_key(&self, id: &KeyId, expected: Expected) -> Result<(), StoreError> {
        self.watch(async {
            let mut transaction = self.backend.begin().await?;
            let version = claim(&mut transaction, id, expected).await?;
            transaction
                .execute("DELETE FROM api_keys WHERE id = ?1", params![id])
                .await?;
            transaction
                .execute(
                    "INSERT INTO deleted_keys (id, version) VALUES (?1, ?2)",
                    params![id, version],
                )
                .await?;
            transaction.commit().await
        })
        .await
    }

    async fn note_uses(&self, uses: &[KeyUse]) -> Result<(), StoreError> {
        self.watch(async {
            let mut uses: Vec<&KeyUse> = uses.iter().collect();
            // Nodes that write the same keys at once take them in the same order, so that none waits for the other.
            uses.sort_by(|a, b| a.id.cmp(&b.id));
            let rows = uses
                .into_iter()
                .map(|used| params![&used.id, used.uses, used.last_used_at])
                .collect();
            let mut transaction = self.backend.begin().await?;
            transaction
                .execute_each(
                    "UPDATE api_keys SET usage_count = usage_count + ?2, last_used_at = CASE \
                     WHEN last_used_at IS NULL OR last_used_at < ?3 THEN ?3 ELSE last_used_at END WHERE id = ?1",
                    rows,
                )
                .await?;
            transaction.commit().await
        })
        .await
    }

    async fn key_changes(
        &self,
        since: u64,
        limit: u32,
    ) -> Result<(Vec<KeyChange>, u64), StoreError> {
        self.watch(async {
            let limit = limit.clamp(1, MAX);
            // What was counted so far is committed, so both reads see all of it, whatever happens between them.
            let counted = self
                .backend
                .row(
                    "SELECT generation FROM changes WHERE kind = 'keys'",
                    Vec::new(),
                )
                .await?;
            let counted = counted.map(|mut row| row.count()).transpose()?;
            let counted = counted.unwrap_or_default();
            let put = self
                .backend
                .query(
                    format!(
                        "SELECT {COLUMNS} FROM api_keys WHERE version > ?1 AND version <= ?2 \
                         ORDER BY version LIMIT ?3"
                    ),
                    params![since, counted, limit],
                )
                .await?;
            let deleted = self
                .backend
                .query(
                    "SELECT id, version FROM deleted_keys WHERE version > ?1 AND version <= ?2 \
                     ORDER BY version LIMIT ?3",
                    params![since, counted, limit],
                )
                .await?;
            let mut changes = Vec::with_capacity(put.len() + deleted.len());
            for row in put {
                let key = read(row)?;
                changes.push((key.version, KeyChange::Put(Box::new(key))));
            }
            for mut row in deleted {
                let id = row.name()?;
                changes.push((row.count()?, KeyChange::Deleted(id)));
            }
            changes.sort_by_key(|(version, _)| *version);
            let fits = usize::try_from(limit).unwrap_or(usize::MAX);
            let reached = if changes.len() < fits {
                counted.max(since)
            } else {
                changes.truncate(fits);
                changes.last().map_or(since, |(version, _)| *version)
            };
            let changes = changes.into_iter().map(|(_, change)| change).collect();
            Ok((changes, reached))
        })
        .await
    }

    async fn keys_existed(&self) -> Result<bool, StoreError> {
        self.watch(async {
            let row = self
                .backend
                .row(
                    "SELECT 1 FROM facts WHERE name = 'keys_existed'",
                    Vec::new(),
                )
                .await?;
            Ok(row.is_some())
        })
        .await
    }

    async fn note_keys_existed(&self) -> Result<(), StoreError> {
        self.watch(async {
            let mut transaction = self.backend.begin().await?;
            note_existence(&mut transaction).await?;
            transaction.commit().await
        })
        .await
    }
}
