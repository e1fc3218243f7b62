//! Values on PostgreSQL's wire.

use bytes::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::error::StoreError;
use crate::sql::{Row, Value};

type Failure = Box<dyn std::error::Error + Sync + Send>;

/// A statement with PostgreSQL's names of parameters.
pub(super) fn numbered(sql: &str) -> String {
    // No text of a caller is ever part of a statement, and none of ours asks a question.
    sql.replace('?', "$")
}

/// The columns of a row.
pub(super) fn columns(row: &tokio_postgres::Row) -> Result<Row, StoreError> {
    (0..row.len())
        .map(|column| {
            row.try_get::<_, Value>(column)
                .map_err(|error| StoreError::Damaged(error.to_string()))
        })
        .collect::<Result<Vec<_>, _>>()
        .map(Row::new)
}

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) if *ty == Type::INT4 => i32::try_from(*number)?.to_sql(ty, out),
            Self::Integer(number) if *ty == Type::INT8 => number.to_sql(ty, out),
            Self::Boolean(truth) if *ty == Type::BOOL => truth.to_sql(ty, out),
            Self::Text(text) if *ty == Type::TEXT => text.to_sql(ty, out),
            Self::Integer(_) | Self::Boolean(_) | Self::Text(_) => {
                Err(format!("a parameter is of another type than `{ty}`").into())
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        match *ty {
            Type::BOOL => bool::from_sql(ty, raw).map(Self::Boolean),
            Type::INT4 => i32::from_sql(ty, raw).map(|number| Self::Integer(number.into())),
            Type::INT8 => i64::from_sql(ty, raw).map(Self::Integer),
            _ => String::from_sql(ty, raw).map(Self::Text),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Failure> {
        Ok(Self::Null)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(
            *ty,
            Type::BOOL | Type::INT4 | Type::INT8 | Type::TEXT | Type::VARCHAR
        )
    }
}
