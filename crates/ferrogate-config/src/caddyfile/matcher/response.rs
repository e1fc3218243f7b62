//! Response matchers: conditions on an answer.

use ferrogate_types::route::ResponseMatcher;

use super::field::header_field;
use crate::caddyfile::context::Cx;
use crate::caddyfile::proxy::balance::status_patterns;
use crate::caddyfile::syntax::{Block, Segment};
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;

const KIND: Kind = Kind {
    noun: "response matcher",
    place: "in a condition on answers",
};

/// Every type of response matcher.
pub(crate) const RESPONSE_MATCHERS: &[Row<ResponseMatcher>] = &[
    Row::many(
        "status",
        "status CODE|CLASS...",
        "Statuses, or classes such as `5xx`; one of them must fit.",
        |cx, line, matcher| {
            if let Some(words) = line.list(cx, 1..=999) {
                matcher.status.extend(status_patterns(cx, words));
            }
        },
    ),
    Row::many(
        "header",
        "header FIELD [VALUE] | header !FIELD",
        "A response header field, or its absence.",
        |cx, line, matcher| header_field(cx, line, true, &mut matcher.headers),
    ),
];

impl Cx<'_> {
    /// Reads `@name status 2xx`, `match status 2xx`, or the same with a block of such lines.
    pub(crate) fn response_matcher(&mut self, segment: &Segment) -> Option<ResponseMatcher> {
        let name = segment
            .name
            .text
            .strip_prefix('@')
            .map(|_| segment.name.text.to_string());
        let mut matcher = ResponseMatcher {
            name: name.unwrap_or_default(),
            status: Vec::new(),
            headers: Vec::new(),
        };
        match (segment.args.split_first(), &segment.block) {
            (None, Some(block)) => {
                self.run_block(block, KIND, RESPONSE_MATCHERS, &mut matcher);
            }
            (Some((name, rest)), block) => {
                let line = Segment {
                    name: name.clone(),
                    args: rest.to_vec(),
                    block: block.clone(),
                };
                let block = Block {
                    segments: vec![line],
                };
                self.run_block(&block, KIND, RESPONSE_MATCHERS, &mut matcher);
            }
            (None, None) => {}
        }
        if matcher.status.is_empty() && matcher.headers.is_empty() {
            // A condition that was written wrong has been spoken of already.
            if segment.args.is_empty()
                && segment
                    .block
                    .as_ref()
                    .is_none_or(|block| block.segments.is_empty())
            {
                let shown = self.shown(&segment.name);
                self.say(
                    segment.name.at,
                    Diagnostic::error("argument-count", format!("`{shown}` has no conditions"))
                        .label("`status` or `header` must follow, on the line or in a block")
                        .hint(format!("syntax: {shown} status 2xx")),
                );
            }
            return None;
        }
        Some(matcher)
    }
}
