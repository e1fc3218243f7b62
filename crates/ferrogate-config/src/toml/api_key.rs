//! `[[api_keys]]`

use super::holder;
use super::line::{self, Lines};
use super::provider::variable;
use super::reader::{Reader, block, line as one_line};
use super::root::Draft;
use super::table::{Entry, Key, Shape, Table};
use crate::caddyfile::syntax::{Segment, Token};

/// A key as it is read.
#[derive(Default)]
pub(super) struct ApiKey {
    id: Option<Token>,
    lines: Vec<Segment>,
}

impl Lines for ApiKey {
    fn lines(&mut self) -> &mut Vec<Segment> {
        &mut self.lines
    }
}

const TENANTS: &str = "name one of `[[tenants]]` as `tenant`";

/// Every key of an API key.
pub(super) const API_KEY: Table<ApiKey> = Table {
    title: "[[api_keys]]",
    keys: &[
        Key::new("id", Shape::Text, "Its public id.", |r, e, k| {
            k.id = Some(r.value(e));
        }),
        holder::name(),
        Key::new("key", Shape::Text, "What the caller presents.", line::one),
        Key::new(
            "key_env",
            Shape::Text,
            "The variable that holds what the caller presents.",
            |r, e, k| {
                k.lines.extend(
                    variable(r, e).map(|variable| one_line(e.name.clone(), vec![variable])),
                );
            },
        ),
        Key::new(
            "key_hash",
            Shape::Text,
            "A hash from `ferrogate hash-key`.",
            line::one,
        ),
        holder::enabled(),
        Key::new("scopes", Shape::List, "What it may do.", line::many),
        Key::new(
            "tenant",
            Shape::Text,
            "Whose key it is: the limits of the tenant and of all above it hold as well.",
            line::one,
        ),
        Key::new("user", Shape::Text, "Who holds it.", line::one),
        Key::new("user_id", Shape::Text, "The same.", |r, e, k| {
            let value = r.value(e);
            k.lines.push(one_line(line::named("user", e), vec![value]));
        }),
        Key::new(
            "metadata",
            Shape::Pairs,
            "Labels, for routing and for the log.",
            |r, e, k| {
                for (name, value) in r.pairs(e) {
                    k.lines.push(one_line(e.name.clone(), vec![name, value]));
                }
            },
        ),
        holder::allowed_models(),
        holder::denied_models(),
        holder::allowed_providers(),
        holder::denied_providers(),
        holder::allowed_ips(),
        holder::request_limit(),
        holder::token_limit(),
        holder::max_concurrency(),
        holder::monthly_token_budget(),
        holder::budgets(),
        Key::new("expires", Shape::Time, "When it stops working.", line::one),
        Key::new(
            "expires_at_unix",
            Shape::Number,
            "The same, in seconds since 1970.",
            |r, e, k| {
                if let Some((seconds, word)) = r.number(e, 0..=LAST_SECOND) {
                    let time = Token {
                        text: rfc3339(seconds).into(),
                        ..word
                    };
                    k.lines
                        .push(one_line(line::named("expires", e), vec![time]));
                }
            },
        ),
        Key::new(
            "log_bodies",
            Shape::Flag,
            "Bodies are never logged: only `false`.",
            line::only_false,
        ),
        Key::new(
            "cache_enabled",
            Shape::Flag,
            "Nothing is cached: only `false`.",
            line::only_false,
        ),
        Key::later("organization_id", TENANTS),
        Key::later("team_id", TENANTS),
        Key::later("project_id", TENANTS),
    ],
};

/// `[[api_keys]]`
pub(super) fn read(reader: &mut Reader<'_, '_>, entry: &Entry<'_>, draft: &mut Draft) {
    for (at, table) in reader.tables(entry) {
        let mut key = ApiKey::default();
        reader.table(&API_KEY, table, &mut key);
        let title = Token {
            at,
            ..line::named("api_key", entry)
        };
        match key.id {
            Some(id) => draft.api_keys.push(block(title, vec![id], key.lines)),
            None => reader.missing(table, at, "api_keys", "id", "key_dev"),
        }
    }
}

/// 9999-12-31T23:59:59Z, the last second with four digits of a year.
const LAST_SECOND: u64 = 253_402_300_799;

/// Seconds since 1970 in the form of RFC 3339.
fn rfc3339(seconds: u64) -> String {
    let (mut days, second) = (seconds / 86_400, seconds % 86_400);
    let mut year = 1970;
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [
        31,
        28 + u64::from(leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!(
        "{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z",
        days + 1
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_times() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_825_600, "2000-02-29T12:00:00Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
            (LAST_SECOND, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }
}
