//! Rows of keys: what may stand in a table, of which type, and what reads it.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::reader::Reader;
use crate::caddyfile::syntax::Token;
use crate::diagnostic::Diagnostic;
use crate::suggest::nearest;

/// A table: its name for messages, and every key that may stand in it.
pub(crate) struct Table<S: 'static> {
    pub(crate) title: &'static str,
    pub(crate) keys: &'static [Key<S>],
}

/// A key; `S` is what its value changes.
pub(crate) struct Key<S: 'static> {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    /// What it does, in one line.
    pub(crate) doc: &'static str,
    pub(crate) read: Read<S>,
}

/// What a key does.
pub(crate) enum Read<S: 'static> {
    /// Reads the value, whose type was checked.
    Do(fn(&mut Reader<'_, '_>, &Entry<'_>, &mut S)),
    /// Known, and not there yet; with what to use instead, if anything.
    Later(&'static str),
    /// Accepted with a warning, because it changes nothing yet.
    NoEffect,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A string.
    Text,
    /// A whole number, quoted or not.
    Number,
    /// A decimal number, quoted or not; never read as a float.
    Decimal,
    /// `true` or `false`.
    Flag,
    /// A string such as `30s`.
    Duration,
    /// A number of bytes, or a string such as `16MiB`.
    Size,
    /// A date with a time, quoted or not.
    Time,
    /// An array of strings; numbers are taken for strings.
    List,
    /// The words of a line of the Caddyfile in a string, or a number that is the only one.
    Words,
    /// A table.
    Table,
    /// An array of tables.
    Tables,
    /// A table of strings, or an array of tables with `name` and `value`.
    Pairs,
    /// `false`, the string `off`, or a table.
    TableOrOff,
    /// Whatever: the key is refused anyway.
    Any,
}

/// A key as written.
pub(crate) struct Entry<'t> {
    pub(crate) name: Token,
    pub(crate) value: &'t Spanned<DeValue<'t>>,
}

impl<S> Key<S> {
    /// A key that works.
    pub(crate) const fn new(
        name: &'static str,
        shape: Shape,
        doc: &'static str,
        read: fn(&mut Reader<'_, '_>, &Entry<'_>, &mut S),
    ) -> Self {
        Self {
            name,
            shape,
            doc,
            read: Read::Do(read),
        }
    }

    /// A key that is not there yet.
    pub(crate) const fn later(name: &'static str, instead: &'static str) -> Self {
        Self {
            name,
            shape: Shape::Any,
            doc: "",
            read: Read::Later(instead),
        }
    }

    /// A key that changes nothing yet.
    pub(crate) const fn no_effect(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self {
            name,
            shape,
            doc,
            read: Read::NoEffect,
        }
    }
}

impl Shape {
    /// What is expected, for messages.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Number => "a whole number",
            Self::Decimal => "a decimal number",
            Self::Flag => "`true` or `false`",
            Self::Duration => "a string such as `\"30s\"`",
            Self::Size => "a number of bytes or a string such as `\"16MiB\"`",
            Self::Time => "a time such as `2026-12-31T23:59:59Z`",
            Self::List => "an array of strings",
            Self::Words => "a string of words, or a number",
            Self::Table => "a table",
            Self::Tables => "an array of tables",
            Self::Pairs => "a table of strings",
            Self::TableOrOff => "a table, or `false`",
            Self::Any => "anything",
        }
    }

    fn accepts(self, value: &DeValue<'_>) -> bool {
        let scalar = |item: &Spanned<DeValue<'_>>| {
            matches!(item.get_ref(), DeValue::String(_) | DeValue::Integer(_))
        };
        let tables =
            |items: &toml::de::DeArray<'_>| items.iter().all(|item| item.get_ref().is_table());
        match (self, value) {
            (Self::Any, _)
            | (
                Self::Text
                | Self::Number
                | Self::Decimal
                | Self::Duration
                | Self::Size
                | Self::Time
                | Self::Words,
                DeValue::String(_),
            )
            | (Self::Number | Self::Decimal | Self::Size | Self::Words, DeValue::Integer(_))
            | (Self::Decimal, DeValue::Float(_))
            | (Self::Flag, DeValue::Boolean(_))
            | (Self::Time, DeValue::Datetime(_))
            | (Self::Table | Self::Pairs | Self::TableOrOff, DeValue::Table(_))
            | (Self::TableOrOff, DeValue::Boolean(false)) => true,
            (Self::TableOrOff, DeValue::String(word)) => word == "off",
            (Self::List, DeValue::Array(items)) => items.iter().all(scalar),
            (Self::Tables | Self::Pairs, DeValue::Array(items)) => tables(items),
            _ => false,
        }
    }
}

impl Reader<'_, '_> {
    /// Reads every key of a table, in the order written.
    pub(crate) fn table<S>(&mut self, kind: &'static Table<S>, table: &DeTable<'_>, state: &mut S) {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let entry = Entry {
                name: self.name(key),
                value,
            };
            match kind.keys.iter().find(|row| row.name == key.get_ref()) {
                Some(row) => self.key(kind, row, &entry, state),
                None => self.unknown(kind, &entry),
            }
        }
    }

    fn key<S>(&mut self, kind: &Table<S>, row: &Key<S>, entry: &Entry<'_>, state: &mut S) {
        if !row.shape.accepts(entry.value.get_ref()) {
            return self.wrong_type(row.name, row.shape, entry);
        }
        match row.read {
            Read::Do(read) => read(self, entry, state),
            Read::Later(instead) => {
                let what = shown(kind.title, row.name, entry);
                self.cx.say(
                    entry.name.at,
                    Diagnostic::error("not-available", format!("{what} is not available yet"))
                        .label("not available yet")
                        .hint(instead),
                );
            }
            Read::NoEffect => {
                if matches!(row.shape, Shape::Number) {
                    self.number(entry, 1..=u64::MAX);
                }
                self.cx.say(
                    entry.name.at,
                    Diagnostic::warning("no-effect", format!("`{}` has no effect yet", row.name))
                        .label("accepted, and not used"),
                );
            }
        }
    }

    fn unknown<S>(&mut self, kind: &Table<S>, entry: &Entry<'_>) {
        let name = &*entry.name.text;
        let hint = if let Some(near) = nearest(name, kind.keys.iter().map(|key| key.name)) {
            format!("did you mean `{near}`?")
        } else {
            let works = |key: &&Key<S>| matches!(key.read, Read::Do(_)) && key.shape != Shape::Any;
            let known: Vec<String> = kind
                .keys
                .iter()
                .filter(works)
                .map(|key| format!("`{}`", key.name))
                .collect();
            format!("known here: {}", known.join(", "))
        };
        let name = shown(kind.title, &self.cx.shown(&entry.name), entry);
        let place = if kind.title.is_empty() {
            "at the top of the file".to_owned()
        } else {
            format!("in `{}`", kind.title)
        };
        self.cx.say(
            entry.name.at,
            Diagnostic::error("unknown-key", format!("unknown key {name}"))
                .label(format!("not a key that may stand {place}"))
                .hint(hint),
        );
    }

    fn wrong_type(&mut self, name: &str, shape: Shape, entry: &Entry<'_>) {
        let value = entry.value.get_ref();
        let items = value.as_array().into_iter().flat_map(|items| items.iter());
        let odd = items
            .filter(|_| shape == Shape::List)
            .find(|item| !matches!(item.get_ref(), DeValue::String(_)));
        let (at, found) = match odd {
            Some(item) => (self.place(item.span()), item.get_ref().type_str()),
            None => (self.place(entry.value.span()), value.type_str()),
        };
        let hint = match (shape, value) {
            (Shape::Tables, DeValue::Table(_)) => format!("write `[[{name}]]`"),
            (Shape::List, DeValue::String(_)) => format!("write `{name} = [\"...\"]`"),
            (Shape::Duration, DeValue::Integer(number)) => {
                format!("write `{name} = \"{number}s\"`")
            }
            (Shape::Text, DeValue::Integer(port)) if name == "listen" => {
                format!("write `listen = \":{port}\"`")
            }
            (Shape::Text, DeValue::Integer(number)) => format!("write `{name} = \"{number}\"`"),
            _ => String::new(),
        };
        self.cx.say(
            at,
            Diagnostic::error(
                "wrong-type",
                format!("`{name}` must be {}", shape.expected()),
            )
            .label(format!(
                "this is {} {found}",
                if found.starts_with(['a', 'i']) {
                    "an"
                } else {
                    "a"
                }
            ))
            .hint(hint),
        );
    }
}

/// A key for a message, with its table where the name alone says little.
fn shown(title: &str, name: &str, entry: &Entry<'_>) -> String {
    let table = matches!(entry.value.get_ref(), DeValue::Table(_)) && title.is_empty();
    if table {
        format!("`[{name}]`")
    } else {
        format!("`{name}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which shapes accept a value, of those that any value might be meant for.
    fn check(value: &str, expected: &[Shape]) {
        const SHAPES: [Shape; 13] = [
            Shape::Text,
            Shape::Number,
            Shape::Decimal,
            Shape::Flag,
            Shape::Duration,
            Shape::Size,
            Shape::Time,
            Shape::List,
            Shape::Words,
            Shape::Table,
            Shape::Tables,
            Shape::Pairs,
            Shape::TableOrOff,
        ];
        let parsed = DeValue::parse(value).unwrap();
        let accepting: Vec<Shape> = SHAPES
            .into_iter()
            .filter(|shape| shape.accepts(parsed.get_ref()))
            .collect();
        assert_eq!(accepting, expected, "{value}");
    }

    #[test]
    fn values_have_shapes() {
        use Shape::{
            Decimal, Duration, Flag, List, Number, Pairs, Size, Table, TableOrOff, Tables, Text,
            Time, Words,
        };
        check(
            "\"a\"",
            &[Text, Number, Decimal, Duration, Size, Time, Words],
        );
        check(
            "\"off\"",
            &[
                Text, Number, Decimal, Duration, Size, Time, Words, TableOrOff,
            ],
        );
        check("1", &[Number, Decimal, Size, Words]);
        check("1.5", &[Decimal]);
        check("true", &[Flag]);
        check("false", &[Flag, TableOrOff]);
        check("2026-12-31T23:59:59Z", &[Time]);
        check("[\"a\", 1]", &[List]);
        check("[1.5]", &[]);
        check("{ a = 1 }", &[Table, Pairs, TableOrOff]);
        check("[{ a = 1 }]", &[Tables, Pairs]);
    }
}
