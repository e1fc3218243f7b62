//! `targets`: each becomes a provider.

use crate::caddyfile::syntax::{Segment, Token};
use crate::toml::reader::{Reader, block, line, word};
use crate::toml::table::{Entry, Key, Shape, Table};

/// A target as it is read.
#[derive(Default)]
pub(super) struct Target {
    /// The name of a provider, which is its kind.
    pub(super) key: Option<Token>,
    pub(super) weight: Option<Token>,
    /// Names that it serves beyond those of the catalog, each with what it calls them if that differs.
    pub(super) models: Vec<(Token, Option<Token>)>,
    retry: bool,
    breaker: bool,
    lines: Vec<Segment>,
}

const TARGET: Table<Target> = Table {
    title: "targets",
    keys: &[
        Key::new("virtual_key", Shape::Text, "", |r, e, t| {
            t.key = Some(r.value(e));
        }),
        Key::new("weight", Shape::Decimal, "", |r, e, t| {
            t.weight = Some(r.value(e));
        }),
        Key::new("models", Shape::List, "", |r, e, t| {
            let names = r.words(e).into_iter().map(|name| (name, None));
            t.models.extend(names);
        }),
        Key::new("model_map", Shape::Pairs, "", |r, e, t| {
            let names = r.pairs(e).into_iter();
            t.models
                .extend(names.map(|(name, model)| (name, Some(model))));
        }),
        // A limit on the whole call would cut streams off, which are limited there until their first answer.
        Key::new("timeout", Shape::Duration, "", |r, e, t| {
            let value = r.value(e);
            let limits = ["first_byte", "first_token"]
                .map(|limit| line(word(limit, value.at), vec![value.clone()]));
            t.lines
                .push(block(e.name.clone(), Vec::new(), limits.into()));
        }),
        Key::new("retry", Shape::Table, "", |r, e, t| {
            let mut lines = Vec::new();
            r.inner(&RETRY, e, &mut lines);
            t.retry = true;
            t.lines.push(block(e.name.clone(), Vec::new(), lines));
        }),
        Key::new("circuit_breaker", Shape::Table, "", |r, e, t| {
            let mut lines = Vec::new();
            r.inner(&BREAKER, e, &mut lines);
            t.breaker = true;
            t.lines.push(block(e.name.clone(), Vec::new(), lines));
        }),
        Key::new("concurrency", Shape::Table, "", |r, e, t| {
            let mut places = Concurrency::default();
            r.inner(&CONCURRENCY, e, &mut places);
            let Some(limit) = places.limit else {
                if let Some(table) = e.value.get_ref().as_table() {
                    r.missing(table, e.name.at, "concurrency", "max_concurrency", "100");
                }
                return;
            };
            let queue = places.queue.unwrap_or_else(|| word("1000", limit.at));
            let name = word("max_concurrency", e.name.at);
            let args = vec![limit, word("queue", queue.at), queue];
            t.lines.push(line(name, args));
        }),
    ],
};

const RETRY: Table<Vec<Segment>> = Table {
    title: "targets.retry",
    keys: &[
        Key::new("attempts", Shape::Number, "", |r, e, lines| {
            let value = r.value(e);
            lines.push(line(e.name.clone(), vec![value]));
        }),
        Key::new("on_status_codes", Shape::List, "", |r, e, lines| {
            let values = r.words(e);
            if !values.is_empty() {
                lines.push(line(word("statuses", e.name.at), values));
            }
        }),
        Key::new("initial_backoff_ms", Shape::Number, "", |r, e, lines| {
            if let Some((number, value)) = r.number(e, 0..=u64::from(u32::MAX)) {
                let time = Token {
                    text: format!("{number}ms").into(),
                    ..value
                };
                lines.push(line(word("backoff", e.name.at), vec![time]));
            }
        }),
    ],
};

const BREAKER: Table<Vec<Segment>> = Table {
    title: "targets.circuit_breaker",
    keys: &[
        Key::new("failure_threshold", Shape::Number, "", |r, e, lines| {
            let value = r.value(e);
            lines.push(line(word("failures", e.name.at), vec![value]));
        }),
        Key::new("success_threshold", Shape::Number, "", |r, e, lines| {
            let value = r.value(e);
            lines.push(line(word("successes", e.name.at), vec![value]));
        }),
        Key::new("max_half_threshold", Shape::Number, "", |r, e, lines| {
            let value = r.value(e);
            lines.push(line(word("half_open", e.name.at), vec![value]));
        }),
        Key::new("timeout", Shape::Duration, "", |r, e, lines| {
            let value = r.value(e);
            lines.push(line(word("open", e.name.at), vec![value]));
        }),
    ],
};

#[derive(Default)]
struct Concurrency {
    limit: Option<Token>,
    queue: Option<Token>,
}

const CONCURRENCY: Table<Concurrency> = Table {
    title: "targets.concurrency",
    keys: &[
        Key::new("max_concurrency", Shape::Number, "", |r, e, c| {
            c.limit = Some(r.value(e));
        }),
        Key::new("queue_size", Shape::Number, "", |r, e, c| {
            c.queue = Some(r.value(e));
        }),
    ],
};

/// `targets`
pub(super) fn read(reader: &mut Reader<'_, '_>, entry: &Entry<'_>) -> Vec<Target> {
    let mut targets = Vec::new();
    for (at, table) in reader.tables(entry) {
        let mut target = Target::default();
        reader.table(&TARGET, table, &mut target);
        if target.key.is_none() {
            reader.missing(table, at, "targets", "virtual_key", "openai");
        } else {
            targets.push(target);
        }
    }
    targets
}

impl Target {
    /// `provider NAME { ... }`; without a breaker of its own it has none, and without retries it is asked once.
    pub(super) fn provider(&self, name: &Token) -> Segment {
        let mut lines = self.lines.clone();
        if !self.retry {
            let once = line(word("attempts", name.at), vec![word("1", name.at)]);
            lines.push(block(word("retry", name.at), Vec::new(), vec![once]));
        }
        if !self.breaker {
            let off = word("off", name.at);
            lines.push(line(word("circuit_breaker", name.at), vec![off]));
        }
        block(word("provider", name.at), vec![name.clone()], lines)
    }

    /// Whether it says that it serves a name, and what it calls that.
    #[expect(
        clippy::option_option,
        reason = "not to serve a name is not the same as to call it nothing else"
    )]
    pub(super) fn declares(&self, name: &str) -> Option<Option<&Token>> {
        let named = self.models.iter().find(|(known, _)| *known.text == *name)?;
        Some(named.1.as_ref())
    }
}
