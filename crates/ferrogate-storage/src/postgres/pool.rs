//! Connections that are used in turn.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ferrogate_types::{Timestamp, clock};
use futures_util::future::try_join_all;
use parking_lot::Mutex;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls, Statement};

use crate::dsn::{DsnError, PostgresDsn};
use crate::error::StoreError;
use crate::migration::{self, APPLIED, NOTE, POSTGRES, TABLE};
use crate::postgres::tls::Tls;
use crate::postgres::value::{columns, numbered};
use crate::sql::{Row, Value};

/// Connections to one server.
#[derive(Debug)]
pub(super) struct Pool {
    config: Config,
    tls: Option<Tls>,
    places: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
    migrated: OnceCell<()>,
}

/// A connection, for its user alone.
///
/// Dropped, it is closed and the server rolls back what it was doing; [`give_back`](Self::give_back) keeps it.
pub(super) struct Pooled {
    connection: Connection,
    idle: Arc<Mutex<Vec<Connection>>>,
    /// Its place, free for another with the end of this.
    _place: OwnedSemaphorePermit,
}

struct Connection {
    client: Client,
    statements: HashMap<String, Statement>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// Connections at once: state is written in batches, so few do a lot.
const CONNECTIONS: usize = 8;
/// How long a call waits for a place, a connection, or an answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long making a connection may take, unless the DSN says otherwise.
const CONNECT: Duration = Duration::from_secs(5);
/// Statements kept ready on a connection. Filters make many of them.
const STATEMENTS: usize = 128;
/// Whoever migrates holds this lock, whose number was drawn once.
const MIGRATION_LOCK: i64 = 0x6665_7272_6f67_6174;
/// What each connection begins with: a server that we lost must not work or lock on.
const SESSION: &str = "SET statement_timeout = '15s'; SET lock_timeout = '10s'; \
     SET idle_in_transaction_session_timeout = '30s'; SET default_transaction_isolation = 'read committed'; \
     SET client_min_messages = 'warning'";

impl Pool {
    pub(super) fn new(dsn: &PostgresDsn) -> Result<Self, DsnError> {
        let mut config = dsn.config()?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        // What a dead network says after hours otherwise.
        config.tcp_user_timeout(PATIENCE);
        config.keepalives_idle(Duration::from_secs(30));
        let tls = dsn
            .tls()
            .map(|tls| tls.client().map(Tls::new))
            .transpose()?;
        Ok(Self {
            config,
            tls,
            places: Arc::new(Semaphore::new(CONNECTIONS)),
            idle: Arc::default(),
            migrated: OnceCell::new(),
        })
    }

    pub(super) async fn client(&self) -> Result<Pooled, StoreError> {
        let places = Arc::clone(&self.places);
        let place = match tokio::time::timeout(PATIENCE, places.acquire_owned()).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Err(StoreError::Unavailable("it was closed".to_owned())),
            Err(_) => return Err(StoreError::Busy("every connection is in use".to_owned())),
        };
        self.migrated
            .get_or_try_init(|| async {
                let mut connection = self.connect().await?;
                connection.migrate().await?;
                self.idle.lock().push(connection);
                Ok::<_, StoreError>(())
            })
            .await?;
        let connection = loop {
            let idle = self.idle.lock().pop();
            match idle {
                Some(connection) if connection.client.is_closed() => {}
                Some(connection) => break connection,
                None => break self.connect().await?,
            }
        };
        Ok(Pooled {
            connection,
            idle: Arc::clone(&self.idle),
            _place: place,
        })
    }

    async fn connect(&self) -> Result<Connection, StoreError> {
        let connecting = async {
            let client = if let Some(tls) = &self.tls {
                let (client, wire) = self.config.connect(tls.clone()).await?;
                tokio::spawn(drive(wire));
                client
            } else {
                let (client, wire) = self.config.connect(NoTls).await?;
                tokio::spawn(drive(wire));
                client
            };
            client.batch_execute(SESSION).await?;
            Ok::<_, tokio_postgres::Error>(Connection {
                client,
                statements: HashMap::new(),
            })
        };
        match tokio::time::timeout(PATIENCE, connecting).await {
            Ok(connected) => connected.map_err(|error| failed(&error)),
            Err(_) => Err(StoreError::TimedOut(PATIENCE)),
        }
    }
}

/// Carries what a client says. Ends with the client, or with the connection, which the client then notices.
async fn drive(wire: impl Future<Output = Result<(), tokio_postgres::Error>>) {
    if let Err(error) = wire.await {
        tracing::debug!(%error, "a connection to PostgreSQL ended");
    }
}

impl Connection {
    async fn migrate(&mut self) -> Result<(), StoreError> {
        let migrating = async {
            // Whoever starts at the same time waits here, and then finds everything done. The lock ends with the
            // transaction.
            let begin = format!(
                "BEGIN; SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; \
                 SELECT pg_advisory_xact_lock({MIGRATION_LOCK}); {TABLE}"
            );
            self.run(&begin).await?;
            let mut applied = Vec::new();
            for mut row in self.query(APPLIED, &[]).await? {
                let number = u32::try_from(row.count()?).unwrap_or(u32::MAX);
                applied.push((number, row.text()?));
            }
            for step in migration::pending(POSTGRES, &applied)? {
                self.run(step.sql).await?;
                let note = vec![
                    Value::from(step.number),
                    step.name.into(),
                    step.checksum().into(),
                    Timestamp::from_epoch(clock::since_epoch()).into(),
                ];
                self.execute_each(NOTE, vec![note]).await?;
                tracing::info!(number = step.number, name = step.name, "migrated the store");
            }
            self.run("COMMIT").await
        };
        // Building an index over what an earlier version left may take its time.
        match tokio::time::timeout(Duration::from_mins(10), migrating).await {
            Ok(result) => result,
            Err(_) => Err(StoreError::TimedOut(Duration::from_mins(10))),
        }
    }

    async fn run(&mut self, sql: &str) -> Result<(), StoreError> {
        self.client
            .batch_execute(sql)
            .await
            .map_err(|error| failed(&error))
    }

    async fn statement(&mut self, sql: &str) -> Result<Statement, StoreError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self
            .client
            .prepare(&numbered(sql))
            .await
            .map_err(|error| failed(&error))?;
        if self.statements.len() >= STATEMENTS {
            self.statements.clear();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    async fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let statement = self.statement(sql).await?;
        let params = params.iter().map(|value| value as _).collect::<Vec<_>>();
        let rows = self
            .client
            .query(&statement, &params)
            .await
            .map_err(|error| failed(&error))?;
        rows.iter().map(columns).collect()
    }

    async fn execute_each(
        &mut self,
        sql: &str,
        rows: Vec<Vec<Value>>,
    ) -> Result<Vec<u64>, StoreError> {
        let statement = self.statement(sql).await?;
        let client = &self.client;
        let mut touched = Vec::with_capacity(rows.len());
        // Sent one after the other without waiting for each: as many round trips as there are pieces.
        for piece in rows.chunks(IN_FLIGHT) {
            let sent = piece.iter().map(|row| {
                let statement = &statement;
                async move { client.execute_raw(statement, row).await }
            });
            let answered = try_join_all(sent).await.map_err(|error| failed(&error))?;
            touched.extend(answered);
        }
        Ok(touched)
    }
}

/// Statements on their way at once.
const IN_FLIGHT: usize = 256;

impl Pooled {
    pub(super) async fn run(&mut self, sql: &str) -> Result<(), StoreError> {
        in_time(self.connection.run(sql)).await
    }

    pub(super) async fn query(
        &mut self,
        sql: &str,
        params: &[Value],
    ) -> Result<Vec<Row>, StoreError> {
        in_time(self.connection.query(sql, params)).await
    }

    pub(super) async fn execute_each(
        &mut self,
        sql: &str,
        rows: Vec<Vec<Value>>,
    ) -> Result<Vec<u64>, StoreError> {
        in_time(self.connection.execute_each(sql, rows)).await
    }

    /// Keeps the connection for the next one, unless what just happened says that it is of no more use.
    pub(super) fn give_back<T>(self, result: &Result<T, StoreError>) {
        match result {
            // The server went away: so did the others.
            Err(StoreError::Unavailable(_)) => self.idle.lock().clear(),
            Err(error) if error.is_passing() => {}
            Ok(_) | Err(_) => {
                if !self.connection.client.is_closed() {
                    self.idle.lock().push(self.connection);
                }
            }
        }
    }
}

async fn in_time<T>(call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(result) => result,
        Err(_) => Err(StoreError::TimedOut(PATIENCE)),
    }
}

/// What an error of PostgreSQL means. Classes are those of its documentation, appendix A.
fn failed(error: &tokio_postgres::Error) -> StoreError {
    let Some(answer) = error.as_db_error() else {
        return StoreError::Unavailable(chain(error));
    };
    let text = format!("{} ({})", answer.message(), answer.code().code());
    match answer.code() {
        &SqlState::UNIQUE_VIOLATION => StoreError::Exists(text),
        &SqlState::QUERY_CANCELED => StoreError::TimedOut(PATIENCE),
        &SqlState::T_R_SERIALIZATION_FAILURE
        | &SqlState::T_R_DEADLOCK_DETECTED
        | &SqlState::LOCK_NOT_AVAILABLE => StoreError::Busy(text),
        &SqlState::DISK_FULL => StoreError::Full(text),
        &SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED => StoreError::Damaged(text),
        code => match code.code().split_at_checked(2).map(|(class, _)| class) {
            // No connection, not let in, no such database, not enough of something, shutting down, broken disk,
            // and a server that only reads.
            Some("08" | "28" | "3D" | "53" | "57" | "58" | "25") => StoreError::Unavailable(text),
            _ => StoreError::Refused(text),
        },
    }
}

/// An error with what caused it: its own words say little.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
