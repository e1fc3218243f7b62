//! Numbers that Redis' scripts reckon with.

use crate::error::StoreError;
use crate::redis::reply::Reply;

/// The largest whole number a script reckons with exactly: its numbers are doubles.
pub(super) const MOST: i64 = (1 << 53) - 1;

/// A number as a script takes it, held at what it can reckon with.
pub(super) fn argument(number: i64) -> String {
    number.clamp(-MOST, MOST).to_string()
}

/// As [`argument`].
pub(super) fn count(number: u64) -> String {
    argument(i64::try_from(number).unwrap_or(MOST))
}

/// The numbers that a script answered.
pub(super) fn numbers(reply: &Reply) -> Result<Vec<i64>, StoreError> {
    let Reply::List(list) = reply else {
        return Err(unexpected());
    };
    list.iter().map(number).collect()
}

/// The number that a script answered.
pub(super) fn number(reply: &Reply) -> Result<i64, StoreError> {
    match reply {
        Reply::Integer(number) => Ok(*number),
        _ => Err(unexpected()),
    }
}

pub(super) fn unexpected() -> StoreError {
    StoreError::Refused("a script of Redis answered what it never does".to_owned())
}
