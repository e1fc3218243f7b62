//! The `expression` matcher: a subset of CEL over the values of a request.
//!
//! [`Expression::parse`] checks everything that can be checked at load: syntax, names of functions, the arguments of matcher
//! functions, regular expressions, and that the result can be a truth value. `{placeholder}`s outside of quotes become
//! values; calls of matcher functions (`path('/a*')`, `header({'X': 'y*'})`) become the same [`Matcher`]s that a named
//! matcher holds, so that whoever evaluates compiles them as it compiles any other. [`Expression::evaluate`] asks for
//! either only when it needs them.
//!
//! The subset: literals, lists and maps; `&&`, `||`, `!`, `?:`, `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `+`, `-`, `*`, `/`,
//! `%`, indexing; `has`, `all`, `exists`, `exists_one`, `map` and `filter` over one list; `size`, `int`, `double`, `string`,
//! `bool`; on texts `contains`, `startsWith`, `endsWith`, `matches`, `lowerAscii`, `upperAscii`, `trim`, `indexOf`,
//! `lastIndexOf`, `substring`, `charAt`; and the matcher functions of [`MATCHER_FUNCTIONS`].
//!
//! Refuses: expressions of more than [`MAX_LENGTH`] bytes or deep nesting, loops inside loops, and regular expressions that
//! are not written out, so that no request makes one run long.
//!
//! ```
//! use ferrogate_expression::{Expression, Slot, Value};
//!
//! let expression = Expression::parse("{method} == 'GET' && path('/api/*')")?;
//! assert_eq!(expression.placeholders(), ["method"]);
//! let holds = expression.evaluate(&mut |slot| -> Result<Value, ()> {
//!     Ok(match slot {
//!         Slot::Placeholder(_) => Value::Text("GET".to_owned()),
//!         Slot::Matcher(_) => Value::Bool(true),
//!     })
//! });
//! assert!(matches!(holds, Ok(true)));
//! # Ok::<(), ferrogate_expression::ExpressionError>(())
//! ```
//!
//! [`Matcher`]: ferrogate_types::route::Matcher

mod call;
mod check;
mod error;
mod evaluate;
mod source;

use cel::IdedExpr;
use ferrogate_types::route::Matcher;
use regex::Regex;

pub use call::MATCHER_FUNCTIONS;
pub use error::{EvaluationError, ExpressionError};
pub use evaluate::{Slot, Value};
pub use source::MAX_LENGTH;

/// A checked expression.
#[derive(Debug)]
pub struct Expression {
    tree: IdedExpr,
    placeholders: Vec<String>,
    matchers: Vec<Matcher>,
    regexes: std::sync::Arc<[Regex]>,
}

impl Expression {
    /// The names of the placeholders it reads, without braces.
    pub fn placeholders(&self) -> &[String] {
        &self.placeholders
    }

    /// The matchers it calls.
    pub fn matchers(&self) -> &[Matcher] {
        &self.matchers
    }
}

/// Checks an expression; the error says what is wrong with it.
pub fn check_expression(source: &str) -> Result<(), String> {
    match Expression::parse(source) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
