//! The schema and how it came about.

use sha2::{Digest, Sha256};

use crate::error::StoreError;
use crate::traits::audit::hex;

/// A step from one schema to the next. There is no way back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    /// Counts from one without gaps.
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    /// Statements that take effect together.
    pub(crate) sql: &'static str,
}

/// The steps of SQLite, in order.
pub(crate) const SQLITE: &[Migration] = &[Migration {
    number: 1,
    name: "begin",
    sql: include_str!("../migrations/sqlite/0001_begin.sql"),
}];

/// The steps of PostgreSQL, in order. The same numbers bring about the same tables.
pub(crate) const POSTGRES: &[Migration] = &[Migration {
    number: 1,
    name: "begin",
    sql: include_str!("../migrations/postgres/0001_begin.sql"),
}];

/// Where both keep what was applied.
pub(crate) const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (\
     number BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)";
/// What was applied.
pub(crate) const APPLIED: &str = "SELECT number, checksum FROM schema_migrations ORDER BY number";
/// Notes that a step was applied.
pub(crate) const NOTE: &str =
    "INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4)";

impl Migration {
    /// SHA-256 of its statements, hexadecimal.
    pub(crate) fn checksum(&self) -> String {
        hex(&Sha256::digest(self.sql))
    }
}

/// The steps that are left, given those that were applied.
pub(crate) fn pending<'a>(
    known: &'a [Migration],
    applied: &[(u32, String)],
) -> Result<&'a [Migration], StoreError> {
    let newest = known.last().map_or(0, |step| step.number);
    if let Some((found, _)) = applied.last()
        && *found > newest
    {
        return Err(StoreError::NewerSchema {
            found: *found,
            known: newest,
        });
    }
    for (step, (number, checksum)) in known.iter().zip(applied) {
        if step.number != *number || step.checksum() != *checksum {
            return Err(StoreError::ForeignSchema(*number));
        }
    }
    Ok(known.get(applied.len()..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(steps: &[Migration]) -> Vec<(u32, String)> {
        steps
            .iter()
            .map(|step| (step.number, step.checksum()))
            .collect()
    }

    const TWO: [Migration; 2] = [
        Migration {
            number: 1,
            name: "one",
            sql: "SELECT 1",
        },
        Migration {
            number: 2,
            name: "two",
            sql: "SELECT 2",
        },
    ];

    #[test]
    fn goes_on_where_it_stopped() {
        let left = |done: &[Migration]| pending(&TWO, &applied(done)).map(<[_]>::len);
        assert_eq!(left(&[]), Ok(2));
        assert_eq!(left(&TWO[..1]), Ok(1));
        assert_eq!(left(&TWO), Ok(0));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert_eq!(
            pending(&TWO[..1], &applied(&TWO)).unwrap_err(),
            StoreError::NewerSchema { found: 2, known: 1 }
        );
        let mut changed = applied(&TWO);
        changed[0].1 = "another".to_owned();
        assert_eq!(
            pending(&TWO, &changed).unwrap_err(),
            StoreError::ForeignSchema(1)
        );
    }

    #[test]
    fn both_databases_have_the_same_steps() {
        let steps = |known: &[Migration]| -> Vec<_> {
            known.iter().map(|step| (step.number, step.name)).collect()
        };
        assert_eq!(steps(SQLITE), steps(POSTGRES));
        let numbers = SQLITE.iter().map(|step| step.number);
        assert!(numbers.eq((1..).take(SQLITE.len())));
    }
}
