//! Typed values: unquoted numbers and booleans keep their type.

use ferrogate_types::route::Value;

use super::context::Cx;
use super::lexer::Quote;
use super::syntax::Token;

impl Cx<'_> {
    /// The value of a word, typed as Caddy types it.
    pub(crate) fn value(&mut self, word: &Token) -> Value {
        scalar(word).unwrap_or_else(|| Value::Text(self.template(word)))
    }
}

/// The number or boolean that an unquoted word stands for.
fn scalar(word: &Token) -> Option<Value> {
    if word.quote != Quote::None {
        return None;
    }
    let text: &str = &word.text;
    if let Ok(integer) = text.parse() {
        return Some(Value::Integer(integer));
    }
    // What JSON has no notation for stays text.
    if let Some(float) = text.parse().ok().filter(|float: &f64| float.is_finite()) {
        return Some(Value::Float(float));
    }
    BOOLEANS
        .iter()
        .find(|(name, _)| *name == text)
        .map(|&(_, value)| Value::Bool(value))
}

/// What Go's `strconv.ParseBool` takes, the digits aside, which are numbers.
const BOOLEANS: [(&str, bool); 10] = [
    ("true", true),
    ("false", false),
    ("True", true),
    ("False", false),
    ("TRUE", true),
    ("FALSE", false),
    ("t", true),
    ("f", false),
    ("T", true),
    ("F", false),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caddyfile::syntax::{ImportId, Place};
    use crate::source::{Sources, Span};

    fn check(text: &str, quote: Quote, expected: &str) {
        let word = Token {
            text: text.into(),
            quote,
            at: Place {
                span: Span::new(Sources::default().add("x", ""), 0, 0),
                import: ImportId::MAIN,
            },
            line: 0,
            variable: None,
            expanded: false,
        };
        assert_eq!(format!("{:?}", scalar(&word)), expected, "{text}");
    }

    #[test]
    fn unquoted_words_have_types() {
        check("42", Quote::None, "Some(Integer(42))");
        check("-1", Quote::None, "Some(Integer(-1))");
        check("1.5", Quote::None, "Some(Float(1.5))");
        check("1e3", Quote::None, "Some(Float(1000.0))");
        check("true", Quote::None, "Some(Bool(true))");
        check("F", Quote::None, "Some(Bool(false))");
        for text in ["yes", "inf", "NaN", "1_000", "0x10", ""] {
            check(text, Quote::None, "None");
        }
        check("42", Quote::Double, "None");
        check("true", Quote::Backtick, "None");
    }
}
