//! `state` and `shared`: what survives a restart, and what nodes share.

use std::path::PathBuf;
use std::time::Duration;

use ferrogate_types::Secret;

use super::Settings;
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::Token;
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{RequestLogs, Retention, State, Store};

const KIND: Kind = Kind {
    noun: "option",
    place: "in `state`",
};
const SWITCH: &[(&str, bool)] = &[("on", true), ("off", false)];

/// Every option of `state`.
pub(crate) const OPTIONS: &[Row<State>] = &[
    Row::new(
        "request_logs",
        "request_logs on|off|sqlite PATH|postgres DSN",
        "Where entries about requests are kept; with everything else by default.",
        |cx, line, state| {
            let Some(words) = line.list(cx, 1..=2) else {
                return;
            };
            state.request_logs = match words {
                [word] if word.is_word("on") => RequestLogs::Same,
                [word] if word.is_word("off") => RequestLogs::Off,
                words => match store(cx, line, words) {
                    Some(store) => RequestLogs::Elsewhere(store),
                    None => return,
                },
            };
        },
    ),
    Row::new(
        "retention",
        "retention AGE [ROWS]",
        "How long, and how many, entries about requests are kept; 30d and 1000000 by default, 0 is no limit.",
        |cx, line, state| {
            let Some([age, rows @ ..]) = line.list(cx, 1..=2) else {
                return;
            };
            let age = cx.duration(age);
            let rows = match rows {
                [] => Some(Retention::default().rows),
                [rows, ..] => cx
                    .number(rows, 0..=u64::MAX)
                    .map(|rows| (rows > 0).then_some(rows)),
            };
            if let (Some(age), Some(rows)) = (age, rows) {
                state.retention = Retention {
                    age: (age > Duration::ZERO).then_some(age),
                    rows,
                };
            }
        },
    ),
    Row::new(
        "persist_config",
        "persist_config on|off",
        "Whether a configuration applied through the admin API survives a restart; off by default.",
        |cx, line, state| {
            let word = line.word(cx);
            let on = word.and_then(|word| cx.one_of(word, "switch", SWITCH));
            state.persist_config = on.unwrap_or_default();
        },
    ),
];

/// `state sqlite PATH | postgres DSN | memory [{ … }]`
pub(super) fn state(cx: &mut Cx<'_>, line: &Line<'_>, settings: &mut Settings) {
    let Some((words, block)) = line.with_block(cx, 1..=2) else {
        return;
    };
    let Some(store) = store(cx, line, words) else {
        return;
    };
    let mut state = State {
        store,
        request_logs: RequestLogs::Same,
        retention: Retention::default(),
        persist_config: false,
    };
    if let Some(block) = block {
        cx.run_block(block, KIND, OPTIONS, &mut state);
    }
    settings.state = Some(state);
}

/// `shared redis URL`
pub(super) fn shared(cx: &mut Cx<'_>, line: &Line<'_>, settings: &mut Settings) {
    let Some([kind, url]) = line.words(cx) else {
        return;
    };
    if !kind.is_word("redis") {
        let shown = cx.shown(kind);
        cx.say(
            kind.at,
            Diagnostic::error("invalid-value", format!("nodes cannot share a `{shown}`"))
                .label("expected `redis`")
                .hint(line.syntax()),
        );
        return;
    }
    settings.shared = address(cx, url, &["redis://", "rediss://", "redis+unix://"]);
}

fn store(cx: &mut Cx<'_>, line: &Line<'_>, words: &[Token]) -> Option<Store> {
    match words {
        [kind] if kind.is_word("memory") => Some(Store::Memory),
        [kind, path] if kind.is_word("sqlite") => Some(Store::Sqlite(PathBuf::from(&*path.text))),
        [kind, url] if kind.is_word("postgres") => {
            address(cx, url, &["postgres://", "postgresql://"]).map(Store::Postgres)
        }
        _ => {
            cx.say(
                line.at(),
                Diagnostic::error("invalid-value", "this is not a place to keep anything")
                    .label("expected `sqlite PATH`, `postgres DSN` or `memory`")
                    .hint(line.syntax()),
            );
            None
        }
    }
}

/// The address of a server, which may hold a password.
fn address(cx: &mut Cx<'_>, word: &Token, schemes: &[&str]) -> Option<Secret> {
    let secret = cx.secret(word)?;
    let known = schemes
        .iter()
        .any(|scheme| secret.expose().starts_with(scheme));
    if secret.is_empty() || !known {
        let expected = schemes.join("`, `");
        cx.say(
            word.at,
            Diagnostic::error("invalid-value", "this is not the address of a server")
                .label(format!("must begin with `{expected}`")),
        );
        return None;
    }
    Some(secret)
}
