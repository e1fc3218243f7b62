//! Why a line of a catalog was refused.

use std::sync::Arc;

use ferrogate_types::MoneyError;

/// One thing wrong with a catalog, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct CatalogError {
    /// The name the text was given.
    pub file: Arc<str>,
    /// The line, counted from one.
    pub line: usize,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The first word of a line is none of the format.
    #[error(
        "unknown word `{0}` at the start of a line (known: provider, source, as_of, prefix, suffix, model, family)"
    )]
    UnknownDirective(String),
    /// A key is none of the format.
    #[error("unknown key `{0}`")]
    UnknownKey(String),
    /// A word of a value is none of its list.
    #[error("`{word}` is no {what} (known: {known})")]
    UnknownWord {
        /// What was expected.
        what: &'static str,
        /// What was written.
        word: String,
        /// What may be written.
        known: String,
    },
    /// A number was expected.
    #[error("`{0}` is not a whole number above zero")]
    Number(String),
    /// A price was expected.
    #[error("the price `{text}` {error}")]
    Price {
        /// What was written.
        text: String,
        /// Why it is no price.
        error: MoneyError,
    },
    /// A date was expected.
    #[error("`{0}` is not a date (write for instance `2026-11-20`)")]
    Date(String),
    /// A key without a value.
    #[error("`{0}` needs a value")]
    NoValue(String),
    /// A line without what it must say.
    #[error("this line must say {0}")]
    Missing(&'static str),
    /// A word nobody asked for.
    #[error("`{0}` is one word too many")]
    TooMuch(String),
    /// A key or price said twice in one row.
    #[error("`{0}` is said twice")]
    Twice(String),
    /// A line that belongs to a provider, before any.
    #[error("no `provider` line stands above this one")]
    NoProvider,
    /// Models under `provider *`.
    #[error("only families can stand under `provider *`")]
    Everywhere,
    /// Two rows of one provider under one id or alias.
    #[error("`{id}` is already the name of a model of `{provider}`")]
    Duplicate {
        /// The provider.
        provider: String,
        /// The id or alias.
        id: String,
    },
    /// An indented line with nothing to continue.
    #[error("an indented line continues a row, and there is none above")]
    Continues,
}
