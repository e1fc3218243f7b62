//! `format filter`: fields that are changed before they are written.

use super::encoder;
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::{Block, Segment};
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{FieldFilter, FilterAction, LogEncoder, LogFilter, NamedFilter};

const KIND: Kind = Kind {
    noun: "log filter",
    place: "behind the name of a field",
};
const ACTION: Kind = Kind {
    noun: "action",
    place: "in this filter",
};
const MASK: Kind = Kind {
    noun: "option",
    place: "in `ip_mask`",
};
const EXPRESSIONS: Kind = Kind {
    noun: "option",
    place: "in `multi_regexp`",
};

/// Every filter of a field.
pub(crate) const FILTERS: &[Row<Option<LogFilter>>] = &[
    Row::new(
        "delete",
        "FIELD delete",
        "Leaves the field out.",
        |cx, line, out| {
            *out = line.flag(cx).then_some(LogFilter::Delete);
        },
    ),
    Row::new(
        "rename",
        "FIELD rename NAME",
        "Gives it another name.",
        |cx, line, out| {
            *out = line.text(cx).map(LogFilter::Rename);
        },
    ),
    Row::new(
        "replace",
        "FIELD replace TEXT",
        "Puts a text in its place.",
        |cx, line, out| {
            *out = line.text(cx).map(LogFilter::Replace);
        },
    ),
    Row::new(
        "ip_mask",
        "FIELD ip_mask [IPV4_BITS [IPV6_BITS]] | { ipv4 BITS ; ipv6 BITS }",
        "Keeps the first bits of addresses.",
        |cx, line, out| *out = mask(cx, line),
    ),
    Row::new(
        "query",
        "FIELD query { delete KEY ; replace KEY TEXT ; hash KEY }",
        "Changes query parameters.",
        |cx, line, out| *out = actions(cx, line).map(LogFilter::Query),
    ),
    Row::new(
        "cookie",
        "FIELD cookie { delete NAME ; replace NAME TEXT ; hash NAME }",
        "Changes cookies.",
        |cx, line, out| *out = actions(cx, line).map(LogFilter::Cookie),
    ),
    Row::new(
        "regexp",
        "FIELD regexp EXPRESSION TEXT",
        "Replaces matches.",
        |cx, line, out| {
            *out = expression(cx, line).map(|(find, replace)| LogFilter::Regexp { find, replace });
        },
    ),
    Row::new(
        "multi_regexp",
        "FIELD multi_regexp { regexp EXPRESSION TEXT ... }",
        "Replaces matches of several expressions.",
        |cx, line, out| {
            let mut expressions = Vec::new();
            line.options(cx, EXPRESSIONS, EXPRESSION_OPTIONS, &mut expressions);
            *out = Some(LogFilter::MultiRegexp(expressions));
        },
    ),
    Row::new(
        "hash",
        "FIELD hash",
        "Puts a short hash in its place.",
        |cx, line, out| {
            *out = line.flag(cx).then_some(LogFilter::Hash);
        },
    ),
];

const EXPRESSION_OPTIONS: &[Row<Vec<(String, String)>>] = &[Row::many(
    "regexp",
    "regexp EXPRESSION TEXT",
    "Replaces matches.",
    |cx, line, out| out.extend(expression(cx, line)),
)];

/// Every action of `query` and `cookie`.
pub(crate) const ACTIONS: &[Row<Vec<NamedFilter>>] = &[
    Row::many(
        "delete",
        "delete NAME",
        "Leaves it out.",
        |cx, line, out| {
            if let Some(name) = line.text(cx) {
                out.push(NamedFilter {
                    name,
                    action: FilterAction::Delete,
                });
            }
        },
    ),
    Row::many(
        "replace",
        "replace NAME TEXT",
        "Puts a text in its place.",
        |cx, line, out| {
            if let Some([name, text]) = line.words(cx) {
                out.push(NamedFilter {
                    name: name.text.to_string(),
                    action: FilterAction::Replace(text.text.to_string()),
                });
            }
        },
    ),
    Row::many(
        "hash",
        "hash NAME",
        "Puts a short hash in its place.",
        |cx, line, out| {
            if let Some(name) = line.text(cx) {
                out.push(NamedFilter {
                    name,
                    action: FilterAction::Hash,
                });
            }
        },
    ),
];

/// The bits of IPv4 and IPv6 addresses that are kept.
type Mask = (Option<u8>, Option<u8>);

const MASK_OPTIONS: &[Row<Mask>] = &[
    Row::new(
        "ipv4",
        "ipv4 BITS",
        "Bits of IPv4 addresses.",
        |cx, line, mask| {
            mask.0 = line
                .number32(cx, 0..=32)
                .and_then(|bits| u8::try_from(bits).ok());
        },
    ),
    Row::new(
        "ipv6",
        "ipv6 BITS",
        "Bits of IPv6 addresses.",
        |cx, line, mask| {
            mask.1 = line
                .number32(cx, 0..=128)
                .and_then(|bits| u8::try_from(bits).ok());
        },
    ),
];

/// Reads the block of `filter`, `depth` forms deep: `FIELD FILTER …` lines, of which `fields { … }` may hold some, and `wrap`.
pub(super) fn read(cx: &mut Cx<'_>, block: Option<&Block>, depth: usize) -> LogEncoder {
    let mut wrap = None;
    let mut fields = Vec::new();
    for segment in block.into_iter().flat_map(|block| &block.segments) {
        if segment.name.is_word("wrap") {
            let line = Line::of(segment, "wrap FORMAT [{ ... }]");
            wrap = encoder::nested(cx, &line, depth + 1).map(Box::new);
        } else if let (true, Some(inner)) = (
            segment.name.is_word("fields") && segment.args.is_empty(),
            &segment.block,
        ) {
            for segment in &inner.segments {
                fields.extend(field(cx, segment));
            }
        } else {
            fields.extend(field(cx, segment));
        }
    }
    LogEncoder::Filter { wrap, fields }
}

fn field(cx: &mut Cx<'_>, segment: &Segment) -> Option<FieldFilter> {
    let path: Vec<String> = segment.name.text.split('>').map(str::to_owned).collect();
    if path.iter().any(String::is_empty) {
        let shown = cx.shown(&segment.name);
        cx.say(
            segment.name.at,
            Diagnostic::error(
                "invalid-value",
                format!("`{shown}` is not the name of a field"),
            )
            .label("names stand between `>`")
            .hint("write for instance `request>headers>Cookie`"),
        );
        return None;
    }
    let Some((name, rest)) = segment.args.split_first() else {
        cx.say(
            segment.place(),
            Diagnostic::error(
                "argument-count",
                "a filter must follow the name of the field",
            )
            .label("what is to be done with it?")
            .hint("write for instance `request>headers>Cookie delete`"),
        );
        return None;
    };
    let inner = Segment {
        name: name.clone(),
        args: rest.to_vec(),
        block: segment.block.clone(),
    };
    let mut filter = None;
    let block = Block {
        segments: vec![inner],
    };
    cx.run_block(&block, KIND, FILTERS, &mut filter);
    filter.map(|filter| FieldFilter { path, filter })
}

fn mask(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<LogFilter> {
    let (args, block) = line.with_block(cx, 0..=2)?;
    let mut mask: Mask = (None, None);
    if let Some(block) = block {
        cx.run_block(block, MASK, MASK_OPTIONS, &mut mask);
    }
    if let Some(bits) = args.first() {
        mask.0 = cx
            .number(bits, 0..=32)
            .and_then(|bits| u8::try_from(bits).ok());
    }
    if let Some(bits) = args.get(1) {
        mask.1 = cx
            .number(bits, 0..=128)
            .and_then(|bits| u8::try_from(bits).ok());
    }
    if mask == (None, None) && args.is_empty() {
        cx.say(
            line.at(),
            Diagnostic::error("argument-count", "`ip_mask` says nothing")
                .label("how many bits are kept?")
                .hint(line.syntax()),
        );
        return None;
    }
    Some(LogFilter::IpMask {
        ipv4: mask.0,
        ipv6: mask.1,
    })
}

fn actions(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<Vec<NamedFilter>> {
    let block = line.block(cx)?;
    let mut actions = Vec::new();
    cx.run_block(block, ACTION, ACTIONS, &mut actions);
    Some(actions)
}

fn expression(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<(String, String)> {
    let [find, replace] = line.words(cx)?;
    let find = cx.regex(find)?;
    Some((find, replace.text.to_string()))
}
