//! A transaction of PostgreSQL.

use crate::error::StoreError;
use crate::postgres::pool::Pooled;
use crate::sql::{Row, Value};

/// A transaction on a connection of its own. Dropped before its commit, the connection is closed with it.
pub(crate) struct PostgresTransaction {
    client: Pooled,
}

impl PostgresTransaction {
    pub(super) async fn begin(mut client: Pooled) -> Result<Self, StoreError> {
        client.run("BEGIN").await?;
        Ok(Self { client })
    }

    pub(crate) async fn query(
        &mut self,
        sql: &str,
        params: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        self.client.query(sql, &params).await
    }

    pub(crate) async fn execute_each(
        &mut self,
        sql: &str,
        rows: Vec<Vec<Value>>,
    ) -> Result<Vec<u64>, StoreError> {
        self.client.execute_each(sql, rows).await
    }

    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        let result = self.client.run("COMMIT").await;
        self.client.give_back(&result);
        result
    }
}
