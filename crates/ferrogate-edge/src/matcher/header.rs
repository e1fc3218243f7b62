//! Conditions on a header field.

use ferrogate_types::route::{HeaderMatch, TextPattern};
use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue};
use memchr::memmem;

use crate::compile::Compiler;
use crate::placeholder::View;
use crate::text::Text;

/// What must be true of one header field.
#[derive(Debug)]
pub(crate) struct HeaderCondition {
    field: HeaderName,
    /// Empty: the field must be absent.
    values: Box<[ValuePattern]>,
}

#[derive(Debug)]
enum ValuePattern {
    Any,
    Prefix(Text),
    Suffix(Text),
    Contains(Text),
    Exact(Text),
}

impl HeaderCondition {
    pub(crate) fn compile(field: &HeaderMatch, compiler: &mut Compiler<'_>) -> Option<Self> {
        let Ok(name) = HeaderName::from_bytes(field.field.as_bytes()) else {
            compiler.error(format!(
                "matches on `{}`, which is no header field",
                field.field
            ));
            return None;
        };
        let values = field
            .values
            .iter()
            .map(|value| ValuePattern::compile(value, compiler))
            .collect();
        Some(Self {
            field: name,
            values,
        })
    }

    pub(super) fn holds(&self, view: &View<'_>) -> bool {
        if self.field == HOST {
            let host = view.head.authority();
            return self.accepts(host, view) || (self.values.is_empty() && host.is_empty());
        }
        self.holds_for(view.head.headers(), view)
    }

    /// Whether it is true of these fields.
    pub(crate) fn holds_for(&self, headers: &HeaderMap, view: &View<'_>) -> bool {
        if self.values.is_empty() {
            return !headers.contains_key(&self.field);
        }
        headers
            .get_all(&self.field)
            .iter()
            .any(|line| self.accepts(line.as_bytes(), view))
    }

    fn accepts(&self, line: &[u8], view: &View<'_>) -> bool {
        self.values.iter().any(|value| value.accepts(line, view))
    }

    /// The field's first line, for an explanation.
    pub(super) fn seen(&self, view: &View<'_>) -> String {
        let first = view.head.headers().get(&self.field);
        let line = match first {
            None if self.field == HOST => view.head.authority(),
            line => line.map(HeaderValue::as_bytes).unwrap_or_default(),
        };
        format!("{}: {}", self.field, String::from_utf8_lossy(line))
    }
}

impl ValuePattern {
    fn compile(pattern: &TextPattern, compiler: &mut Compiler<'_>) -> Self {
        match pattern {
            TextPattern::Any => Self::Any,
            TextPattern::Prefix(text) => Self::Prefix(compiler.emptying(text)),
            TextPattern::Suffix(text) => Self::Suffix(compiler.emptying(text)),
            TextPattern::Contains(text) => Self::Contains(compiler.emptying(text)),
            TextPattern::Exact(text) => Self::Exact(compiler.emptying(text)),
        }
    }

    fn accepts(&self, line: &[u8], view: &View<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Prefix(text) => line.starts_with(text.render(view).as_bytes()),
            Self::Suffix(text) => line.ends_with(text.render(view).as_bytes()),
            Self::Contains(text) => memmem::find(line, text.render(view).as_bytes()).is_some(),
            Self::Exact(text) => line == text.render(view).as_bytes(),
        }
    }
}
