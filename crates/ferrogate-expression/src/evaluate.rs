//! The evaluation of an expression for a request.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};

use cel::common::value::CowVal;
use cel::context::VariableResolver;
use cel::{Context, Env, ExecutionError, Value as CelValue};

use crate::Expression;
use crate::check::MATCHES;
use crate::error::EvaluationError;
use crate::source::{MATCHER, PLACEHOLDER};

/// Something an expression needs from the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The value of the n-th of [`Expression::placeholders`].
    Placeholder(usize),
    /// Whether the n-th of [`Expression::matchers`] holds, as a [`Value::Bool`].
    Matcher(usize),
}

/// A value of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The placeholder means nothing here.
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Another number.
    Float(f64),
    /// A text.
    Text(String),
}

/// The standard library and the functions of texts.
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut environment = Env::stdlib();
    // The names are free in a new environment, so that adding them cannot fail.
    let _infallible = environment.add_extension(cel::extensions::strings);
    Arc::new(environment)
});

/// Values asked for so far. The evaluation shares what it reads between threads and the request is not made for that,
/// so that values are fetched between runs: a run that meets a missing one notes it and is repeated with it.
struct Slots {
    placeholders: Box<[OnceLock<CelValue>]>,
    matchers: Box<[OnceLock<CelValue>]>,
    /// The first that was missing: its place, with matchers behind placeholders.
    missing: AtomicUsize,
}

const NONE: usize = usize::MAX;

impl Expression {
    /// Whether the expression holds. `ask` is called once for each thing needed, in the order in which they are.
    pub fn evaluate<E>(
        &self,
        ask: &mut dyn FnMut(Slot) -> Result<Value, E>,
    ) -> Result<bool, EvaluationError<E>> {
        let empty = |count| (0..count).map(|_| OnceLock::new()).collect();
        let slots = Slots {
            placeholders: empty(self.placeholders.len()),
            matchers: empty(self.matchers.len()),
            missing: AtomicUsize::new(NONE),
        };
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        context.set_variable_resolver(&slots);
        if !self.regexes.is_empty() {
            let regexes = Arc::clone(&self.regexes);
            context
                .add_function(MATCHES, move |text: Arc<String>, number: i64| {
                    let regex = usize::try_from(number).ok().and_then(|at| regexes.get(at));
                    regex.is_some_and(|regex| regex.is_match(&text))
                })
                .map_err(|error| EvaluationError::Type(error.to_string()))?;
        }
        loop {
            let result = CelValue::resolve(&self.tree, &context);
            let missing = slots.missing.swap(NONE, Ordering::Relaxed);
            match result {
                Ok(CelValue::Bool(holds)) => return Ok(holds),
                _ if missing != NONE => slots.fill(missing, ask)?,
                Ok(other) => {
                    let kind = other.type_of();
                    return Err(EvaluationError::Type(format!(
                        "the expression gave {kind}, not true or false"
                    )));
                }
                Err(error) => return Err(EvaluationError::Type(describe(&error))),
            }
        }
    }
}

impl Slots {
    fn fill<E>(
        &self,
        missing: usize,
        ask: &mut dyn FnMut(Slot) -> Result<Value, E>,
    ) -> Result<(), EvaluationError<E>> {
        let (slot, cell) = match missing.checked_sub(self.placeholders.len()) {
            None => (Slot::Placeholder(missing), self.placeholders.get(missing)),
            Some(at) => (Slot::Matcher(at), self.matchers.get(at)),
        };
        let value = match ask(slot).map_err(EvaluationError::Slot)? {
            Value::Null => CelValue::Null,
            Value::Bool(value) => CelValue::Bool(value),
            Value::Integer(value) => CelValue::Int(value),
            Value::Float(value) => CelValue::Float(value),
            Value::Text(text) => CelValue::String(Arc::new(text)),
        };
        match cell.map(|cell| cell.set(value)) {
            Some(Ok(())) => Ok(()),
            // A value that is there cannot be missing.
            _ => Err(EvaluationError::Type("a value is missing".to_owned())),
        }
    }
}

impl VariableResolver for Slots {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let (cells, number, offset) = if let Some(number) = variable.strip_prefix(PLACEHOLDER) {
            (&self.placeholders, number, 0)
        } else {
            let number = variable.strip_prefix(MATCHER)?;
            (&self.matchers, number, self.placeholders.len())
        };
        let at: usize = number.parse().ok()?;
        if let Some(value) = cells.get(at)?.get() {
            return value.clone().try_into().ok().map(CowVal::Owned);
        }
        // What was missing before this is fetched first.
        if self.missing.load(Ordering::Relaxed) == NONE {
            self.missing.store(offset + at, Ordering::Relaxed);
        }
        None
    }
}

/// The message without our own names.
fn describe(error: &ExecutionError) -> String {
    error.to_string().replace(MATCHES, "matches")
}

#[cfg(test)]
mod tests;
