//! What can be wrong with an expression.

use crate::source::MAX_LENGTH;

/// Why an expression is refused at load.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// Nothing is written.
    #[error("the expression is empty")]
    Empty,
    /// It is too long.
    #[error("the expression is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// Brackets or operators are nested too deep.
    #[error("the expression is nested too deep")]
    TooDeep,
    /// It is no CEL.
    #[error("the expression cannot be read: {0}")]
    Syntax(String),
    /// A function that does not exist, or not here.
    #[error("`{0}` is not a function of expressions")]
    UnknownFunction(String),
    /// A name that stands for nothing.
    #[error("`{0}` is not defined; write placeholders in braces and texts in quotes")]
    UnknownName(String),
    /// Something of CEL that is left out.
    #[error("{0} are not supported in expressions")]
    Unsupported(&'static str),
    /// The arguments of a function.
    #[error("`{function}` {problem}")]
    Arguments {
        /// The function.
        function: String,
        /// What is wrong, as a continuation of its name.
        problem: String,
    },
    /// It can never be true or false.
    #[error("the expression gives {0}, not true or false")]
    NoCondition(&'static str),
}

/// Why an expression gave no answer for a request.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError<E> {
    /// A value or matcher it needs failed.
    #[error("a matcher failed")]
    Slot(E),
    /// The values do not fit the operators, or the result is no truth value.
    #[error("{0}")]
    Type(String),
}
