//! `rate_limit { … }`: limits of each subject of a kind, whoever it is, and of all together.

use std::collections::BTreeMap;

use ferrogate_types::SubjectKind;
use ferrogate_types::limits::Limits;

use super::holder::{self, Holder};
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;

pub(super) const KIND: Kind = Kind {
    noun: "kind of caller",
    place: "in `rate_limit`",
};
const LIMIT: Kind = Kind {
    noun: "limit",
    place: "in `rate_limit`",
};

/// Limits by whom they apply to.
type Each = BTreeMap<SubjectKind, Limits>;

/// Every kind of subject that can be limited.
pub(crate) const OPTIONS: &[Row<Each>] = &[
    Row::new(
        "ip",
        "ip { ... }",
        "Each address that calls come from; of IPv6 each /64.",
        |cx, line, each| read(cx, line, each, SubjectKind::Address),
    ),
    Row::new(
        "key",
        "key { ... }",
        "Each key, besides the limits of its own.",
        |cx, line, each| read(cx, line, each, SubjectKind::Key),
    ),
    Row::new(
        "user",
        "user { ... }",
        "Each user, of keys and of tokens, within their tenant.",
        |cx, line, each| read(cx, line, each, SubjectKind::User),
    ),
    Row::new(
        "tenant",
        "tenant { ... }",
        "Each tenant with all below it, besides the limits of its own.",
        |cx, line, each| read(cx, line, each, SubjectKind::Tenant),
    ),
    Row::new(
        "model",
        "model { ... }",
        "Each model, whoever calls it.",
        |cx, line, each| read(cx, line, each, SubjectKind::Model),
    ),
    Row::new(
        "global",
        "global { ... }",
        "All calls of the gateway together.",
        |cx, line, each| read(cx, line, each, SubjectKind::Global),
    ),
];

/// Every limit of such a subject.
pub(crate) const LIMITS: &[Row<Holder>] = &[
    holder::request_limit(),
    holder::token_limit(),
    holder::max_concurrency(),
];

fn read(cx: &mut Cx<'_>, line: &Line<'_>, each: &mut Each, kind: SubjectKind) {
    let Some(block) = line.block(cx) else {
        return;
    };
    let mut holder = Holder::default();
    cx.run_block(block, LIMIT, LIMITS, &mut holder);
    if block.segments.is_empty() {
        cx.say(
            line.at(),
            Diagnostic::error("no-limit", format!("`{kind}` is limited by nothing"))
                .label("the block is empty")
                .hint("add for instance `request_limit_per_minute 60`, or leave it out"),
        );
    }
    each.insert(kind, holder.limits(&[]));
}
