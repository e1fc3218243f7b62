//! Values that are set by name.

use serde::Serialize;

use crate::Template;

/// A value as it was written: unquoted numbers and booleans keep their type.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// `true`, `false`
    Bool(bool),
    /// `42`
    Integer(i64),
    /// `1.5`
    Float(f64),
    /// Anything else.
    Text(Template),
}

/// The `map` directive. For each destination the first line that fits and has a value for it decides; the values are looked up when they are read.
#[derive(Clone, Debug, Serialize)]
pub struct Map {
    /// What is looked up; unknown placeholders become empty.
    pub source: Template,
    /// The placeholders it sets, without braces.
    pub destinations: Vec<String>,
    /// The lines in order.
    pub lines: Vec<MapLine>,
    /// For destinations no line set, in their order; may be shorter.
    pub defaults: Vec<Value>,
}

/// A line of a `map`.
#[derive(Clone, Debug, Serialize)]
pub struct MapLine {
    /// What it fits.
    pub input: MapInput,
    /// One for each destination; `None` leaves it to the lines that follow, then to the default.
    pub outputs: Vec<Option<Value>>,
}

/// What a line of a `map` fits.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MapInput {
    /// This text.
    Exact(String),
    /// What this expression finds, whose groups are `${1}` in the outputs; checked at load.
    Regexp(String),
}

/// The `tracing` directive.
#[derive(Clone, Debug, Serialize)]
pub struct Tracing {
    /// The span's name.
    pub span: Option<Template>,
    /// Its further attributes.
    pub attributes: Vec<(String, Template)>,
}
