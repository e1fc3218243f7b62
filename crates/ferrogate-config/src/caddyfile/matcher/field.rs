//! Conditions on header fields.

use ferrogate_types::route::{HeaderMatch, HeaderRegexp, Matcher, TextPattern};

use super::types::{MAX_VALUES, too_many};
use super::{Conditions, named_regexp};
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::Token;
use crate::diagnostic::Diagnostic;

pub(super) fn header(cx: &mut Cx<'_>, line: &Line<'_>, out: &mut Conditions) {
    let position = out
        .iter()
        .position(|m| matches!(m, Matcher::Header(_)))
        .unwrap_or_else(|| {
            out.push(Matcher::Header(Vec::new()));
            out.len() - 1
        });
    if let Some(Matcher::Header(fields)) = out.get_mut(position) {
        header_field(cx, line, false, fields);
    }
}

/// Reads `FIELD VALUE` or `!FIELD`; `bare` lets the value be left out, which asks for the field's presence.
pub(super) fn header_field(
    cx: &mut Cx<'_>,
    line: &Line<'_>,
    bare: bool,
    fields: &mut Vec<HeaderMatch>,
) {
    let Some((field, value)) = line.list(cx, 1..=2).and_then(<[Token]>::split_first) else {
        return;
    };
    let absent = field.text.strip_prefix('!');
    let pattern = match (absent, value.first()) {
        (None, Some(value)) => Some(text_pattern(cx, value)),
        (None, None) if bare => Some(TextPattern::Any),
        (Some(_), None) => None,
        (Some(_), Some(value)) => {
            cx.say(
                value.at,
                Diagnostic::error("argument-count", "an absent header field has no value")
                    .label("leave this out, or leave the `!` out")
                    .hint(line.syntax()),
            );
            return;
        }
        (None, None) => {
            cx.say(
                field.at,
                Diagnostic::error("argument-count", "a value is missing")
                    .label("which value?")
                    .hint(format!(
                        "`header {} *` holds when the field is there",
                        field.text
                    )),
            );
            return;
        }
    };
    let name = absent
        .unwrap_or(&field.text)
        .trim_end_matches(':')
        .to_ascii_lowercase();
    if fields.len() > MAX_VALUES {
        return too_many(cx, line);
    }
    match (fields.iter_mut().find(|other| other.field == name), pattern) {
        (Some(other), Some(pattern)) if !other.values.is_empty() => other.values.push(pattern),
        (Some(_), _) => cx.say(
            field.at,
            Diagnostic::error(
                "contradiction",
                format!("header `{name}` cannot be both absent and present"),
            )
            .label("contradicts an earlier line"),
        ),
        (None, pattern) => fields.push(HeaderMatch {
            field: name,
            values: pattern.into_iter().collect(),
        }),
    }
}

/// `header_regexp [NAME] FIELD REGEX`
pub(super) fn header_regexp(cx: &mut Cx<'_>, line: &Line<'_>, out: &mut Conditions) {
    let Some(args) = line.list(cx, 2..=3) else {
        return;
    };
    let (name, field, regex) = match args {
        [field, regex] => (None, field, regex),
        [name, field, regex] => (Some(name), field, regex),
        _ => return,
    };
    let Some(regexp) = named_regexp(cx, name, regex) else {
        return;
    };
    let entry = HeaderRegexp {
        field: field.text.trim_end_matches(':').to_ascii_lowercase(),
        regexp,
    };
    let Some(fields) = out.iter_mut().find_map(|matcher| match matcher {
        Matcher::HeaderRegexp(fields) => Some(fields),
        _ => None,
    }) else {
        return out.push(Matcher::HeaderRegexp(vec![entry]));
    };
    if fields.iter().any(|other| other.field == entry.field) {
        cx.say(
            line.at(),
            Diagnostic::error(
                "contradiction",
                format!("header `{}` has an expression already", entry.field),
            )
            .label("one expression for each field of a matcher")
            .hint("write both as `A|B` in one expression, or use two matchers"),
        );
    } else {
        fields.push(entry);
    }
}

fn text_pattern(cx: &mut Cx<'_>, word: &Token) -> TextPattern {
    let text: &str = &word.text;
    if text == "*" {
        return TextPattern::Any;
    }
    cx.template(word);
    match (text.strip_prefix('*'), text.strip_suffix('*')) {
        (Some(_), Some(inner)) => TextPattern::Contains(inner.trim_start_matches('*').into()),
        (Some(inner), None) => TextPattern::Suffix(inner.into()),
        (None, Some(inner)) => TextPattern::Prefix(inner.into()),
        (None, None) => TextPattern::Exact(text.into()),
    }
}
