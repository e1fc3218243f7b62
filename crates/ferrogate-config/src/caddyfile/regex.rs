//! Regular expressions, translated and compiled once to see that they are some.

use ::regex::RegexBuilder;

use super::context::Cx;
use super::lexer::Quote;
use super::syntax::Token;
use crate::diagnostic::Diagnostic;

mod class;
mod translate;

use translate::{LOOK_AROUND, translate};

/// An expression that needs more bytes compiled is a large one.
const SMALL: usize = 32 << 10;

/// The largest compiled expression in bytes.
const LARGE: usize = 1 << 20;

/// How many more regular expressions may be compiled, because that takes time: a large one several milliseconds.
pub(crate) struct RegexBudget {
    all: usize,
    large: usize,
}

impl Default for RegexBudget {
    fn default() -> Self {
        Self {
            all: 2000,
            large: 50,
        }
    }
}

impl Cx<'_> {
    /// A regular expression that compiles, translated.
    pub(crate) fn regex(&mut self, word: &Token) -> Option<String> {
        let reason = match translate(&word.text) {
            Ok(pattern) => match self.regexes.compile(&pattern) {
                Ok(()) => return Some(pattern),
                Err(Refusal::Invalid(reason)) => reason,
                Err(Refusal::TooMany(what)) => {
                    self.say(
                        word.at,
                        Diagnostic::error(
                            "too-large",
                            format!("the configuration has too many {what}"),
                        )
                        .label("one too many"),
                    );
                    return None;
                }
            },
            Err(reason) => reason,
        };
        let hint = if reason == LOOK_AROUND {
            "match the opposite in a `not` matcher beside it"
        } else if word.quote == Quote::Backtick {
            ""
        } else {
            "quote it with backticks to keep backslashes and braces as they are"
        };
        let shown = self.shown(word);
        self.say(
            word.at,
            Diagnostic::error(
                "invalid-regex",
                format!("`{shown}` is not a regular expression"),
            )
            .label(reason)
            .hint(hint),
        );
        None
    }
}

/// Why an expression is not taken.
enum Refusal {
    Invalid(String),
    TooMany(&'static str),
}

impl RegexBudget {
    fn compile(&mut self, pattern: &str) -> Result<(), Refusal> {
        self.all = self
            .all
            .checked_sub(1)
            .ok_or(Refusal::TooMany("regular expressions"))?;
        let small = compile(pattern, SMALL);
        if !matches!(small, Err(::regex::Error::CompiledTooBig(_))) {
            return small.map_err(|error| Refusal::Invalid(describe(&error)));
        }
        self.large = self
            .large
            .checked_sub(1)
            .ok_or(Refusal::TooMany("large regular expressions"))?;
        compile(pattern, LARGE).map_err(|error| Refusal::Invalid(describe(&error)))
    }
}

fn compile(pattern: &str, limit: usize) -> Result<(), ::regex::Error> {
    RegexBuilder::new(pattern)
        .size_limit(limit)
        .build()
        .map(drop)
}

fn describe(error: &::regex::Error) -> String {
    match error {
        ::regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        // The last line of the message says what is wrong, the ones before draw a picture.
        error => error
            .to_string()
            .lines()
            .last()
            .unwrap_or_default()
            .trim_start_matches("error: ")
            .to_owned(),
    }
}

#[cfg(test)]
mod tests;
