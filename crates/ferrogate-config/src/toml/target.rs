//! `[[models.targets]]` beside `[[models.fallbacks]]`: places where a model is served.

use super::limits::{RETRY_KEYS, TIMEOUT_KEYS};
use super::line::{self, Lines};
use super::prices;
use super::reader::{self, Reader, block};
use super::table::{Entry, Key, Shape, Table};
use crate::caddyfile::syntax::{Segment, Token};
use crate::diagnostic::Diagnostic;

/// A place as it is read.
#[derive(Default)]
pub(super) struct Served {
    provider: Option<Token>,
    model: Option<Token>,
    priority: Option<u64>,
    disabled: bool,
    lines: Vec<Segment>,
}

impl Lines for Served {
    fn lines(&mut self) -> &mut Vec<Segment> {
        &mut self.lines
    }
}

/// Every key of a target.
pub(super) const TARGET: Table<Served> = Table {
    title: "[[models.targets]]",
    keys: &[
        Key::new("provider", Shape::Text, "The provider.", |r, e, t| {
            t.provider = Some(r.value(e));
        }),
        Key::new(
            "model",
            Shape::Text,
            "What it is asked for; the model's name by default.",
            |r, e, t| {
                t.model = Some(r.value(e));
            },
        ),
        Key::new(
            "weight",
            Shape::Number,
            "Its share; 1 by default. With 0 only when nothing else is left.",
            line::one,
        ),
        Key::new(
            "priority",
            Shape::Number,
            "Smaller ones first; 1 by default.",
            line::one,
        ),
        Key::new(
            "label",
            Shape::Text,
            "Its name in logs and metrics.",
            line::one,
        ),
        Key::new(
            "when",
            Shape::List,
            "What must hold of a request, in the words of the Caddyfile; what one of the strings says is enough.",
            line::lines_of_words,
        ),
        Key::new(
            "timeout",
            Shape::Table,
            "Time limits that differ from those of the provider.",
            |r, e, t| line::nested(r, e, &TARGET_TIMEOUT, t),
        ),
        Key::new(
            "retry",
            Shape::Table,
            "Tries that differ from those of the provider.",
            |r, e, t| line::nested(r, e, &TARGET_RETRY, t),
        ),
        prices::key(0),
        prices::key(1),
        prices::key(2),
        prices::key(3),
        prices::key(4),
        prices::key(5),
        prices::key(6),
        prices::key(7),
    ],
};

/// Every key of a fallback.
pub(super) const FALLBACK: Table<Served> = Table {
    title: "[[models.fallbacks]]",
    keys: &[
        Key::new("provider", Shape::Text, "The provider.", |r, e, t| {
            t.provider = Some(r.value(e));
        }),
        Key::new(
            "provider_model",
            Shape::Text,
            "What it is asked for; the model's name by default.",
            |r, e, t| {
                t.model = Some(r.value(e));
            },
        ),
        Key::new(
            "priority",
            Shape::Number,
            "The smallest is tried first, 1 at least; 100 by default.",
            |r, e, t| {
                t.priority = r
                    .number(e, 0..=u64::from(u32::MAX))
                    .map(|(priority, _)| priority);
            },
        ),
        Key::new(
            "weight",
            Shape::Number,
            "Its share, for strategies that look at it; 1 by default.",
            line::one,
        ),
        Key::new(
            "enabled",
            Shape::Flag,
            "Whether it is tried; `true` by default.",
            |_, e, t| {
                t.disabled = e.value.get_ref().as_bool() == Some(false);
            },
        ),
        prices::key(0),
        prices::key(1),
    ],
};

/// Every key of `timeout` of a target.
pub(super) const TARGET_TIMEOUT: Table<Vec<Segment>> = Table {
    title: "[models.targets.timeout]",
    keys: TIMEOUT_KEYS,
};

/// Every key of `retry` of a target.
pub(super) const TARGET_RETRY: Table<Vec<Segment>> = Table {
    title: "[models.targets.retry]",
    // The last one is the provider's alone.
    keys: match RETRY_KEYS.split_last() {
        Some((_, keys)) => keys,
        None => RETRY_KEYS,
    },
};

/// The places of an array in the order written, each with its priority; those switched off are left out.
pub(super) fn places(
    reader: &mut Reader<'_, '_>,
    entry: &Entry<'_>,
    kind: &'static Table<Served>,
) -> Vec<(u64, Segment)> {
    let fallback = kind.title == FALLBACK.title;
    let mut out = Vec::new();
    for (at, table) in reader.tables(entry) {
        let mut place = Served::default();
        reader.table(kind, table, &mut place);
        let Some(provider) = &place.provider else {
            reader.missing(table, at, &entry.name.text, "provider", "openai");
            continue;
        };
        let Some(target) = word(reader, provider, place.model.as_ref()) else {
            continue;
        };
        if place.disabled {
            continue;
        }
        // Targets come first, whose priority is 1.
        let priority = place.priority.unwrap_or(100).max(1);
        if fallback {
            let number = reader::word(&priority.to_string(), provider.at);
            let name = reader::word("priority", provider.at);
            place.lines.push(reader::line(name, vec![number]));
        }
        out.push((priority, segment(target, place.lines)));
    }
    out
}

/// `PROVIDER:MODEL` as one word, at the place of the provider.
pub(super) fn word(
    reader: &mut Reader<'_, '_>,
    provider: &Token,
    model: Option<&Token>,
) -> Option<Token> {
    if provider.text.contains(':') {
        let key = if model.is_some() {
            ""
        } else {
            " and its model apart"
        };
        reader.cx.say(
            provider.at,
            Diagnostic::error(
                "invalid-value",
                format!(
                    "`{}` is not the name of a provider",
                    reader.cx.shown(provider)
                ),
            )
            .label(format!("write the name{key} without a colon")),
        );
        return None;
    }
    let Some(model) = model else {
        return Some(provider.clone());
    };
    Some(Token {
        text: format!("{}:{}", provider.text, model.text).into(),
        expanded: provider.expanded || model.expanded,
        ..provider.clone()
    })
}

/// `target PROVIDER:MODEL { ... }`
pub(super) fn segment(target: Token, lines: Vec<Segment>) -> Segment {
    block(reader::word("target", target.at), vec![target], lines)
}
