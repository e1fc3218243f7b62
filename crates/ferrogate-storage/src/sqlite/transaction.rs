//! A transaction of SQLite.

use tokio::sync::OwnedSemaphorePermit;

use crate::error::StoreError;
use crate::sql::{Row, Value};
use crate::sqlite::thread::Thread;

/// A transaction on the thread that writes, statement by statement.
pub(crate) struct SqliteTransaction {
    writer: Thread,
    /// Held to the end, so that nobody else's statements come in between.
    _turn: OwnedSemaphorePermit,
    open: bool,
}

impl SqliteTransaction {
    pub(super) async fn begin(
        writer: Thread,
        turn: OwnedSemaphorePermit,
    ) -> Result<Self, StoreError> {
        let transaction = Self {
            writer,
            _turn: turn,
            open: true,
        };
        transaction
            .writer
            .call(|db| {
                db.end_transaction()?;
                // With the right to write from the start: one that reads first may find it gone.
                db.run("BEGIN IMMEDIATE")
            })
            .await?;
        Ok(transaction)
    }

    pub(crate) async fn query(
        &mut self,
        sql: String,
        params: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        self.writer
            .call(move |db| {
                db.expect_transaction()?;
                db.query(&sql, &params)
            })
            .await
    }

    pub(crate) async fn execute_each(
        &mut self,
        sql: String,
        rows: Vec<Vec<Value>>,
    ) -> Result<Vec<u64>, StoreError> {
        self.writer
            .call(move |db| {
                db.expect_transaction()?;
                db.execute_each(&sql, &rows)
            })
            .await
    }

    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        self.writer.call(|db| db.run("COMMIT")).await?;
        self.open = false;
        Ok(())
    }
}

impl Drop for SqliteTransaction {
    fn drop(&mut self) {
        if self.open {
            // At once, for the sake of other processes. Where that finds no room, the next transaction does it.
            let _told = self.writer.tell(|db| {
                if let Err(error) = db.end_transaction() {
                    tracing::warn!(%error, "a transaction could not be rolled back");
                }
            });
        }
    }
}
