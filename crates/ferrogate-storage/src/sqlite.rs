//! SQLite: one file, one thread that writes, some that read.

mod connection;
mod thread;
mod transaction;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Semaphore;

use crate::error::StoreError;
use crate::sql::{Row, Value};
use connection::{Place, Role};
use thread::Thread;
pub(crate) use transaction::SqliteTransaction;

/// A database in a file, or in memory.
///
/// Transactions stand in line for the thread that writes; reads go to other threads and see what was committed. In
/// memory there is one thread for both, and reads stand in the same line.
#[derive(Debug)]
pub(crate) struct Sqlite {
    writer: Thread,
    readers: Vec<Thread>,
    /// Whoever holds it has a transaction.
    line: Arc<Semaphore>,
    /// Whether the writer has made the file and its tables, without which readers have nothing to open.
    ready: AtomicBool,
}

/// Threads that read: one slow query of a person does not keep the next one waiting.
const READERS: usize = 3;

impl Sqlite {
    pub(crate) fn memory() -> Self {
        Self::new(&Place::Memory, 0)
    }

    pub(crate) fn file(path: PathBuf) -> Self {
        Self::new(&Place::File(path), READERS)
    }

    fn new(place: &Place, readers: usize) -> Self {
        Self {
            writer: Thread::new(place.clone(), Role::Writer),
            readers: (0..readers)
                .map(|_| Thread::new(place.clone(), Role::Reader))
                .collect(),
            line: Arc::new(Semaphore::new(1)),
            ready: AtomicBool::new(false),
        }
    }

    pub(crate) async fn query(
        &self,
        sql: String,
        params: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        self.prepare().await?;
        let least = self.readers.iter().min_by_key(|reader| reader.waiting());
        if let Some(reader) = least {
            return reader.call(move |db| db.query(&sql, &params)).await;
        }
        let _turn = self.turn().await?;
        self.writer
            .call(move |db| {
                db.end_transaction()?;
                db.query(&sql, &params)
            })
            .await
    }

    pub(crate) async fn begin(&self) -> Result<SqliteTransaction, StoreError> {
        self.prepare().await?;
        let turn = self.turn().await?;
        SqliteTransaction::begin(self.writer.clone(), turn).await
    }

    /// Gives free pages back to the disk, a few at a time, and lets SQLite look at its tables.
    pub(crate) async fn tidy(&self) -> Result<(), StoreError> {
        self.prepare().await?;
        loop {
            let turn = self.turn().await?;
            let left = self
                .writer
                .call(|db| {
                    db.end_transaction()?;
                    db.vacuum_some()
                })
                .await?;
            drop(turn);
            if !left {
                return Ok(());
            }
        }
    }

    async fn prepare(&self) -> Result<(), StoreError> {
        if !self.ready.load(Ordering::Acquire) {
            self.writer.call(|_| Ok(())).await?;
            self.ready.store(true, Ordering::Release);
        }
        Ok(())
    }

    async fn turn(&self) -> Result<tokio::sync::OwnedSemaphorePermit, StoreError> {
        let line = Arc::clone(&self.line);
        match tokio::time::timeout(thread::PATIENCE, line.acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) => Err(StoreError::Unavailable("it was closed".to_owned())),
            Err(_) => Err(StoreError::Busy(
                "others write for longer than this waits".to_owned(),
            )),
        }
    }
}
