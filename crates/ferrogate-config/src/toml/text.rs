//! The text itself: its syntax, its variables, the secrets in it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::caddyfile::files::UnsetVariable;
use crate::caddyfile::variables;
use crate::diagnostic::Diagnostic;
use crate::report::Report;
use crate::source::{FileId, Span};

/// What the variables in one string may add up to, in bytes.
pub(super) const MAX_VALUE: usize = 1 << 20;

/// How keys end whose values are secret; a few others end so as well, and are hidden with them.
const SECRET_KEYS: [&str; 4] = ["key", "token", "password", "secret"];

/// Reads the syntax; what is wrong with it is reported, and then nothing is left of the document, unless only keys
/// are written twice.
pub(super) fn parse<'a>(report: &mut Report, file: FileId, text: &'a str) -> DeTable<'a> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let document = document.into_inner();
    let duplicate = |error: &toml::de::Error| error.message() == "duplicate key";
    let keys = if errors.iter().any(duplicate) {
        key_places(&document)
    } else {
        BTreeSet::new()
    };
    for error in &errors {
        let range = visible(text, error.span().unwrap_or(0..0));
        let at = Span::new(file, range.start, range.end);
        report.push(if duplicate(error) {
            let name = text.get(range.clone()).unwrap_or_default();
            let again = Diagnostic::error("repeated-key", format!("`{name}` is written twice"))
                .at(at)
                .label("second time");
            match keys
                .range(..(name, range.start, 0))
                .next_back()
                .filter(|(found, ..)| *found == name)
            {
                Some(&(_, start, end)) => again.also(Span::new(file, start, end), "first time"),
                None => again,
            }
        } else {
            Diagnostic::error("toml-syntax", error.message())
                .at(at)
                .label("this is no TOML")
        });
    }
    if errors.iter().all(duplicate) {
        document
    } else {
        DeTable::new()
    }
}

/// A place to point at: an error at the end of a line has no width.
fn visible(text: &str, range: Range<usize>) -> Range<usize> {
    if !range.is_empty() {
        return range;
    }
    let next = text
        .get(range.start..)
        .and_then(|rest| rest.chars().next())
        .filter(|c| !c.is_control());
    range.start..range.start + next.map_or(0, char::len_utf8)
}

/// Every key with its place.
fn key_places<'t>(document: &'t DeTable<'_>) -> BTreeSet<(&'t str, usize, usize)> {
    let mut keys = BTreeSet::new();
    each_key(document, &mut |key, _| {
        keys.insert((&**key.get_ref(), key.span().start, key.span().end));
    });
    keys
}

/// The variables without value and default in all strings, in the order of the text.
pub(super) fn unset_variables(
    document: &DeTable<'_>,
    file: FileId,
    env: &dyn Fn(&str) -> Option<String>,
) -> Vec<UnsetVariable> {
    let mut unset = Vec::new();
    each_key(document, &mut |_, value| {
        each_string(value, &mut |text, range| {
            let Ok(expanded) = variables::expand(text, env, MAX_VALUE) else {
                return;
            };
            for variable in expanded.uses.into_iter().filter(|variable| variable.unset) {
                unset.push(UnsetVariable {
                    name: variable.name,
                    span: Span::new(file, range.start, range.end),
                });
            }
        });
    });
    unset.sort_by_key(|variable| variable.span);
    unset
}

/// Hides what stands behind the keys of secrets, before anything can be said about those lines.
///
/// Works on lines, because a text that is no TOML holds secrets just as well.
pub(super) fn hide_secrets(report: &mut Report, file: FileId, text: &str) {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        for key in SECRET_KEYS {
            let mut from = 0;
            while let Some(at) = line
                .get(from..)
                .and_then(|rest| rest.find(key))
                .map(|at| from + at)
            {
                from = at + key.len();
                let after = line.get(from..).unwrap_or_default();
                let rest = after.trim_start_matches(['"', '\'']).trim_start();
                let Some(rest) = rest.strip_prefix('=').map(str::trim_start) else {
                    continue;
                };
                let value = rest.trim_end();
                let written = value.trim_start_matches(['"', '\'']);
                // A reference is no secret, and worth seeing.
                if !value.is_empty()
                    && !written.starts_with("{env.")
                    && !written.starts_with("{file.")
                {
                    let value_at = start + line.len() - rest.len();
                    report.redact(Span::new(file, value_at, value_at + value.len()));
                    break;
                }
            }
        }
        start += line.len();
    }
}

/// Every key, in tables and arrays at any depth, with its value.
fn each_key<'t, 'i>(
    table: &'t DeTable<'i>,
    visit: &mut dyn FnMut(&'t Spanned<Cow<'i, str>>, &'t Spanned<DeValue<'i>>),
) {
    for (key, value) in table {
        visit(key, value);
        match value.get_ref() {
            DeValue::Table(inner) => each_key(inner, visit),
            DeValue::Array(items) => {
                for inner in items.iter().filter_map(|item| item.get_ref().as_table()) {
                    each_key(inner, visit);
                }
            }
            _ => {}
        }
    }
}

/// A string, or the strings of an array.
fn each_string(value: &Spanned<DeValue<'_>>, visit: &mut dyn FnMut(&str, Range<usize>)) {
    match value.get_ref() {
        DeValue::String(text) => visit(text, value.span()),
        DeValue::Array(items) => items.iter().for_each(|item| each_string(item, visit)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an excerpt shows of a line.
    fn check(line: &str, expected: &str) {
        let mut report = Report::default();
        let file = report.sources_mut().add("f", line);
        hide_secrets(&mut report, file, line);
        report.push(Diagnostic::error("code", "message").at(Span::new(file, 0, 1)));
        let shown = report.render(false);
        assert!(
            shown.contains(&format!("1 | {expected}\n")),
            "{line}\n{shown}"
        );
    }

    #[test]
    fn hides_the_values_of_secret_keys() {
        check("key = \"abc\"", "key = *****");
        check("key=abc\t", "key=***");
        check("id = \"akey = \"b\"", "id = \"akey = ***");
        check("\"key\" = 'a' # b", "\"key\" = *******");
        check(
            "{ id = \"k\", api_key = 'a' }",
            "{ id = \"k\", api_key = *****",
        );
    }

    #[test]
    fn shows_everything_else() {
        for line in [
            "key_env = \"A\"",
            "keys = \"A\"",
            "key = \"{env.A}\"",
            "# the key is",
            "[key]",
        ] {
            check(line, line);
        }
    }
}
