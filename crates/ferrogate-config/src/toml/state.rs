//! `[state]`

use super::line::{self, Lines};
use super::reader::{Reader, block};
use super::table::{Entry, Key, Shape, Table};
use crate::caddyfile::syntax::{Segment, Token};
use crate::diagnostic::Diagnostic;

/// What `[state]` says.
#[derive(Default)]
pub(super) struct State {
    /// The kind of the store and where it is.
    store: Vec<Token>,
    lines: Vec<Segment>,
}

impl Lines for State {
    fn lines(&mut self) -> &mut Vec<Segment> {
        &mut self.lines
    }
}

/// Every key of `[state]`.
pub(super) const STATE: Table<State> = Table {
    title: "[state]",
    keys: &[
        Key::new(
            "sqlite",
            Shape::Text,
            "The file of a SQLite database.",
            place,
        ),
        Key::new(
            "postgres",
            Shape::Text,
            "The address of a PostgreSQL server.",
            place,
        ),
        Key::new("memory", Shape::Flag, "Nothing survives.", |_, e, s| {
            if e.value.get_ref().as_bool() == Some(true) {
                s.store = vec![e.name.clone()];
            }
        }),
        Key::new(
            "request_logs",
            Shape::Words,
            "`on`, `off`, `sqlite PATH` or `postgres DSN`: where entries about requests are kept.",
            line::words,
        ),
        Key::new(
            "retention",
            Shape::Words,
            "How long, and how many, entries about requests are kept, for instance `30d 1000000`.",
            line::words,
        ),
        Key::new(
            "persist_config",
            Shape::Flag,
            "Whether a configuration applied through the admin API survives a restart.",
            line::switch,
        ),
    ],
};

fn place(reader: &mut Reader<'_, '_>, entry: &Entry<'_>, state: &mut State) {
    let value = reader.value(entry);
    state.store = vec![entry.name.clone(), value];
}

impl State {
    /// The same as a line of the Caddyfile.
    pub(super) fn block(self, reader: &mut Reader<'_, '_>, entry: &Entry<'_>) -> Option<Segment> {
        if self.store.is_empty() {
            reader.cx.say(
                entry.name.at,
                Diagnostic::error("invalid-value", "nothing says where state is kept")
                    .label("`sqlite`, `postgres` or `memory` is missing")
                    .hint("write for instance `sqlite = \"ferrogate.db\"`"),
            );
            return None;
        }
        Some(block(entry.name.clone(), self.store, self.lines))
    }
}
