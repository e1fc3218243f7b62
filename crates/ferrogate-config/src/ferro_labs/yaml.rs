//! YAML to a table with places.

use std::borrow::Cow;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, StrInput};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::diagnostic::Diagnostic;
use crate::report::Report;
use crate::source::{FileId, Span};

/// How deep lists and mappings may nest.
const MAX_DEPTH: usize = 32;

/// What a key has in its name whose value nobody should see.
const SECRETS: [&str; 6] = [
    "api_key",
    "apikey",
    "secret",
    "token",
    "password",
    "authorization",
];

type Value = Spanned<DeValue<'static>>;

/// Reads a document whose top is a mapping; scalars become strings, and keys without a value are left out.
///
/// `None` when it cannot be read, which the report says.
pub(super) fn parse(report: &mut Report, file: FileId, text: &str) -> Option<DeTable<'static>> {
    let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    let mut reader = Yaml {
        events: Parser::new_from_str(text),
        starts: starts.collect(),
        report,
        file,
    };
    reader.document()
}

struct Yaml<'t, 'r> {
    events: Parser<'t, StrInput<'t>>,
    /// The byte at which each character begins.
    starts: Vec<usize>,
    report: &'r mut Report,
    file: FileId,
}

impl<'t> Yaml<'t, '_> {
    fn document(&mut self) -> Option<DeTable<'static>> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(_), _) => {}
                (Event::StreamEnd, _) => return Some(DeTable::new()),
                (event, at) => {
                    let value = self.value(event, at, 0)?;
                    let Some(DeValue::Table(table)) = value.as_ref().map(Spanned::get_ref) else {
                        let at = value.map_or(0..0, |value| value.span());
                        self.say(at, "the document is not a mapping", "names and values");
                        return None;
                    };
                    let table = table.clone();
                    self.end()?;
                    return Some(table);
                }
            }
        }
    }

    /// Nothing but the end may follow.
    fn end(&mut self) -> Option<()> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Some(()),
                (Event::DocumentStart(_), at) => {
                    self.say(
                        at,
                        "the file has a second document",
                        "one is all that is read",
                    );
                    return None;
                }
                _ => {}
            }
        }
    }

    /// The value that begins with an event; nothing inside for none at all.
    #[expect(
        clippy::option_option,
        reason = "a value that is not there is not one that cannot be read"
    )]
    fn value(&mut self, event: Event<'t>, at: Range<usize>, depth: usize) -> Option<Option<Value>> {
        if depth > MAX_DEPTH {
            self.say(at, "this nests too deep", "32 levels are all that is read");
            return None;
        }
        let value = match event {
            Event::Scalar(text, style, ..) => {
                let none = matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                if none && style == ScalarStyle::Plain {
                    return Some(None);
                }
                DeValue::String(Cow::Owned(text.into_owned()))
            }
            Event::SequenceStart(..) => {
                let mut items = DeArray::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, at) => {
                            if let Some(item) = self.value(event, at, depth + 1)? {
                                items.push(item);
                            }
                        }
                    }
                }
                DeValue::Array(items)
            }
            Event::MappingStart(..) => {
                let table = self.mapping(depth)?;
                // A mapping without braces has no place of its own.
                let first = table.keys().map(Spanned::span).min_by_key(|key| key.start);
                let at = first.filter(|_| at.is_empty()).unwrap_or(at);
                return Some(Some(Spanned::new(at, DeValue::Table(table))));
            }
            _ => {
                self.say(
                    at,
                    "an alias stands for another value",
                    "write the value itself",
                );
                return None;
            }
        };
        Some(Some(Spanned::new(at, value)))
    }

    fn mapping(&mut self, depth: usize) -> Option<DeTable<'static>> {
        let mut table = DeTable::new();
        loop {
            let (key, key_at) = match self.next()? {
                (Event::MappingEnd, _) => return Some(table),
                (Event::Scalar(key, ..), at) => (key.into_owned(), at),
                (_, at) => {
                    self.say(at, "a key must be a word", "no word");
                    return None;
                }
            };
            let (event, at) = self.next()?;
            self.hide(&key, &event, &at);
            let value = self.value(event, at, depth + 1)?;
            if table.contains_key(key.as_str()) {
                let message = format!("`{key}` is written twice");
                self.say(key_at, message, "second one");
            } else if let Some(value) = value {
                table.insert(Spanned::new(key_at, Cow::Owned(key)), value);
            }
        }
    }

    /// Hides a value that may be a secret from excerpts: no key here has one, but a misplaced one may.
    fn hide(&mut self, key: &str, event: &Event<'_>, at: &Range<usize>) {
        let name = key.to_lowercase();
        if matches!(event, Event::Scalar(..)) && SECRETS.iter().any(|part| name.contains(part)) {
            self.report.redact(Span::new(self.file, at.start, at.end));
        }
    }

    fn next(&mut self) -> Option<(Event<'t>, Range<usize>)> {
        match self.events.next_event()? {
            Ok((event, span)) => {
                let at = self.byte(span.start.index())..self.byte(span.end.index());
                Some((event, at))
            }
            Err(error) => {
                self.syntax(&error);
                None
            }
        }
    }

    fn byte(&self, character: usize) -> usize {
        let end = self.starts.last().copied().unwrap_or_default();
        self.starts.get(character).copied().unwrap_or(end)
    }

    fn syntax(&mut self, error: &ScanError) {
        let at = self.byte(error.marker().index());
        self.say(
            at..at,
            format!("this is no YAML: {}", error.info()),
            "cannot be read",
        );
    }

    fn say(&mut self, at: Range<usize>, message: impl Into<String>, label: &str) {
        let span = Span::new(self.file, at.start, at.end);
        self.report
            .push(Diagnostic::error("syntax", message).at(span).label(label));
    }
}
