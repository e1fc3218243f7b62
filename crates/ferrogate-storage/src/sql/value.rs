//! A value that both databases know.

use ferrogate_types::{
    AccountId, KeyId, LedgerEventId, ModelName, Money, ProviderId, TenantId, Timestamp,
    UpstreamModel, UserId,
};

/// A parameter of a statement, or a column of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Boolean(bool),
    Text(String),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u64> for Value {
    /// Counts stop at what a column holds: nothing that is counted here gets there.
    fn from(number: u64) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Integer(number.into())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Boolean(truth)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        // PostgreSQL has no NUL in texts, and one of a caller's making must not lose the rows beside it.
        if text.contains('\0') {
            Self::Text(text.replace('\0', "\u{fffd}"))
        } else {
            Self::Text(text)
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<Timestamp> for Value {
    fn from(moment: Timestamp) -> Self {
        Self::Integer(moment.millis())
    }
}

impl From<Money> for Value {
    /// Billionths of a dollar; a column ends at nine billion dollars.
    fn from(money: Money) -> Self {
        let nanos = money.nanos();
        let edge = if nanos < 0 { i64::MIN } else { i64::MAX };
        Self::Integer(i64::try_from(nanos).unwrap_or(edge))
    }
}

impl From<&LedgerEventId> for Value {
    fn from(id: &LedgerEventId) -> Self {
        Self::Text(id.to_string())
    }
}

macro_rules! from_name {
    ($($name:ty),*) => {
        $(impl From<&$name> for Value {
            fn from(name: &$name) -> Self {
                Self::Text(name.as_str().to_owned())
            }
        })*
    };
}

from_name!(
    AccountId,
    KeyId,
    ModelName,
    ProviderId,
    TenantId,
    UpstreamModel,
    UserId
);

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The parameters of a statement, in their order.
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        vec![$($crate::sql::Value::from($value)),*]
    };
}
pub(crate) use params;
