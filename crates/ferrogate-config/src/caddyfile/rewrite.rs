//! `rewrite`, `method`, `uri`: edits of the request line.

use ferrogate_types::Template;
use ferrogate_types::route::{Handler, QueryOp, UriOp};

use super::body::Body;
use super::context::Cx;
use super::line::Line;
use super::syntax::{Segment, Token};
use crate::diagnostic::Diagnostic;
use crate::suggest::did_you_mean;

const OPERATIONS: [&str; 5] = [
    "strip_prefix",
    "strip_suffix",
    "replace",
    "path_regexp",
    "query",
];

pub(crate) fn directive(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    if let Some(target) = line.word(cx) {
        let to = cx.template(target);
        body.push(cx, line, Handler::Rewrite { to });
    }
}

pub(crate) fn method(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let Some(verb) = line.word(cx) else { return };
    let template = cx.template(verb);
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if template
        .as_literal()
        .is_some_and(|text| text.is_empty() || !text.chars().all(token))
    {
        let shown = cx.shown(verb);
        cx.say(
            verb.at,
            Diagnostic::error("invalid-value", format!("`{shown}` is not a method"))
                .label("a word such as `GET`"),
        );
        return;
    }
    body.push(cx, line, Handler::Method(template));
}

pub(crate) fn uri(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let Some((args, block)) = line.with_block(cx, 1..=4) else {
        return;
    };
    let Some((operation, args)) = args.split_first() else {
        return;
    };
    if let Some(block) = block.filter(|_| &*operation.text != "query" || !args.is_empty()) {
        let at = block
            .segments
            .first()
            .map_or(line.at(), |segment| segment.name.at);
        cx.say(
            at,
            Diagnostic::error(
                "block-unexpected",
                "only `uri query` without arguments takes a block",
            )
            .label("stands in a block that means nothing"),
        );
        return;
    }
    let operation = match (&*operation.text, args) {
        ("strip_prefix", [prefix]) => Some(UriOp::StripPrefix(slashed(cx, prefix))),
        ("strip_suffix", [suffix]) => Some(UriOp::StripSuffix(cx.template(suffix))),
        ("replace", [find, to]) => Some(UriOp::Replace {
            find: cx.template(find),
            to: cx.template(to),
            limit: None,
        }),
        ("replace", [find, to, limit]) => {
            let Some(count) = cx.number(limit, 1..=u64::from(u32::MAX)) else {
                return;
            };
            let limit = usize::try_from(count).ok();
            Some(UriOp::Replace {
                find: cx.template(find),
                to: cx.template(to),
                limit,
            })
        }
        ("path_regexp", [find, to]) => {
            let Some(find) = cx.regex(find) else { return };
            Some(UriOp::PathRegexp {
                find,
                to: cx.template(to),
            })
        }
        ("query", args) => {
            let mut edits = Vec::new();
            match block {
                Some(block) => {
                    for segment in &block.segments {
                        edits.extend(query_line(cx, segment));
                    }
                }
                None => edits.extend(query(cx, line, args)),
            }
            (!edits.is_empty()).then_some(UriOp::Query(edits))
        }
        (name, _) => {
            let known = OPERATIONS.contains(&name);
            let shown = cx.shown(operation);
            let message = if known {
                format!("wrong arguments for `uri {name}`")
            } else {
                format!("unknown operation `{shown}`")
            };
            cx.say(
                operation.at,
                Diagnostic::error("invalid-value", message)
                    .label("strip_prefix PREFIX, strip_suffix SUFFIX, replace FIND TO [LIMIT], path_regexp REGEX TO, query ...")
                    .hint(if known { String::new() } else { did_you_mean(&shown, OPERATIONS) }),
            );
            None
        }
    };
    if let Some(operation) = operation {
        body.push(cx, line, Handler::Uri(operation));
    }
}

/// A prefix begins with a slash, written or not.
fn slashed(cx: &mut Cx<'_>, word: &Token) -> Template {
    let template = cx.template(word);
    if word.text.starts_with(['/', '{']) {
        template
    } else {
        Template::parse(&format!("/{}", word.text))
    }
}

fn query_line(cx: &mut Cx<'_>, segment: &Segment) -> Option<QueryOp> {
    let line = Line::of(
        segment,
        "KEY VALUE | +KEY VALUE | -KEY | OLD>NEW | KEY REGEX REPLACEMENT",
    );
    let args = line.list(cx, 0..=2)?;
    let words: Vec<Token> = std::iter::once(segment.name.clone())
        .chain(args.iter().cloned())
        .collect();
    query(cx, &line, &words)
}

fn query(cx: &mut Cx<'_>, line: &Line<'_>, words: &[Token]) -> Option<QueryOp> {
    let text = |word: &Token| Template::parse(&word.text);
    match words {
        [key] => {
            if let Some(key) = key.text.strip_prefix('-') {
                return Some(QueryOp::Delete { key: key.into() });
            }
            if let Some((from, to)) = key.text.split_once('>') {
                return Some(QueryOp::Rename {
                    from: from.into(),
                    to: to.into(),
                });
            }
        }
        [key, value] => {
            let value = cx.template(value);
            return Some(match key.text.strip_prefix('+') {
                Some(key) => QueryOp::Add {
                    key: key.into(),
                    value,
                },
                None => QueryOp::Set {
                    key: text(key),
                    value,
                },
            });
        }
        [key, find, to] => {
            let find = cx.regex(find)?;
            return Some(QueryOp::Replace {
                key: text(key),
                find,
                to: cx.template(to),
            });
        }
        _ => {}
    }
    cx.say(
        line.at(),
        Diagnostic::error("invalid-value", "this is not an edit of the query")
            .label("expected KEY VALUE, +KEY VALUE, -KEY, OLD>NEW or KEY REGEX REPLACEMENT"),
    );
    None
}
