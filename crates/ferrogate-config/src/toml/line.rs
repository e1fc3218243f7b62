//! Keys that become a line of the same name.

use super::reader::{Reader, block, line};
use super::table::{Entry, Key, Shape, Table};
use crate::caddyfile::lexer::lex;
use crate::caddyfile::syntax::{Segment, Token};
use crate::diagnostic::Diagnostic;

/// Something that collects lines.
pub(super) trait Lines {
    /// The lines so far.
    fn lines(&mut self) -> &mut Vec<Segment>;
}

impl Lines for Vec<Segment> {
    fn lines(&mut self) -> &mut Vec<Segment> {
        self
    }
}

/// `name VALUE`
pub(super) fn one<S: Lines>(reader: &mut Reader<'_, '_>, entry: &Entry<'_>, state: &mut S) {
    let value = reader.value(entry);
    state.lines().push(line(entry.name.clone(), vec![value]));
}

/// `name VALUE...`; nothing for an empty array, which means the default.
pub(super) fn many<S: Lines>(reader: &mut Reader<'_, '_>, entry: &Entry<'_>, state: &mut S) {
    let values = reader.words(entry);
    if !values.is_empty() {
        state.lines().push(line(entry.name.clone(), values));
    }
}

/// `name WORD...`, with the words of a string as a Caddyfile would have them.
pub(super) fn words<S: Lines>(reader: &mut Reader<'_, '_>, entry: &Entry<'_>, state: &mut S) {
    let value = reader.value(entry);
    let words = split(reader, &value);
    state
        .lines()
        .extend(words.map(|words| line(entry.name.clone(), words)));
}

/// A line `name WORD...` for each string of an array.
pub(super) fn lines_of_words<S: Lines>(
    reader: &mut Reader<'_, '_>,
    entry: &Entry<'_>,
    state: &mut S,
) {
    for value in reader.words(entry) {
        let name = Token {
            at: value.at,
            ..entry.name.clone()
        };
        let words = split(reader, &value);
        state.lines().extend(words.map(|words| line(name, words)));
    }
}

/// The words of a string; they all stand where the string does.
fn split(reader: &mut Reader<'_, '_>, value: &Token) -> Option<Vec<Token>> {
    let lexed = lex(&value.text);
    let whole = lexed.errors.is_empty()
        && lexed.comments.is_empty()
        && lexed.words.iter().all(|word| word.line == 0);
    if !whole {
        let shown = reader.cx.shown(value);
        reader.cx.say(
            value.at,
            Diagnostic::error(
                "invalid-value",
                format!("`{shown}` is not a line of words"),
            )
            .label("a quote without its partner, a `#` or a line break")
            .hint("put quotes around what is one word, for instance `'prompt_contains \"# title\"'`"),
        );
        return None;
    }
    let words = lexed.words.into_iter().map(|word| Token {
        text: word.text.into(),
        quote: word.quote,
        ..value.clone()
    });
    Some(words.collect())
}

/// `name` where the value is `true`.
pub(super) fn flag<S: Lines>(_: &mut Reader<'_, '_>, entry: &Entry<'_>, state: &mut S) {
    if entry.value.get_ref().as_bool() == Some(true) {
        state.lines().push(line(entry.name.clone(), Vec::new()));
    }
}

/// `name on` or `name off`.
pub(super) fn switch<S: Lines>(_: &mut Reader<'_, '_>, entry: &Entry<'_>, state: &mut S) {
    let word = if entry.value.get_ref().as_bool() == Some(true) {
        "on"
    } else {
        "off"
    };
    let word = Token {
        text: word.into(),
        ..entry.name.clone()
    };
    state.lines().push(line(entry.name.clone(), vec![word]));
}

/// `disabled` where `enabled` is `false`.
pub(super) fn enabled<S: Lines>(_: &mut Reader<'_, '_>, entry: &Entry<'_>, state: &mut S) {
    if entry.value.get_ref().as_bool() == Some(false) {
        state
            .lines()
            .push(line(named("disabled", entry), Vec::new()));
    }
}

/// The bare name of something the Caddyfile refuses as well, with its own words.
pub(super) fn refused<S: Lines>(_: &mut Reader<'_, '_>, entry: &Entry<'_>, state: &mut S) {
    state.lines().push(line(entry.name.clone(), Vec::new()));
}

/// `name { ... }` with the lines of a table.
pub(super) fn nested<S: Lines>(
    reader: &mut Reader<'_, '_>,
    entry: &Entry<'_>,
    kind: &'static Table<Vec<Segment>>,
    state: &mut S,
) {
    let mut lines = Vec::new();
    reader.inner(kind, entry, &mut lines);
    state
        .lines()
        .push(block(entry.name.clone(), Vec::new(), lines));
}

/// The name of a line that stands for a key of another name.
pub(super) fn named(name: &str, entry: &Entry<'_>) -> Token {
    Token {
        text: name.into(),
        ..entry.name.clone()
    }
}

/// A name and a value.
#[derive(Default)]
pub(super) struct Pair {
    pub(super) name: Option<Token>,
    pub(super) value: Option<Token>,
}

/// `{ name = "...", value = "..." }`
pub(super) const PAIR: Table<Pair> = Table {
    title: "{ name, value }",
    keys: &[
        Key::new("name", Shape::Text, "The name.", |r, e, pair| {
            pair.name = Some(r.value(e));
        }),
        Key::new("value", Shape::Text, "The value.", |r, e, pair| {
            pair.value = Some(r.value(e));
        }),
    ],
};

/// A switch that cannot be turned on yet.
pub(super) fn only_false<S>(reader: &mut Reader<'_, '_>, entry: &Entry<'_>, _: &mut S) {
    if entry.value.get_ref().as_bool() == Some(true) {
        reader.cx.say(
            entry.name.at,
            Diagnostic::error(
                "not-available",
                format!("`{} = true` is not available yet", entry.name.text),
            )
            .label("not available yet")
            .hint("write `false`, or leave it out"),
        );
    }
}
