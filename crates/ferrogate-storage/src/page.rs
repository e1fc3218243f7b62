//! One page of a long list.

use std::fmt;
use std::str::FromStr;

use ferrogate_types::Timestamp;

/// Where in a list that is read newest first the next page begins.
///
/// Written `MILLISECONDS.SEQUENCE`; what comes after it does not change when newer rows arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// When the last row of the page before happened.
    pub at: Timestamp,
    /// Its number in the store.
    pub seq: i64,
}

/// Why a text is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a cursor that was given out")]
pub struct CursorError;

/// Which rows of a list are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// At most this many rows; 1 to 1,000, and what is beyond is held at the edge.
    pub limit: u32,
    /// Begin after this row.
    pub after: Option<Cursor>,
    /// Leave out this many rows, at most 100,000. Its cost grows with it: a cursor is better.
    pub offset: u32,
}

/// Rows of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T> {
    /// The rows of the page.
    pub rows: Vec<T>,
    /// Where the next page begins, when there is one.
    pub next: Option<Cursor>,
    /// How many rows the whole list has.
    pub total: Total,
}

/// How many rows a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    /// Exactly this many.
    Exactly(u64),
    /// This many or more: counting stopped there.
    AtLeast(u64),
}

impl Page {
    /// The first rows of a list.
    pub fn first(limit: u32) -> Self {
        Self {
            limit,
            after: None,
            offset: 0,
        }
    }

    /// The rows that come after.
    #[must_use]
    pub fn after(self, cursor: Cursor) -> Self {
        Self {
            after: Some(cursor),
            offset: 0,
            ..self
        }
    }

    pub(crate) fn rows(self) -> u32 {
        self.limit.clamp(1, MAX_ROWS)
    }

    pub(crate) fn skipped(self) -> u32 {
        self.offset.min(MAX_OFFSET)
    }
}

/// Rows in one page.
const MAX_ROWS: u32 = 1_000;
/// Rows that may be left out by counting them.
const MAX_OFFSET: u32 = 100_000;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at.millis(), self.seq)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (at, seq) = text.split_once('.').ok_or(CursorError)?;
        let at = at.parse().map_err(|_| CursorError)?;
        let seq = seq.parse().map_err(|_| CursorError)?;
        Ok(Self {
            at: Timestamp::from_millis(at),
            seq,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text() {
        let cursor = Cursor {
            at: Timestamp::from_millis(1_763_669_460_123),
            seq: 42,
        };
        assert_eq!(cursor.to_string(), "1763669460123.42");
        assert_eq!("1763669460123.42".parse(), Ok(cursor));
        for text in ["", "1", "1.", ".1", "1.x", "1.2.3"] {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text}");
        }
    }

    #[test]
    fn a_page_is_bounded() {
        let page = Page {
            limit: 0,
            after: None,
            offset: u32::MAX,
        };
        assert_eq!((page.rows(), page.skipped()), (1, MAX_OFFSET));
        assert_eq!(Page::first(u32::MAX).rows(), MAX_ROWS);
    }
}
