//! Conditions by regular expression, whose groups placeholders can read.

use std::sync::Arc;

use ferrogate_types::route::{HeaderRegexp, NamedRegexp, Subject, VarsRegexp};
use http::header::HOST;
use http::{HeaderName, HeaderValue};
use regex::bytes::Regex;

use crate::compile::Compiler;
use crate::exchange::Captures;
use crate::placeholder::View;
use crate::text::Text;

/// An expression and the name its groups are read by.
#[derive(Debug)]
pub(super) struct Finder {
    name: Option<Arc<str>>,
    regex: Regex,
}

/// An expression on the lines of a header field.
#[derive(Debug)]
pub(super) struct FieldFinder {
    field: HeaderName,
    finder: Finder,
}

/// An expression on a variable or a text.
#[derive(Debug)]
pub(super) struct SubjectFinder {
    subject: SubjectText,
    finder: Finder,
}

/// What a `vars` matcher looks at.
#[derive(Debug)]
pub(super) enum SubjectText {
    Variable(Box<str>),
    Text(Text),
}

impl Finder {
    /// Compiles an expression; `None` after an error.
    pub(super) fn compile(spec: &NamedRegexp, compiler: &mut Compiler<'_>) -> Option<Self> {
        Some(Self {
            name: spec.name.as_deref().map(Into::into),
            regex: compiler.regex(&spec.pattern)?,
        })
    }

    /// Whether the text has a match; its groups are kept.
    pub(super) fn finds(&self, text: &[u8], view: &View<'_>) -> bool {
        let Some(groups) = self.regex.captures(text) else {
            return false;
        };
        let captures = Captures::new(self.name.as_ref(), &self.regex, &groups);
        view.exchange.found().keep(captures);
        true
    }
}

impl FieldFinder {
    pub(super) fn compile(spec: &HeaderRegexp, compiler: &mut Compiler<'_>) -> Option<Self> {
        let Ok(field) = HeaderName::from_bytes(spec.field.as_bytes()) else {
            compiler.error(format!(
                "matches on `{}`, which is no header field",
                spec.field
            ));
            return None;
        };
        Some(Self {
            field,
            finder: Finder::compile(&spec.regexp, compiler)?,
        })
    }

    pub(super) fn holds(&self, view: &View<'_>) -> bool {
        if self.field == HOST {
            return self.finder.finds(view.head.authority(), view);
        }
        let lines = view.head.headers().get_all(&self.field).into_iter();
        lines
            .map(HeaderValue::as_bytes)
            .any(|line| self.finder.finds(line, view))
    }

    /// The field's first line, for an explanation.
    pub(super) fn seen(&self, view: &View<'_>) -> String {
        let line = view.head.headers().get(&self.field);
        let line = line.map(HeaderValue::as_bytes).unwrap_or_default();
        format!("{}: {}", self.field, String::from_utf8_lossy(line))
    }
}

impl SubjectFinder {
    pub(super) fn compile(spec: &VarsRegexp, compiler: &mut Compiler<'_>) -> Option<Self> {
        Some(Self {
            subject: SubjectText::compile(&spec.subject, compiler),
            finder: Finder::compile(&spec.regexp, compiler)?,
        })
    }

    pub(super) fn holds(&self, view: &View<'_>) -> bool {
        self.finder.finds(self.subject.value(view).as_bytes(), view)
    }

    /// The value looked at, for an explanation.
    pub(super) fn seen(&self, view: &View<'_>) -> String {
        self.subject.value(view)
    }
}

impl SubjectText {
    pub(super) fn compile(subject: &Subject, compiler: &mut Compiler<'_>) -> Self {
        match subject {
            Subject::Variable(name) => Self::Variable(name.as_str().into()),
            Subject::Text(template) => Self::Text(compiler.emptying(template)),
        }
    }

    /// The value as text; that of a variable that is not set is empty.
    pub(super) fn value(&self, view: &View<'_>) -> String {
        match self {
            Self::Variable(name) => view
                .exchange
                .var(name)
                .map(ToString::to_string)
                .unwrap_or_default(),
            Self::Text(text) => text.render(view).into_owned(),
        }
    }
}
