//! Edits of header fields, compiled.

mod target;

use std::borrow::Cow;

use ferrogate_types::Template;
use ferrogate_types::route::HeaderOp;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue};
use regex::bytes::Regex;

pub(crate) use self::target::{EditTarget, RequestTarget, ResponseTarget, UpstreamTarget};
use crate::compile::Compiler;
use crate::head::HeaderFields;
use crate::placeholder::View;
use crate::text::Text;

/// The edits of one directive, in the order they are applied: defaults, delete everything, add, set, delete,
/// replace; edits of one kind as written.
///
/// Defaults come first because Caddy splits them off into an inner writer.
#[derive(Debug)]
pub(crate) struct Edits {
    ops: Box<[Op]>,
}

#[derive(Debug)]
enum Op {
    Set(Field, Value),
    Add(Field, Value),
    Default(Field, Value),
    Delete(NamePattern),
    Replace {
        fields: NamePattern,
        find: Regex,
        replace: Text,
    },
}

#[derive(Debug)]
enum Field {
    Fixed(HeaderName),
    Text(Text),
}

#[derive(Debug)]
enum Value {
    Fixed(HeaderValue),
    Text(Text),
}

/// Field names, in lower case.
#[derive(Debug)]
enum NamePattern {
    Exact(HeaderName),
    Any,
    Prefix(Box<str>),
    Suffix(Box<str>),
    Contains(Box<str>),
}

impl Edits {
    /// Compiles edits.
    pub(crate) fn compile(ops: &[HeaderOp], compiler: &mut Compiler<'_>) -> Self {
        let mut compiled: Vec<Op> = ops
            .iter()
            .filter_map(|op| Op::compile(op, compiler))
            .collect();
        compiled.sort_by_key(Op::rank);
        Self {
            ops: compiled.into(),
        }
    }

    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Applies every edit.
    pub(crate) fn apply(&self, target: &mut dyn EditTarget) {
        for op in &self.ops {
            op.apply(target);
        }
    }
}

impl Op {
    fn compile(op: &HeaderOp, compiler: &mut Compiler<'_>) -> Option<Self> {
        Some(match op {
            HeaderOp::Set { field, value } => Self::Set(
                Field::compile(field, compiler)?,
                Value::compile(value, compiler),
            ),
            HeaderOp::Add { field, value } => Self::Add(
                Field::compile(field, compiler)?,
                Value::compile(value, compiler),
            ),
            HeaderOp::Default { field, value } => Self::Default(
                Field::compile(field, compiler)?,
                Value::compile(value, compiler),
            ),
            HeaderOp::Delete { field } => Self::Delete(NamePattern::compile(field, compiler)?),
            HeaderOp::Replace {
                field,
                find,
                replace,
            } => Self::Replace {
                fields: NamePattern::compile(field, compiler)?,
                find: compiler.regex(find)?,
                replace: compiler.keeping(replace),
            },
        })
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Default(..) => 0,
            Self::Delete(NamePattern::Any) => 1,
            Self::Add(..) => 2,
            Self::Set(..) => 3,
            Self::Delete(_) => 4,
            Self::Replace { .. } => 5,
        }
    }

    fn apply(&self, target: &mut dyn EditTarget) {
        match self {
            Self::Set(field, value) => {
                if let Some(name) = field.name(&target.view()) {
                    let value = value.value(&target.view());
                    target.fields().set_header(&name, value);
                }
            }
            Self::Add(field, value) => {
                if let Some(name) = field.name(&target.view()) {
                    let value = value.value(&target.view());
                    target.fields().append_header(&name, value);
                }
            }
            Self::Default(field, value) => {
                if let Some(name) = field.name(&target.view())
                    && !target.fields().headers().contains_key(&*name)
                {
                    let value = value.value(&target.view());
                    target.fields().set_header(&name, value);
                }
            }
            Self::Delete(NamePattern::Exact(name)) => target.fields().remove_header(name),
            Self::Delete(pattern) => {
                for name in pattern.names(target.fields()) {
                    target.fields().remove_header(&name);
                }
            }
            Self::Replace {
                fields,
                find,
                replace,
            } => {
                for name in fields.names(target.fields()) {
                    let replacement = replace.render_replacement(&target.view()).into_owned();
                    replace_lines(target.fields(), &name, find, &replacement);
                }
            }
        }
    }
}

impl Field {
    fn compile(template: &Template, compiler: &mut Compiler<'_>) -> Option<Self> {
        let text = compiler.keeping(template);
        let Some(fixed) = text.fixed() else {
            return Some(Self::Text(text));
        };
        match HeaderName::from_bytes(fixed.as_bytes()) {
            Ok(name) if is_framing(&name) => {
                compiler.error(format!("sets `{fixed}`, which the server itself writes"));
                None
            }
            Ok(name) => Some(Self::Fixed(name)),
            Err(_) => {
                compiler.error(format!("names `{fixed}`, which is no header field"));
                None
            }
        }
    }

    /// The name; nothing when a request's values made an invalid one.
    fn name(&self, view: &View<'_>) -> Option<Cow<'_, HeaderName>> {
        match self {
            Self::Fixed(name) => Some(Cow::Borrowed(name)),
            Self::Text(text) => {
                let name = HeaderName::from_bytes(text.render(view).as_bytes()).ok()?;
                (!is_framing(&name)).then_some(Cow::Owned(name))
            }
        }
    }
}

impl Value {
    fn compile(template: &Template, compiler: &mut Compiler<'_>) -> Self {
        let text = compiler.keeping(template);
        match text
            .fixed()
            .map(|fixed| HeaderValue::from_bytes(fixed.as_bytes()))
        {
            Some(Ok(value)) => Self::Fixed(value),
            Some(Err(_)) => {
                compiler.error("has a header value with a line break or control character");
                Self::Text(text)
            }
            None => Self::Text(text),
        }
    }

    fn value(&self, view: &View<'_>) -> HeaderValue {
        match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(text) => header_value(text.render(view).as_bytes()),
        }
    }
}

impl NamePattern {
    /// Reads a pattern. Framing fields are out of reach, so naming one has no effect.
    fn compile(pattern: &str, compiler: &mut Compiler<'_>) -> Option<Self> {
        let lower = pattern.to_ascii_lowercase();
        if lower == "*" {
            return Some(Self::Any);
        }
        Some(match (lower.strip_prefix('*'), lower.strip_suffix('*')) {
            (Some(inner), Some(_)) => Self::Contains(inner.trim_end_matches('*').into()),
            (Some(suffix), None) => Self::Suffix(suffix.into()),
            (None, Some(prefix)) => Self::Prefix(prefix.into()),
            (None, None) => match HeaderName::from_bytes(lower.as_bytes()) {
                Ok(name) if is_framing(&name) => return None,
                Ok(name) => Self::Exact(name),
                Err(_) => {
                    compiler.error(format!("names `{pattern}`, which is no header field"));
                    return None;
                }
            },
        })
    }

    /// The fields present that match.
    fn names(&self, fields: &dyn HeaderFields) -> Vec<HeaderName> {
        let names = fields.headers().keys().filter(|name| !is_framing(name));
        names
            .filter(|name| match self {
                Self::Exact(exact) => *name == exact,
                Self::Any => true,
                Self::Prefix(text) => name.as_str().starts_with(&**text),
                Self::Suffix(text) => name.as_str().ends_with(&**text),
                Self::Contains(text) => name.as_str().contains(&**text),
            })
            .cloned()
            .collect()
    }
}

/// Fields that say where a message ends: edited by hand, they would let one message pose as two.
pub(crate) fn is_framing(name: &HeaderName) -> bool {
    *name == CONTENT_LENGTH || *name == TRANSFER_ENCODING
}

/// A value made from request data: line breaks and other control characters are left out.
pub(crate) fn header_value(bytes: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(bytes).unwrap_or_else(|_| {
        let printable: Vec<u8> = bytes
            .iter()
            .copied()
            .filter(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f))
            .collect();
        HeaderValue::from_bytes(&printable).unwrap_or_else(|_| HeaderValue::from_static(""))
    })
}

fn replace_lines(
    fields: &mut dyn HeaderFields,
    name: &HeaderName,
    find: &Regex,
    replacement: &str,
) {
    let lines: Vec<HeaderValue> = fields.headers().get_all(name).iter().cloned().collect();
    if !lines.iter().any(|line| find.is_match(line.as_bytes())) {
        return;
    }
    fields.remove_header(name);
    for line in lines {
        fields.append_header(
            name,
            header_value(&find.replace_all(line.as_bytes(), replacement.as_bytes())),
        );
    }
}

#[cfg(test)]
mod tests;
