//! Conditions written as expressions.

use ferrogate_expression::check_expression;
use ferrogate_types::route::Matcher;

use super::Conditions;
use crate::caddyfile::context::Cx;
use crate::caddyfile::lexer::Quote;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::Token;
use crate::diagnostic::Diagnostic;

/// The longest expression in bytes.
const MAX_LENGTH: usize = 16 << 10;

/// How deep brackets may nest.
const MAX_NESTING: usize = 64;

/// `expression CEL...`: one word is its text, several are joined with their quotes.
pub(super) fn line(cx: &mut Cx<'_>, line: &Line<'_>, out: &mut Conditions) {
    let Some(args) = line.list(cx, 1..=999) else {
        return;
    };
    let joined = match args {
        [only] => only.clone(),
        [first, .., last] => {
            let words: Vec<String> = args.iter().map(quoted).collect();
            Token {
                text: words.join(" ").into(),
                at: first.at.to(last.at),
                expanded: args.iter().any(|word| word.expanded),
                ..first.clone()
            }
        }
        [] => return,
    };
    out.extend(cx.expression(&joined).map(Matcher::Expression));
}

/// A word as it stands in an expression that was not quoted as a whole.
fn quoted(word: &Token) -> String {
    match word.quote {
        Quote::Double => format!("\"{}\"", word.text),
        Quote::Backtick => format!("`{}`", word.text),
        Quote::None | Quote::Heredoc => word.text.to_string(),
    }
}

impl Cx<'_> {
    /// An expression whose quotes and brackets have their partners.
    pub(crate) fn expression(&mut self, word: &Token) -> Option<String> {
        let problem = check(&word.text);
        if let Err(problem) = problem {
            let hint = match word.quote {
                Quote::None => {
                    "quote the whole expression with backticks: @name `{path} == \"/x\"`"
                }
                _ => "",
            };
            let shown = self.shown(word);
            self.say(
                word.at,
                Diagnostic::error(
                    "invalid-expression",
                    format!("`{shown}` is not an expression"),
                )
                .label(problem)
                .hint(hint),
            );
            return None;
        }
        Some(word.text.to_string())
    }
}

fn check(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.len() > MAX_LENGTH {
        return Err(format!("it is longer than {MAX_LENGTH} bytes"));
    }
    let mut open = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' | '\'' => loop {
                match chars.next() {
                    None => return Err(format!("a text that begins with {c} does not end")),
                    Some('\\') => {
                        chars.next();
                    }
                    Some(end) if end == c => break,
                    Some(_) => {}
                }
            },
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' if open.pop() != Some(c) => {
                return Err(format!("`{c}` closes nothing"));
            }
            _ => {}
        }
        if open.len() > MAX_NESTING {
            return Err("its brackets nest too deep".to_owned());
        }
    }
    match open.pop() {
        Some(bracket) => Err(format!("`{bracket}` is missing")),
        None => check_expression(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_and_quotes_have_partners() {
        for text in [
            r#"{path} == "/a)" && method('GET', "P\"(")"#,
            "header({'X': ['a', 'b']})",
            "true",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for (text, part) in [
            ("", "empty"),
            ("path('/a'", "`)` is missing"),
            ("path('/a", "does not end"),
            ("(1]", "`]` closes nothing"),
            ("}", "`}` closes nothing"),
        ] {
            assert!(check(text).unwrap_err().contains(part), "{text}");
        }
        assert!(check(&"(".repeat(100)).unwrap_err().contains("deep"));
        assert!(check(&"1".repeat(20_000)).unwrap_err().contains("longer"));
    }
}
