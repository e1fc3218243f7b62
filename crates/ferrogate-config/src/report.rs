//! All problems of one load.

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Severity};
use crate::render;
use crate::source::{Sources, Span};

/// All problems of one load, in file order, with the texts they point into.
#[derive(Clone, Debug, Default)]
pub struct Report {
    sources: Sources,
    diagnostics: Vec<Diagnostic>,
    secrets: Vec<Span>,
    errors: usize,
    unavailable: usize,
    dropped: usize,
}

/// A file of a hundred thousand mistakes is told about the first thousand.
const MAX_DIAGNOSTICS: usize = 1000;

impl Report {
    /// Whether there is no error.
    pub fn is_ok(&self) -> bool {
        self.errors == 0
    }

    /// Whether the configuration can be run: there is no error, and nothing in it that this build cannot do yet.
    pub fn is_runnable(&self) -> bool {
        self.errors == 0 && self.unavailable == 0
    }

    /// How many errors there are, including those that were not kept.
    pub fn error_count(&self) -> usize {
        self.errors
    }

    /// All problems that were kept, in file order.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The errors, in file order.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.of(Severity::Error)
    }

    /// What is understood and cannot be run yet, in file order.
    pub fn unavailable(&self) -> impl Iterator<Item = &Diagnostic> {
        self.of(Severity::Unavailable)
    }

    /// The warnings, in file order.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.of(Severity::Warning)
    }

    /// Adds a problem at its place in file order; one that is already there (the same line of a snippet,
    /// imported twice) is not repeated.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let same = |other: &Diagnostic| {
            other.primary.is_some()
                && other.primary == diagnostic.primary
                && other.code == diagnostic.code
                && other.message == diagnostic.message
        };
        if self.diagnostics.iter().any(same) {
            return;
        }
        match diagnostic.severity {
            Severity::Error => self.errors += 1,
            Severity::Unavailable => self.unavailable += 1,
            Severity::Warning | Severity::Note => {}
        }
        if self.diagnostics.len() == MAX_DIAGNOSTICS {
            self.dropped += 1;
            return;
        }
        let order = diagnostic.reading_order();
        let at = self
            .diagnostics
            .partition_point(|other| other.reading_order() <= order);
        self.diagnostics.insert(at, diagnostic);
    }

    /// Whether further problems are counted only, so that nothing is gained by describing them well.
    pub(crate) fn is_full(&self) -> bool {
        self.diagnostics.len() == MAX_DIAGNOSTICS
    }

    /// The texts that spans point into.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The texts that spans point into, for a front end that reads another one.
    pub fn sources_mut(&mut self) -> &mut Sources {
        &mut self.sources
    }

    /// Hides a span in all excerpts: a secret stands there.
    pub fn redact(&mut self, span: Span) {
        self.secrets.push(span);
    }

    /// The report for people.
    pub fn render(&self, color: bool) -> String {
        render::text(self, color)
    }

    /// The report for machines: `ok`, `runnable`, `errors`, `warnings`, `diagnostics`.
    pub fn to_json(&self) -> Value {
        render::json(self)
    }

    pub(crate) fn secrets(&self) -> &[Span] {
        &self.secrets
    }

    pub(crate) fn dropped(&self) -> usize {
        self.dropped
    }

    fn of(&self, severity: Severity) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics
            .iter()
            .filter(move |diagnostic| diagnostic.severity == severity)
    }
}
