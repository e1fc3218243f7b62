//! The conditions of a query, as far as they were asked for.

use crate::page::{Cursor, Page, Total};
use crate::sql::Value;

/// Conditions that all must hold, with their parameters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    sql: String,
    params: Vec<Value>,
}

impl Conditions {
    /// Adds a condition in which `{}` is the value.
    pub(crate) fn add(&mut self, condition: &str, value: impl Into<Value>) {
        let number = self.bind(value);
        self.add_plain(&condition.replace("{}", &number));
    }

    /// Adds a condition where there is a value for it.
    pub(crate) fn add_some(&mut self, condition: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.add(condition, value);
        }
    }

    /// Adds a condition without a value of its own.
    pub(crate) fn add_plain(&mut self, condition: &str) {
        self.sql.push_str(if self.sql.is_empty() {
            " WHERE "
        } else {
            " AND "
        });
        self.sql.push_str(condition);
    }

    /// Adds that a row comes after one, in a list sorted by time and number downwards.
    pub(crate) fn add_after(&mut self, cursor: Cursor) {
        let at = self.bind(cursor.at);
        let seq = self.bind(cursor.seq);
        self.add_plain(&format!("(occurred_at, seq) < ({at}, {seq})"));
    }

    /// Adds a value. Returns how the statement names it.
    pub(crate) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.params.push(value.into());
        format!("?{}", self.params.len())
    }

    /// ` WHERE ...`, or nothing.
    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }

    /// The parameters so far.
    pub(crate) fn params(&self) -> Vec<Value> {
        self.params.clone()
    }

    /// Counts the rows of a table that fit, up to a bound.
    pub(crate) fn counting(&self, table: &str) -> (String, Vec<Value>) {
        let sql = format!(
            "SELECT COUNT(*) FROM (SELECT 1 AS one FROM {table}{} LIMIT {}) AS counted",
            self.sql,
            COUNTED + 1
        );
        (sql, self.params())
    }
}

/// Rows that are counted: people do not look further, and a count of ten million takes seconds.
const COUNTED: u64 = 10_000;

/// What a bounded count says.
pub(crate) fn total(counted: u64) -> Total {
    if counted > COUNTED {
        Total::AtLeast(COUNTED)
    } else {
        Total::Exactly(counted)
    }
}

/// The rows of a page out of what was read for it, one more than fits, and where the next begins.
pub(crate) fn cut<T>(
    mut rows: Vec<T>,
    page: Page,
    cursor: impl Fn(&T) -> Cursor,
) -> (Vec<T>, Option<Cursor>) {
    let fits = usize::try_from(page.rows()).unwrap_or(usize::MAX);
    if rows.len() <= fits {
        return (rows, None);
    }
    rows.truncate(fits);
    let next = rows.last().map(cursor);
    (rows, next)
}
