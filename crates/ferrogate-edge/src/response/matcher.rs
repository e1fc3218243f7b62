//! Conditions on an answer.

use ferrogate_types::route::{ResponseMatcher, StatusPattern};
use http::HeaderMap;

use crate::compile::Compiler;
use crate::matcher::HeaderCondition;
use crate::placeholder::View;

/// A compiled condition: status and fields must both hold.
#[derive(Debug)]
pub(crate) struct ResponseCondition {
    status: Box<[StatusPattern]>,
    headers: Box<[HeaderCondition]>,
}

impl ResponseCondition {
    pub(crate) fn compile(matcher: &ResponseMatcher, compiler: &mut Compiler<'_>) -> Self {
        Self {
            status: matcher.status.as_slice().into(),
            headers: matcher
                .headers
                .iter()
                .filter_map(|field| HeaderCondition::compile(field, compiler))
                .collect(),
        }
    }

    /// Whether the answer meets it.
    pub(crate) fn holds(&self, status: u16, headers: &HeaderMap, view: &View<'_>) -> bool {
        (self.status.is_empty() || accepts(&self.status, status))
            && self
                .headers
                .iter()
                .all(|field| field.holds_for(headers, view))
    }
}

/// Whether one of the patterns means this status.
pub(crate) fn accepts(patterns: &[StatusPattern], status: u16) -> bool {
    patterns.iter().any(|pattern| match pattern {
        StatusPattern::Code(code) => *code == status,
        StatusPattern::Class(class) => u16::from(*class) == status / 100,
    })
}
