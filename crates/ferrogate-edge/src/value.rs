//! Values that kept the type they were written with.

use std::fmt;

use ferrogate_types::route::Value;

use crate::compile::Compiler;
use crate::placeholder::View;
use crate::text::Text;

/// A value of a variable, of a `map`, or of a log entry's field.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// `true`, `false`
    Bool(bool),
    /// `42`
    Integer(i64),
    /// `1.5`
    Float(f64),
    /// Anything else.
    Text(String),
}

impl Scalar {
    /// The text, where it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl From<String> for Scalar {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
        }
    }
}

/// A value as written, ready to be evaluated.
#[derive(Debug)]
pub(crate) enum Valued {
    Fixed(Scalar),
    Text(Text),
}

impl Valued {
    /// Compiles a value; unknown placeholders become empty.
    pub(crate) fn compile(value: &Value, compiler: &mut Compiler<'_>) -> Self {
        Self::Fixed(match value {
            Value::Bool(value) => Scalar::Bool(*value),
            Value::Integer(value) => Scalar::Integer(*value),
            Value::Float(value) => Scalar::Float(*value),
            Value::Text(template) => return Self::Text(compiler.emptying(template)),
        })
    }

    /// The value for a request.
    pub(crate) fn evaluate(&self, view: &View<'_>) -> Scalar {
        match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(text) => Scalar::Text(text.render(view).into_owned()),
        }
    }
}
