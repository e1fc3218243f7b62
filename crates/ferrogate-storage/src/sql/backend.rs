//! The databases, behind what the stores need of them.

use crate::error::StoreError;
use crate::postgres::{Postgres, PostgresTransaction};
use crate::sql::{Row, Value};
use crate::sqlite::{Sqlite, SqliteTransaction};

/// A database.
///
/// Statements are written with `?1`, `?2` for their parameters.
#[derive(Debug)]
pub(crate) enum Backend {
    Sqlite(Sqlite),
    Postgres(Box<Postgres>),
}

/// Statements that take effect together. Dropped without [`commit`](Self::commit), none does.
pub(crate) enum Transaction {
    Sqlite(SqliteTransaction),
    Postgres(PostgresTransaction),
}

impl Backend {
    /// Reads. Sees what was committed before.
    pub(crate) async fn query(
        &self,
        sql: impl Into<String>,
        params: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let sql = sql.into();
        match self {
            Self::Sqlite(database) => database.query(sql, params).await,
            Self::Postgres(database) => database.query(&sql, params).await,
        }
    }

    /// Reads one row, if there is one.
    pub(crate) async fn row(
        &self,
        sql: impl Into<String>,
        params: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    pub(crate) async fn begin(&self) -> Result<Transaction, StoreError> {
        Ok(match self {
            Self::Sqlite(database) => Transaction::Sqlite(database.begin().await?),
            Self::Postgres(database) => Transaction::Postgres(database.begin().await?),
        })
    }

    /// Runs one statement by itself. Returns how many rows it touched.
    pub(crate) async fn execute(
        &self,
        sql: impl Into<String>,
        params: Vec<Value>,
    ) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let touched = transaction.execute(sql, params).await?;
        transaction.commit().await?;
        Ok(touched)
    }
}

impl Transaction {
    pub(crate) async fn query(
        &mut self,
        sql: impl Into<String>,
        params: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let sql = sql.into();
        match self {
            Self::Sqlite(transaction) => transaction.query(sql, params).await,
            Self::Postgres(transaction) => transaction.query(&sql, params).await,
        }
    }

    pub(crate) async fn row(
        &mut self,
        sql: impl Into<String>,
        params: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// Runs a statement. Returns how many rows it touched.
    pub(crate) async fn execute(
        &mut self,
        sql: impl Into<String>,
        params: Vec<Value>,
    ) -> Result<u64, StoreError> {
        let touched = self.execute_each(sql, vec![params]).await?;
        Ok(touched.into_iter().sum())
    }

    /// Runs a statement once for each set of parameters, in order, in one go. Returns how many rows each touched.
    pub(crate) async fn execute_each(
        &mut self,
        sql: impl Into<String>,
        rows: Vec<Vec<Value>>,
    ) -> Result<Vec<u64>, StoreError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let sql = sql.into();
        match self {
            Self::Sqlite(transaction) => transaction.execute_each(sql, rows).await,
            Self::Postgres(transaction) => transaction.execute_each(&sql, rows).await,
        }
    }

    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(transaction) => transaction.commit().await,
        }
    }
}
