//! A row that was read.

use std::str::FromStr;

use ferrogate_types::{LedgerEventId, Money, Timestamp};

use crate::error::StoreError;
use crate::sql::Value;

/// The columns of a row, taken from left to right.
///
/// Statements name their columns in the order of the record they fill, so that each column is named once.
#[derive(Debug)]
pub(crate) struct Row(std::vec::IntoIter<Value>);

impl Row {
    pub(crate) fn new(columns: Vec<Value>) -> Self {
        Self(columns.into_iter())
    }

    pub(crate) fn integer(&mut self) -> Result<i64, StoreError> {
        match self.0.next() {
            Some(Value::Integer(number)) => Ok(number),
            other => Err(unexpected("a number", other.as_ref())),
        }
    }

    pub(crate) fn count(&mut self) -> Result<u64, StoreError> {
        let number = self.integer()?;
        u64::try_from(number)
            .map_err(|_| StoreError::Damaged(format!("a count of {number} is below zero")))
    }

    pub(crate) fn boolean(&mut self) -> Result<bool, StoreError> {
        match self.0.next() {
            Some(Value::Boolean(truth)) => Ok(truth),
            // SQLite has no type of its own for them.
            Some(Value::Integer(number)) => Ok(number != 0),
            other => Err(unexpected("a truth", other.as_ref())),
        }
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        match self.0.next() {
            Some(Value::Text(text)) => Ok(text),
            other => Err(unexpected("a text", other.as_ref())),
        }
    }

    pub(crate) fn moment(&mut self) -> Result<Timestamp, StoreError> {
        self.integer().map(Timestamp::from_millis)
    }

    pub(crate) fn money(&mut self) -> Result<Money, StoreError> {
        self.integer().map(|nanos| Money::from_nanos(nanos.into()))
    }

    /// A name that was valid when it was written.
    pub(crate) fn name<T: FromStr>(&mut self) -> Result<T, StoreError> {
        let text = self.text()?;
        text.parse()
            .map_err(|_| StoreError::Damaged(format!("`{text}` is not a name")))
    }

    pub(crate) fn event_id(&mut self) -> Result<LedgerEventId, StoreError> {
        let text = self.text()?;
        LedgerEventId::from_hex(&text)
            .ok_or_else(|| StoreError::Damaged(format!("`{text}` is not the id of an event")))
    }

    /// What `read` takes, or nothing where the column is empty.
    pub(crate) fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        if self.0.as_slice().first() == Some(&Value::Null) {
            self.0.next();
            Ok(None)
        } else {
            read(self).map(Some)
        }
    }
}

fn unexpected(wanted: &str, found: Option<&Value>) -> StoreError {
    let found = match found {
        None => "no more columns",
        Some(Value::Null) => "nothing",
        Some(Value::Integer(_)) => "a number",
        Some(Value::Boolean(_)) => "a truth",
        Some(Value::Text(_)) => "a text",
    };
    StoreError::Damaged(format!("a column holds {found} instead of {wanted}"))
}
