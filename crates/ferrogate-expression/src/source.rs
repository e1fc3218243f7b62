//! The text of an expression: placeholders taken out, bounds kept.

use crate::error::ExpressionError;

/// The longest expression, in bytes.
pub const MAX_LENGTH: usize = 8192;

/// How deep brackets may stand in one another. Parsing and evaluating recurse.
const MAX_NESTING: usize = 24;

/// So many signs in a row say nothing more than two.
const MAX_SIGNS: usize = 8;

/// What a placeholder is called while CEL reads the expression.
pub(crate) const PLACEHOLDER: &str = "__placeholder_";

/// What the result of a matcher is called.
pub(crate) const MATCHER: &str = "__matcher_";

/// Replaces the placeholders outside of quotes by names; returns the text and the placeholders.
pub(crate) fn take_placeholders(source: &str) -> Result<(String, Vec<String>), ExpressionError> {
    if source.len() > MAX_LENGTH {
        return Err(ExpressionError::TooLong);
    }
    if source.trim().is_empty() {
        return Err(ExpressionError::Empty);
    }
    for reserved in [PLACEHOLDER, MATCHER] {
        if source.contains(reserved) {
            return Err(ExpressionError::UnknownName(reserved.to_owned()));
        }
    }
    let mut text = String::with_capacity(source.len());
    let mut placeholders: Vec<String> = Vec::new();
    let mut rest = source;
    let (mut nesting, mut signs) = (0_usize, 0);
    while let Some(character) = rest.chars().next() {
        match character {
            '"' | '\'' => {
                let raw = text.ends_with(['r', 'R']);
                let (literal, after) = literal(rest, raw)?;
                text.push_str(literal);
                rest = after;
                signs = 0;
                continue;
            }
            '{' => {
                if let Some((name, after)) = placeholder(rest) {
                    let at = placeholders
                        .iter()
                        .position(|known| known == name)
                        .unwrap_or_else(|| {
                            placeholders.push(name.to_owned());
                            placeholders.len() - 1
                        });
                    for part in [" ", PLACEHOLDER, &at.to_string(), " "] {
                        text.push_str(part);
                    }
                    rest = after;
                    signs = 0;
                    continue;
                }
                nesting += 1;
            }
            '(' | '[' => nesting += 1,
            ')' | ']' | '}' => nesting = nesting.saturating_sub(1),
            '!' | '-' | '?' => signs += 1,
            _ if character.is_whitespace() => {}
            _ => signs = 0,
        }
        if nesting > MAX_NESTING || signs > MAX_SIGNS {
            return Err(ExpressionError::TooDeep);
        }
        text.push(character);
        rest = rest.split_at(character.len_utf8()).1;
    }
    Ok((text, placeholders))
}

/// A text in quotes at the start, and what follows.
fn literal(text: &str, raw: bool) -> Result<(&str, &str), ExpressionError> {
    let quote = ["\"\"\"", "'''", "\"", "'"]
        .into_iter()
        .find(|quote| text.starts_with(quote))
        .unwrap_or_default();
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(quote.len()) {
        let (_, here) = text.split_at(at);
        if !escaped && here.starts_with(quote) {
            return Ok(text.split_at(at + quote.len()));
        }
        escaped = character == '\\' && !escaped && !raw;
    }
    Err(ExpressionError::Syntax("a quote is not closed".to_owned()))
}

/// The name in braces at the start, and what follows. A map begins otherwise: with a quote, a blank or its end.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('{')?.split_once('}')?;
    let mut characters = name.chars();
    let starts = characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || matches!(first, '?' | '%'));
    let plain =
        |c: char| !matches!(c, '{' | '"' | '\'' | ':' | ',' | '(' | '[') && !c.is_whitespace();
    (starts && characters.all(plain)).then_some((name, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, text: &str, placeholders: &[&str]) {
        let (taken, names) = take_placeholders(source).unwrap();
        assert_eq!(taken, text, "{source}");
        assert_eq!(names, placeholders, "{source}");
    }

    #[test]
    fn placeholders_outside_of_quotes_are_taken() {
        check("a", "a", &[]);
        check(
            "{a} + {b.c}+{a}",
            " __placeholder_0  +  __placeholder_1 + __placeholder_0 ",
            &["a", "b.c"],
        );
        check(
            r#"'{a}' + "{b}\"{c}" + {d}"#,
            r#"'{a}' + "{b}\"{c}" +  __placeholder_0 "#,
            &["d"],
        );
        check(r"r'\' + {d}", r"r'\' +  __placeholder_0 ", &["d"]);
        check("{'k': 'v'}", "{'k': 'v'}", &[]);
        check("{}", "{}", &[]);
        check("{?query}", " __placeholder_0 ", &["?query"]);
    }

    #[test]
    fn bounds_are_kept() {
        for (source, error) in [
            (" ".to_owned(), ExpressionError::Empty),
            ("a".repeat(MAX_LENGTH + 1), ExpressionError::TooLong),
            ("(".repeat(100), ExpressionError::TooDeep),
            ("!".repeat(100), ExpressionError::TooDeep),
            ("- ".repeat(100), ExpressionError::TooDeep),
            (
                "__matcher_0".to_owned(),
                ExpressionError::UnknownName(MATCHER.to_owned()),
            ),
        ] {
            assert_eq!(take_placeholders(&source), Err(error), "{source}");
        }
        assert!(take_placeholders("'a").is_err());
    }
}
