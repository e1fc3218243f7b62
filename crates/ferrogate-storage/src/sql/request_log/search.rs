//! Looking for a text.

use crate::error::StoreError;
use crate::page::{Cursor, Listing, Page, Total};
use crate::sql::Store;
use crate::sql::filter::cut;
use crate::traits::request_log::{LogFilter, StoredLog};

use super::filter::conditions;
use super::record::{COLUMNS, cursor, read_all};

/// Rows that a text is looked for in.
const SEARCHED: u32 = 100_000;
/// What a text is looked for in.
const HAYSTACK: &str = "LOWER(request_id || ' ' || COALESCE(model, '') || ' ' || COALESCE(upstream_model, '') || ' ' || \
     COALESCE(provider, '') || ' ' || COALESCE(key_id, '') || ' ' || COALESCE(tenant, '') || ' ' || \
     COALESCE(user_name, '') || ' ' || COALESCE(session, '') || ' ' || COALESCE(error_code, ''))";

/// The pattern that finds a text anywhere, whatever `%` and `_` are in it.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.to_ascii_lowercase().chars() {
        if matches!(character, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

impl Store {
    /// Looks for a text in the newest rows, and says where to go on when there are more of them.
    pub(super) async fn search_logs(
        &self,
        filter: &LogFilter,
        text: &str,
        page: Page,
    ) -> Result<Listing<StoredLog>, StoreError> {
        let mut conditions = conditions(filter);
        if let Some(after) = page.after {
            conditions.add_after(after);
        }
        let searched = format!(
            "FROM request_logs{} ORDER BY occurred_at DESC, seq DESC",
            conditions.sql()
        );
        let last = self
            .backend
            .row(
                format!(
                    "SELECT occurred_at, seq {searched} LIMIT 1 OFFSET {}",
                    SEARCHED - 1
                ),
                conditions.params(),
            )
            .await?;
        let pattern = conditions.bind(pattern(text));
        let rows = self
            .backend
            .query(
                format!(
                    "SELECT seq, {COLUMNS} FROM (SELECT seq, {COLUMNS} {searched} LIMIT {SEARCHED}) AS searched \
                     WHERE {HAYSTACK} LIKE {pattern} ESCAPE '!' ORDER BY occurred_at DESC, seq DESC \
                     LIMIT {} OFFSET {}",
                    page.rows() + 1,
                    page.skipped()
                ),
                conditions.params(),
            )
            .await?;
        let (rows, mut next) = cut(read_all(rows)?, page, cursor);
        if let (None, Some(mut last)) = (next, last) {
            next = Some(Cursor {
                at: last.moment()?,
                seq: last.integer()?,
            });
        }
        let found = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let total = if next.is_some() {
            Total::AtLeast(found)
        } else {
            Total::Exactly(found.saturating_add(page.skipped().into()))
        };
        Ok(Listing { rows, next, total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_signs_as_they_are() {
        assert_eq!(pattern("A_b%!"), "%a!_b!%!!%");
    }
}
