//! The `map` directive, compiled.

use std::sync::Arc;

use ferrogate_types::Placeholder;
use ferrogate_types::route::{Map, MapInput, MapLine, Value};
use regex::bytes::Regex;

use crate::compile::Compiler;
use crate::placeholder::View;
use crate::text::Text;
use crate::value::{Scalar, Valued};

/// Values looked up by the names of their placeholders, at the moment these are read.
///
/// For each destination the first line decides that fits and has a value for it; without one the default is taken.
#[derive(Debug)]
pub(crate) struct MapTable {
    source: Text,
    destinations: Box<[Arc<str>]>,
    lines: Box<[Line]>,
    defaults: Box<[Valued]>,
}

#[derive(Debug)]
enum Line {
    Exact(Box<str>, Box<[Option<Valued>]>),
    Regexp(Regex, Box<[Option<Output>]>),
}

/// A value in which `${1}` is what the expression found.
#[derive(Debug)]
enum Output {
    Fixed(Scalar),
    Replacement(Text),
}

impl MapTable {
    pub(crate) fn compile(map: &Map, compiler: &mut Compiler<'_>) -> Self {
        for destination in &map.destinations {
            compiler.depends(destination, names(map));
        }
        Self {
            source: compiler.emptying(&map.source),
            destinations: map
                .destinations
                .iter()
                .map(|name| name.as_str().into())
                .collect(),
            lines: map
                .lines
                .iter()
                .filter_map(|line| Line::compile(line, compiler))
                .collect(),
            defaults: map
                .defaults
                .iter()
                .map(|value| Valued::compile(value, compiler))
                .collect(),
        }
    }

    /// The value of a destination, empty when no line sets it; nothing when the map does not have it.
    pub(crate) fn value(&self, destination: &str, view: &View<'_>) -> Option<Scalar> {
        let at = self
            .destinations
            .iter()
            .position(|name| **name == *destination)?;
        let input = self.source.render(view);
        self.lines
            .iter()
            .find_map(|line| line.output(at, &input, view))
            .or_else(|| {
                let default = self.defaults.get(at);
                Some(default.map_or_else(|| Scalar::from(""), |value| value.evaluate(view)))
            })
    }
}

impl Line {
    fn compile(line: &MapLine, compiler: &mut Compiler<'_>) -> Option<Self> {
        Some(match &line.input {
            MapInput::Exact(text) => {
                let outputs = line.outputs.iter().map(|output| {
                    output
                        .as_ref()
                        .map(|value| Valued::compile(value, compiler))
                });
                Self::Exact(text.as_str().into(), outputs.collect())
            }
            MapInput::Regexp(source) => {
                let regex = compiler.regex(source)?;
                let outputs = line.outputs.iter().map(|output| {
                    output
                        .as_ref()
                        .map(|value| Output::compile(value, compiler))
                });
                Self::Regexp(regex, outputs.collect())
            }
        })
    }

    fn output(&self, at: usize, input: &str, view: &View<'_>) -> Option<Scalar> {
        match self {
            Self::Exact(text, outputs) => {
                let output = outputs.get(at)?.as_ref()?;
                (**text == *input).then(|| output.evaluate(view))
            }
            Self::Regexp(regex, outputs) => {
                let output = outputs.get(at)?.as_ref()?;
                let groups = regex.captures(input.as_bytes())?;
                Some(match output {
                    Output::Fixed(value) => value.clone(),
                    Output::Replacement(text) => {
                        let mut value = Vec::new();
                        groups.expand(text.render_replacement(view).as_bytes(), &mut value);
                        Scalar::Text(String::from_utf8_lossy(&value).into_owned())
                    }
                })
            }
        }
    }
}

impl Output {
    fn compile(value: &Value, compiler: &mut Compiler<'_>) -> Self {
        match value {
            Value::Text(template) => {
                Self::Replacement(Text::compile_replacement(template, compiler))
            }
            Value::Bool(value) => Self::Fixed(Scalar::Bool(*value)),
            Value::Integer(value) => Self::Fixed(Scalar::Integer(*value)),
            Value::Float(value) => Self::Fixed(Scalar::Float(*value)),
        }
    }
}

/// The placeholders a map reads that another map may set.
fn names(map: &Map) -> Vec<String> {
    let outputs = map.lines.iter().flat_map(|line| line.outputs.iter());
    let values = outputs.flatten().chain(&map.defaults);
    let templates = values.filter_map(|value| match value {
        Value::Text(template) => Some(template),
        _ => None,
    });
    let placeholders = templates
        .chain([&map.source])
        .flat_map(ferrogate_types::Template::placeholders);
    placeholders
        .filter_map(|placeholder| match placeholder {
            Placeholder::Unknown(name) => Some(name.clone()),
            _ => None,
        })
        .collect()
}
