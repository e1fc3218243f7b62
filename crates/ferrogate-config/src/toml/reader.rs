//! Values to words.

use std::ops::{Range, RangeInclusive};
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::table::{Entry, Table};
use super::text::MAX_VALUE;
use crate::caddyfile::context::Cx;
use crate::caddyfile::lexer::Quote;
use crate::caddyfile::syntax::{Block, ImportId, Place, Segment, Token};
use crate::caddyfile::variables;
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Span};

/// What reading knows: the context of lowering, and the file.
pub(crate) struct Reader<'r, 'c> {
    pub(crate) cx: &'r mut Cx<'c>,
    pub(crate) file: FileId,
    /// Where files with relative names are.
    pub(crate) folder: &'r Path,
}

impl Reader<'_, '_> {
    /// A place in the file.
    pub(crate) fn place(&self, range: Range<usize>) -> Place {
        Place {
            span: Span::new(self.file, range.start, range.end),
            import: ImportId::MAIN,
        }
    }

    /// A key as a word.
    pub(crate) fn name(&self, key: &Spanned<std::borrow::Cow<'_, str>>) -> Token {
        word(key.get_ref(), self.place(key.span()))
    }

    /// A value as a word, with its variables put in: strings, numbers and times as they are written.
    pub(crate) fn word(&mut self, value: &Spanned<DeValue<'_>>) -> Token {
        let at = self.place(value.span());
        let text = match value.get_ref() {
            DeValue::String(text) => return self.expand(text, at),
            // `0x1F` is 31; what is larger than any number here stays as it is and is refused by whoever reads it.
            DeValue::Integer(number) => {
                match u64::from_str_radix(number.as_str(), number.radix()) {
                    Ok(number) => number.to_string(),
                    Err(_) => number.to_string(),
                }
            }
            DeValue::Float(number) => number.as_str().to_owned(),
            DeValue::Datetime(time) => time.to_string(),
            DeValue::Boolean(_) | DeValue::Array(_) | DeValue::Table(_) => String::new(),
        };
        word(&text, at)
    }

    /// The value of an entry as a word.
    pub(crate) fn value(&mut self, entry: &Entry<'_>) -> Token {
        self.word(entry.value)
    }

    /// The items of an array as words.
    pub(crate) fn words(&mut self, entry: &Entry<'_>) -> Vec<Token> {
        let items = entry.value.get_ref().as_array();
        items
            .into_iter()
            .flat_map(|items| items.iter())
            .map(|item| self.word(item))
            .collect()
    }

    /// A whole number in a range.
    pub(crate) fn number(
        &mut self,
        entry: &Entry<'_>,
        range: RangeInclusive<u64>,
    ) -> Option<(u64, Token)> {
        let word = self.value(entry);
        self.cx.number(&word, range).map(|number| (number, word))
    }

    /// The tables of an array, each with the place of its header.
    pub(crate) fn tables<'t>(&self, entry: &Entry<'t>) -> Vec<(Place, &'t DeTable<'t>)> {
        let items = entry.value.get_ref().as_array();
        let items = items.into_iter().flat_map(|items| items.iter());
        items
            .filter_map(|item| Some((self.place(item.span()), item.get_ref().as_table()?)))
            .collect()
    }

    /// Reads the value of an entry, which is a table.
    pub(crate) fn inner<S>(&mut self, kind: &'static Table<S>, entry: &Entry<'_>, state: &mut S) {
        if let Some(table) = entry.value.get_ref().as_table() {
            self.table(kind, table, state);
        }
    }

    /// Names and values: a table of strings, or tables with `name` and `value`.
    pub(crate) fn pairs(&mut self, entry: &Entry<'_>) -> Vec<(Token, Token)> {
        if let Some(table) = entry.value.get_ref().as_table() {
            let mut entries: Vec<_> = table.iter().collect();
            entries.sort_by_key(|(key, _)| key.span().start);
            let mut pairs = Vec::new();
            for (key, value) in entries {
                if self.is_text(key.get_ref(), value) {
                    pairs.push((self.name(key), self.word(value)));
                }
            }
            return pairs;
        }
        let mut pairs = Vec::new();
        for (at, table) in self.tables(entry) {
            let mut pair = super::line::Pair::default();
            self.table(&super::line::PAIR, table, &mut pair);
            match (pair.name, pair.value) {
                (Some(name), Some(value)) => pairs.push((name, value)),
                (None, _) => self.missing(table, at, &entry.name.text, "name", "NAME"),
                (_, None) => self.missing(table, at, &entry.name.text, "value", "VALUE"),
            }
        }
        pairs
    }

    fn is_text(&mut self, name: &str, value: &Spanned<DeValue<'_>>) -> bool {
        let text = value.get_ref().is_str();
        if !text {
            let at = self.place(value.span());
            self.cx.say(
                at,
                Diagnostic::error("wrong-type", format!("`{name}` must be a string"))
                    .label(format!("this is of type {}", value.get_ref().type_str())),
            );
        }
        text
    }

    /// Complains about a key that must be there, unless it is there with a value of the wrong type.
    pub(crate) fn missing(
        &mut self,
        table: &DeTable<'_>,
        at: Place,
        title: &str,
        key: &str,
        example: &str,
    ) {
        if table.keys().any(|written| written.get_ref() == key) {
            return;
        }
        self.cx.say(
            at,
            Diagnostic::error(
                "missing-key",
                format!("an entry of `{title}` has no `{key}`"),
            )
            .label(format!("`{key}` is missing"))
            .hint(format!("add `{key} = \"{example}\"`")),
        );
    }

    fn expand(&mut self, text: &str, at: Place) -> Token {
        let Ok(expanded) = variables::expand(text, self.cx.env, MAX_VALUE) else {
            self.cx.say(
                at,
                Diagnostic::error(
                    "too-large",
                    "the value is too large once its variables are put in",
                )
                .label("the limit is 1 MiB"),
            );
            return word("", at);
        };
        let whole = 0..expanded.text.len();
        let variable = expanded
            .whole(&whole, false)
            .map(|variable| variable.name.clone());
        Token {
            expanded: !expanded.uses.is_empty(),
            variable,
            ..word(&expanded.text, at)
        }
    }
}

/// A word that was not written with quotes of the Caddyfile.
pub(crate) fn word(text: &str, at: Place) -> Token {
    Token {
        text: text.into(),
        quote: Quote::None,
        at,
        line: 0,
        variable: None,
        expanded: false,
    }
}

/// A line without a block.
pub(crate) fn line(name: Token, args: Vec<Token>) -> Segment {
    Segment {
        name,
        args,
        block: None,
    }
}

/// A line with a block.
pub(crate) fn block(name: Token, args: Vec<Token>, segments: Vec<Segment>) -> Segment {
    Segment {
        name,
        args,
        block: Some(Block { segments }),
    }
}
