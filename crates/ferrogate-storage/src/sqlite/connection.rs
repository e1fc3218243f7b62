//! A connection to SQLite.

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ferrogate_types::{Timestamp, clock};
use parking_lot::Mutex;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{ErrorCode, OpenFlags, TransactionBehavior, params_from_iter};

use crate::error::StoreError;
use crate::migration::{self, APPLIED, NOTE, SQLITE, TABLE};
use crate::sql::{Row, Value};

/// Where a database is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Memory,
    File(PathBuf),
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Makes the file and its tables, and changes them.
    Writer,
    /// Cannot change anything.
    Reader,
}

/// Until when a statement may take.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    pub(super) until: Instant,
    pub(super) gone: Arc<AtomicBool>,
}

impl Watch {
    pub(super) fn is_over(&self) -> bool {
        self.gone.load(Ordering::Relaxed) || Instant::now() >= self.until
    }
}

/// A connection, on the thread that owns it.
pub(super) struct Connection {
    sqlite: rusqlite::Connection,
    watch: Arc<Mutex<Option<Watch>>>,
}

/// How long a statement waits for another process, for instance the one this one takes over from.
const BUSY: Duration = Duration::from_secs(5);
/// Steps of SQLite's machine between two looks at the clock: well under a millisecond.
const STEPS: i32 = 10_000;
/// Statements kept ready. Filters make many of them.
const STATEMENTS: usize = 64;
/// Pages given back to the disk in one go: 4 MiB.
const PAGES: i64 = 1_024;

impl Connection {
    pub(super) fn open(place: &Place, role: Role) -> Result<Self, StoreError> {
        let mut flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags |= match role {
            Role::Writer => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            Role::Reader => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        let sqlite = match place {
            Place::Memory => rusqlite::Connection::open_in_memory_with_flags(flags),
            Place::File(path) => {
                if role == Role::Writer {
                    make_private(path).map_err(|error| {
                        StoreError::Unavailable(format!("`{}`: {error}", path.display()))
                    })?;
                }
                rusqlite::Connection::open_with_flags(path, flags)
            }
        }
        .map_err(|error| failed(&error))?;
        let mut connection = Self {
            sqlite,
            watch: Arc::default(),
        };
        connection.set_up(role).map_err(|error| failed(&error))?;
        if role == Role::Writer {
            connection.migrate()?;
        }
        Ok(connection)
    }

    fn set_up(&mut self, role: Role) -> rusqlite::Result<()> {
        self.sqlite.busy_timeout(BUSY)?;
        self.sqlite
            .set_prepared_statement_cache_capacity(STATEMENTS);
        if role == Role::Writer {
            // Before the first table: later it takes a rewrite of the file.
            self.sqlite
                .pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
            // Readers do not stop the writer, nor it them.
            self.sqlite
                .pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
            // A commit that was answered survives a power cut.
            self.sqlite.pragma_update(None, "synchronous", "FULL")?;
            self.sqlite.pragma_update_and_check(
                None,
                "journal_size_limit",
                64 << 20,
                |_| Ok(()),
            )?;
        }
        self.sqlite.pragma_update(None, "foreign_keys", true)?;
        self.sqlite.pragma_update(None, "trusted_schema", false)?;
        self.sqlite.pragma_update(None, "temp_store", "MEMORY")?;
        // Negative: KiB, taken as they are needed. What is written goes all over the indexes.
        let cache = match role {
            Role::Writer => -32_768,
            Role::Reader => -4_096,
        };
        self.sqlite.pragma_update(None, "cache_size", cache)?;
        let watch = Arc::clone(&self.watch);
        self.sqlite.progress_handler(
            STEPS,
            Some(move || watch.lock().as_ref().is_some_and(Watch::is_over)),
        )
    }

    fn migrate(&mut self) -> Result<(), StoreError> {
        // Whoever starts at the same time waits here, and then finds everything done.
        let transaction = self
            .sqlite
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| failed(&error))?;
        let steps = || -> rusqlite::Result<Vec<(u32, String)>> {
            transaction.execute_batch(TABLE)?;
            let mut applied = transaction.prepare(APPLIED)?;
            let rows = applied.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        };
        let applied = steps().map_err(|error| failed(&error))?;
        for step in migration::pending(SQLITE, &applied)? {
            let now = Timestamp::from_epoch(clock::since_epoch()).millis();
            transaction
                .execute_batch(step.sql)
                .and_then(|()| {
                    transaction.execute(NOTE, (step.number, step.name, step.checksum(), now))
                })
                .map_err(|error| failed(&error))?;
            tracing::info!(number = step.number, name = step.name, "migrated the store");
        }
        transaction.commit().map_err(|error| failed(&error))
    }

    /// Until when what follows may take.
    pub(super) fn watch(&self, watch: Option<Watch>) {
        *self.watch.lock() = watch;
    }

    pub(super) fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let read = || -> rusqlite::Result<Vec<Row>> {
            let mut statement = self.sqlite.prepare_cached(sql)?;
            let columns = statement.column_count();
            let mut rows = statement.query(params_from_iter(params))?;
            let mut read = Vec::new();
            while let Some(row) = rows.next()? {
                let mut values = Vec::with_capacity(columns);
                for column in 0..columns {
                    values.push(value(row.get_ref(column)?));
                }
                read.push(Row::new(values));
            }
            Ok(read)
        };
        read().map_err(|error| failed(&error))
    }

    pub(super) fn execute_each(
        &mut self,
        sql: &str,
        rows: &[Vec<Value>],
    ) -> Result<Vec<u64>, StoreError> {
        let write = || -> rusqlite::Result<Vec<u64>> {
            let mut statement = self.sqlite.prepare_cached(sql)?;
            rows.iter()
                .map(|params| {
                    let touched = statement.execute(params_from_iter(params))?;
                    Ok(u64::try_from(touched).unwrap_or(u64::MAX))
                })
                .collect()
        };
        write().map_err(|error| failed(&error))
    }

    /// Runs a statement without parameters or rows.
    pub(super) fn run(&mut self, sql: &'static str) -> Result<(), StoreError> {
        self.sqlite
            .execute_batch(sql)
            .map_err(|error| failed(&error))
    }

    /// Makes sure that nothing ended the transaction: SQLite does after some errors, and what followed would take
    /// effect by itself.
    pub(super) fn expect_transaction(&mut self) -> Result<(), StoreError> {
        if self.sqlite.is_autocommit() {
            Err(StoreError::Unavailable(
                "a transaction ended before its time".to_owned(),
            ))
        } else {
            Ok(())
        }
    }

    /// Rolls back what an abandoned transaction left open.
    pub(super) fn end_transaction(&mut self) -> Result<(), StoreError> {
        if self.sqlite.is_autocommit() {
            Ok(())
        } else {
            self.run("ROLLBACK")
        }
    }

    /// Gives some free pages back. Says whether there are more.
    pub(super) fn vacuum_some(&mut self) -> Result<bool, StoreError> {
        let free: i64 = self
            .sqlite
            .pragma_query_value(None, "freelist_count", |row| row.get(0))
            .map_err(|error| failed(&error))?;
        if free == 0 {
            self.run("PRAGMA optimize")?;
            return Ok(false);
        }
        // Each row of the answer is a page: all have to be asked for.
        self.query(&format!("PRAGMA incremental_vacuum({PAGES})"), &[])?;
        let left: i64 = self
            .sqlite
            .pragma_query_value(None, "freelist_count", |row| row.get(0))
            .map_err(|error| failed(&error))?;
        if left >= free {
            self.run("PRAGMA optimize")?;
            return Ok(false);
        }
        Ok(true)
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Boolean(truth) => ValueRef::Integer((*truth).into()),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// Other kinds than these are in no table here.
fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Value::Null,
    }
}

/// Makes the file, and the folder it is in, for nobody else. SQLite gives its other files the same permissions.
fn make_private(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    let permissions = file.metadata()?.permissions();
    if permissions.mode() & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "the store could be read by others; it no longer can");
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(())
}

fn failed(error: &rusqlite::Error) -> StoreError {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy(text),
        Some(ErrorCode::DiskFull) => StoreError::Full(text),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged(text),
        Some(ErrorCode::OperationInterrupted) => StoreError::TimedOut(super::thread::PATIENCE),
        Some(ErrorCode::ConstraintViolation) if text.contains("UNIQUE") => StoreError::Exists(text),
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::SystemIoFailure
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::OutOfMemory,
        ) => StoreError::Unavailable(text),
        _ => StoreError::Refused(text),
    }
}
