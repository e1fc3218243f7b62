//! The audit trail in SQL.

use async_trait::async_trait;

use crate::error::StoreError;
use crate::page::{Cursor, Listing, Page};
use crate::sql::filter::{Conditions, cut, total};
use crate::sql::value::params;
use crate::sql::{Row, Store};
use crate::traits::audit::{AuditFilter, AuditRow, AuditStore, AuditVerdict, GENESIS, NewAudit};

const COLUMNS: &str =
    "seq, occurred_at, action, actor_id, target_id, outcome, source_ip, detail, prev_hash, hash";

fn read(mut row: Row) -> Result<AuditRow, StoreError> {
    Ok(AuditRow {
        seq: row.count()?,
        occurred_at: row.moment()?,
        action: row.text()?,
        actor_id: row.text()?,
        target_id: row.optional(Row::text)?,
        outcome: row.text()?,
        source_ip: row.optional(Row::text)?,
        detail: row.text()?,
        prev_hash: row.text()?,
        hash: row.text()?,
    })
}

fn conditions(filter: &AuditFilter) -> Conditions {
    let mut conditions = Conditions::default();
    conditions.add_some("action = {}", filter.action.as_ref());
    conditions.add_some("actor_id = {}", filter.actor_id.as_ref());
    conditions.add_some("target_id = {}", filter.target_id.as_ref());
    conditions.add_some("outcome = {}", filter.outcome.as_ref());
    conditions.add_some("occurred_at >= {}", filter.since);
    conditions.add_some("occurred_at < {}", filter.until);
    conditions
}

impl Store {
    /// Adds a row after the last one. Whoever adds one at the same time takes the same number, and one of both has
    /// to try again.
    async fn append_once(&self, entry: &NewAudit) -> Result<AuditRow, StoreError> {
        let mut transaction = self.backend.begin().await?;
        let last = transaction
            .row(
                "SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1",
                Vec::new(),
            )
            .await?;
        let (seq, prev_hash) = match last {
            Some(mut row) => (row.count()?, row.text()?),
            None => (0, GENESIS.to_owned()),
        };
        let row = AuditRow::following(seq.saturating_add(1), &prev_hash, entry)?;
        let inserted = transaction
            .execute(
                format!(
                    "INSERT INTO audit_log ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
                     ON CONFLICT (seq) DO NOTHING"
                ),
                params![
                    row.seq,
                    row.occurred_at,
                    &row.action,
                    &row.actor_id,
                    row.target_id.as_ref(),
                    &row.outcome,
                    row.source_ip.as_ref(),
                    &row.detail,
                    &row.prev_hash,
                    &row.hash,
                ],
            )
            .await?;
        if inserted == 0 {
            return Err(StoreError::Busy("others write the audit trail".to_owned()));
        }
        transaction.commit().await?;
        Ok(row)
    }
}

#[async_trait]
impl AuditStore for Store {
    async fn append_audit(&self, entry: &NewAudit) -> Result<AuditRow, StoreError> {
        // A NUL would be replaced on its way into the store, and the hash be wrong.
        let entry = without_nul(entry);
        self.watch(self.contended(|| self.append_once(&entry)))
            .await
    }

    async fn audit(
        &self,
        filter: &AuditFilter,
        page: Page,
    ) -> Result<Listing<AuditRow>, StoreError> {
        self.watch(async {
            let mut conditions = conditions(filter);
            let (counting, params) = conditions.counting("audit_log");
            let counted = self.backend.row(counting, params).await?;
            let counted = counted.map(|mut row| row.count()).transpose()?;
            if let Some(after) = page.after {
                conditions.add_after(after);
            }
            let rows = self
                .backend
                .query(
                    format!(
                        "SELECT {COLUMNS} FROM audit_log{} ORDER BY occurred_at DESC, seq DESC LIMIT {} OFFSET {}",
                        conditions.sql(),
                        page.rows() + 1,
                        page.skipped()
                    ),
                    conditions.params(),
                )
                .await?;
            let rows: Vec<AuditRow> = rows.into_iter().map(read).collect::<Result<_, _>>()?;
            let (rows, next) = cut(rows, page, |row| Cursor {
                at: row.occurred_at,
                seq: i64::try_from(row.seq).unwrap_or(i64::MAX),
            });
            Ok(Listing {
                rows,
                next,
                total: total(counted.unwrap_or_default()),
            })
        })
        .await
    }

    async fn verify_audit(&self) -> Result<AuditVerdict, StoreError> {
        self.watch(async {
            let (mut seen, mut head) = (0_u64, GENESIS.to_owned());
            loop {
                let rows = self
                    .backend
                    .query(
                        format!(
                            "SELECT {COLUMNS} FROM audit_log WHERE seq > ?1 ORDER BY seq LIMIT {CHECKED}"
                        ),
                        params![seen],
                    )
                    .await?;
                if rows.is_empty() {
                    return Ok(AuditVerdict::Intact { rows: seen, head });
                }
                for row in rows {
                    let row = read(row)?;
                    if let Some(reason) = flaw(&row, seen, &head)? {
                        return Ok(AuditVerdict::Broken {
                            seq: row.seq,
                            reason,
                        });
                    }
                    seen = row.seq;
                    head = row.hash;
                }
            }
        })
        .await
    }
}

/// Rows that are checked in one go.
const CHECKED: u32 = 1_000;

fn flaw(row: &AuditRow, seen: u64, head: &str) -> Result<Option<&'static str>, StoreError> {
    Ok(if row.seq != seen.saturating_add(1) {
        Some("rows before it are missing")
    } else if row.prev_hash != head {
        Some("it does not follow the row before it")
    } else if row.computed_hash()? != row.hash {
        Some("it was changed")
    } else {
        None
    })
}

fn without_nul(entry: &NewAudit) -> NewAudit {
    let clean = |text: &String| text.replace('\0', "\u{fffd}");
    NewAudit {
        occurred_at: entry.occurred_at,
        action: clean(&entry.action),
        actor_id: clean(&entry.actor_id),
        target_id: entry.target_id.as_ref().map(clean),
        outcome: clean(&entry.outcome),
        source_ip: entry.source_ip.as_ref().map(clean),
        // JSON has none in the clear.
        detail: entry.detail.clone(),
    }
}
