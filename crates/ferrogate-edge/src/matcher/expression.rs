//! Conditions written as an expression.

use ferrogate_expression::{EvaluationError, Expression, Slot, Value};
use ferrogate_types::Placeholder;

use super::{Condition, Facts};
use crate::answer::Failure;
use crate::compile::Compiler;
use crate::placeholder::typed_value;
use crate::text::{Piece, Unknown};
use crate::value::Scalar;

/// A compiled expression with the matchers it calls.
#[derive(Debug)]
pub(super) struct ExpressionCondition {
    expression: Expression,
    placeholders: Box<[Piece]>,
    matchers: Box<[Condition]>,
}

impl ExpressionCondition {
    /// Compiles an expression; `None` after an error.
    pub(super) fn compile(source: &str, compiler: &mut Compiler<'_>) -> Option<Self> {
        let expression = match Expression::parse(source) {
            Ok(expression) => expression,
            Err(error) => {
                compiler.error(format!("has an expression `{source}`: {error}"));
                return None;
            }
        };
        let placeholders = expression
            .placeholders()
            .iter()
            .map(|name| {
                let placeholder = Placeholder::named(name);
                // One that nothing sets stays a value that means nothing, not an empty text.
                match placeholder {
                    Placeholder::Unknown(ref name) if !compiler.is_mapped(name) => {
                        Piece::Value(placeholder)
                    }
                    _ => Piece::compile(&placeholder, Unknown::Empty, compiler),
                }
            })
            .collect();
        let matchers: Option<Box<[Condition]>> = expression
            .matchers()
            .iter()
            .map(|matcher| Condition::compile(matcher, compiler))
            .collect();
        Some(Self {
            placeholders,
            matchers: matchers?,
            expression,
        })
    }

    pub(super) fn holds(&self, facts: &Facts<'_>) -> Result<bool, Failure> {
        let held = self.expression.evaluate(&mut |slot| match slot {
            Slot::Placeholder(at) => {
                let piece = self.placeholders.get(at);
                let value = piece.and_then(|piece| typed_value(piece, &facts.view));
                Ok(value.map_or(Value::Null, Value::from))
            }
            Slot::Matcher(at) => match self.matchers.get(at) {
                Some(matcher) => matcher.holds(facts).map(Value::Bool),
                None => Ok(Value::Null),
            },
        });
        held.map_err(|error| match error {
            EvaluationError::Slot(failure) => failure,
            EvaluationError::Type(message) => (500, message),
        })
    }
}

impl From<Scalar> for Value {
    fn from(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Bool(value) => Self::Bool(value),
            Scalar::Integer(value) => Self::Integer(value),
            Scalar::Float(value) => Self::Float(value),
            Scalar::Text(value) => Self::Text(value),
        }
    }
}
