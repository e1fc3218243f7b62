//! PostgreSQL: a few connections, used in turn.

mod pool;
mod tls;
mod transaction;
mod value;

use crate::dsn::{DsnError, PostgresDsn};
use crate::error::StoreError;
use crate::sql::{Row, Value};
use pool::Pool;
pub(crate) use transaction::PostgresTransaction;

/// A database on a server.
#[derive(Debug)]
pub(crate) struct Postgres {
    pool: Pool,
}

impl Postgres {
    /// Reads the certificates the DSN names.
    pub(crate) fn new(dsn: &PostgresDsn) -> Result<Self, DsnError> {
        Ok(Self {
            pool: Pool::new(dsn)?,
        })
    }

    pub(crate) async fn query(
        &self,
        sql: &str,
        params: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut client = self.pool.client().await?;
        let result = client.query(sql, &params).await;
        client.give_back(&result);
        result
    }

    pub(crate) async fn begin(&self) -> Result<PostgresTransaction, StoreError> {
        PostgresTransaction::begin(self.pool.client().await?).await
    }
}
