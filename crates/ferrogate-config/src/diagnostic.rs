//! A problem of a configuration, as data.

use crate::source::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// It is understood and checked, but this build cannot run it yet.
    Unavailable,
    /// It can be used, but probably does not do what was meant.
    Warning,
    /// Worth knowing.
    Note,
}

/// A problem: what, where, and what to do about it.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name for the kind of problem, in kebab case.
    pub code: &'static str,
    /// What is wrong: lower case, no full stop, user input in backticks.
    pub message: String,
    /// The place to look at first; `None` when the problem is about no place in a file.
    pub primary: Option<Span>,
    /// Said next to the primary place; may be empty.
    pub label: String,
    /// Other places that matter, each with what to see there.
    pub secondary: Vec<(Span, String)>,
    /// What to do.
    pub hints: Vec<String>,
    /// The imports that brought the place in, outermost first.
    pub import_chain: Vec<ImportFrame>,
}

/// One step of an import chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportFrame {
    /// Where `import` stands.
    pub span: Span,
    /// What it imports, as written.
    pub name: String,
}

impl Severity {
    /// The word used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Unavailable => "unavailable",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl Diagnostic {
    /// An error without a place.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message.into())
    }

    /// Something that is understood and cannot be run yet, without a place.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Severity::Unavailable, "not-available", message.into())
    }

    /// A warning without a place.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message.into())
    }

    /// A note without a place.
    pub fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message.into())
    }

    /// Sets the primary place.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.primary = Some(span);
        self
    }

    /// Sets what is said next to the primary place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn also(mut self, span: Span, label: impl Into<String>) -> Self {
        self.secondary.push((span, label.into()));
        self
    }

    /// Adds what to do; an empty hint is dropped.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        if !hint.is_empty() {
            self.hints.push(hint);
        }
        self
    }

    /// Sets the imports that brought the place in.
    #[must_use]
    pub fn imported(mut self, chain: Vec<ImportFrame>) -> Self {
        self.import_chain = chain;
        self
    }

    /// Where the problem stands in reading order: the import sites on the way, then the place itself.
    pub(crate) fn reading_order(&self) -> Vec<Span> {
        self.import_chain
            .iter()
            .map(|frame| frame.span)
            .chain(self.primary)
            .collect()
    }

    fn new(severity: Severity, code: &'static str, message: String) -> Self {
        Self {
            severity,
            code,
            message,
            primary: None,
            label: String::new(),
            secondary: Vec::new(),
            hints: Vec::new(),
            import_chain: Vec::new(),
        }
    }
}
