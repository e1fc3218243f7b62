//! `forward_auth`: another server is asked who may come in.

use ferrogate_types::Template;
use ferrogate_types::route::{
    Handler, HeaderOp, Matcher, MatcherSet, ResponseAction, ResponseHandler, ResponseMatcher,
    Route, StatusPattern, Subject,
};

use super::Draft;
use crate::caddyfile::body::Body;
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::{Block, Place, Token};
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;

const KIND: Kind = Kind {
    noun: "subdirective",
    place: "in `forward_auth`",
};

/// What `forward_auth` has beyond a proxy.
#[derive(Default)]
pub(crate) struct Own {
    uri: Option<(Template, Place)>,
    /// The answer's field, and its name in the request.
    copied: Vec<(String, String)>,
}

/// Every subdirective of `forward_auth` that `reverse_proxy` has not.
pub(crate) const OPTIONS: &[Row<Own>] = &[
    Row::many(
        "uri",
        "uri TARGET",
        "What the server is asked for.",
        |cx, line, own| {
            let Some(word) = line.word(cx) else { return };
            if let Some((_, first)) = &own.uri {
                cx.say(
                    line.at(),
                    Diagnostic::error("repeated", "`uri` is written twice")
                        .label("second target")
                        .also(first.span, "first target"),
                );
                return;
            }
            own.uri = Some((cx.template(word), line.at()));
        },
    ),
    Row::many(
        "copy_headers",
        "copy_headers FIELD|FIELD>NAME... | { ... }",
        "Fields of a good answer that the request gets.",
        |cx, line, own| {
            let Some((args, block)) = line.with_block(cx, 0..=usize::MAX) else {
                return;
            };
            let lines = block.into_iter().flat_map(|block| &block.segments);
            let words =
                lines.flat_map(|segment| std::iter::once(&segment.name).chain(&segment.args));
            let words: Vec<&Token> = args.iter().chain(words).collect();
            if words.is_empty() {
                // Says that an argument is missing.
                line.with_block(cx, 1..=usize::MAX);
            }
            for word in words {
                own.copied.extend(copied(cx, word));
            }
        },
    ),
];

pub(crate) fn directive(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let errors = cx.report.error_count();
    let mut draft = Draft::default();
    for word in line.args {
        draft.upstreams.extend(cx.upstreams(word));
    }
    let mut own = Own::default();
    if let Some(block) = &line.segment.block {
        let (mine, proxy) = block
            .segments
            .iter()
            .cloned()
            .partition(|segment| OPTIONS.iter().any(|row| segment.name.is_word(row.name)));
        cx.run_block(&Block { segments: mine }, KIND, OPTIONS, &mut own);
        draft.block(cx, &Block { segments: proxy });
    }
    let Some((uri, _)) = own.uri else {
        if errors == cx.report.error_count() {
            cx.say(
                line.at(),
                Diagnostic::error("missing-key", "`forward_auth` needs a `uri`")
                    .label("what is the server to be asked for?")
                    .hint("write for instance `uri /api/verify` in its block"),
            );
        }
        return;
    };
    if draft.upstreams.is_empty() && draft.dynamic.is_none() && errors == cx.report.error_count() {
        cx.say(
            line.at(),
            Diagnostic::error("no-upstream", "`forward_auth` has no upstream")
                .label("which server is to be asked?")
                .hint(line.syntax()),
        );
        return;
    }
    let Some(mut proxy) = draft.settle(cx) else {
        return;
    };
    proxy.method = Some(Template::parse("GET"));
    proxy.rewrite = Some(uri);
    // These say what the client asked for, before the method and the target become those of the question.
    let asked = [
        ("X-Forwarded-Method", "{method}"),
        ("X-Forwarded-Uri", "{uri}"),
    ];
    let asked = asked.map(|(field, value)| HeaderOp::Set {
        field: Template::parse(field),
        value: Template::parse(value),
    });
    proxy.header_up.splice(0..0, asked);
    let origin = cx.origin(line.name());
    let route = |matcher: Option<MatcherSet>, op: HeaderOp| Route {
        matcher: matcher.map(Into::into),
        handler: Handler::RequestHeader(vec![op]),
        origin: origin.clone(),
    };
    // What the client sent under these names itself goes first: it must not pass for what the server said.
    let deleted = own
        .copied
        .iter()
        .map(|(_, to)| route(None, HeaderOp::Delete { field: to.clone() }));
    let set = own.copied.iter().map(|(from, to)| {
        let value = Template::parse(&format!("{{http.reverse_proxy.header.{from}}}"));
        let op = HeaderOp::Set {
            field: Template::parse(to),
            value: value.clone(),
        };
        route(Some(is_there(value)), op)
    });
    let good = ResponseHandler {
        matcher: Some(ResponseMatcher {
            name: String::new(),
            status: vec![StatusPattern::Class(2)],
            headers: Vec::new(),
        }),
        action: ResponseAction::Routes(deleted.chain(set).collect()),
        origin: origin.clone(),
    };
    proxy.responses.insert(0, good);
    body.push(cx, line, Handler::ReverseProxy(Box::new(proxy)));
}

/// Holds when a text does not come out empty.
fn is_there(text: Template) -> MatcherSet {
    let empty = Matcher::Vars(vec![(Subject::Text(text), vec![Template::parse("")])]);
    MatcherSet {
        name: String::new(),
        matchers: vec![Matcher::Not(MatcherSet {
            name: String::new(),
            matchers: vec![empty],
        })],
    }
}

/// `FIELD` or `FIELD>NAME`
fn copied(cx: &mut Cx<'_>, word: &Token) -> Option<(String, String)> {
    let (from, to) = word
        .text
        .split_once('>')
        .unwrap_or((&word.text, &word.text));
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let name = |name: &str| !name.is_empty() && name.chars().all(token);
    if name(from) && name(to) {
        return Some((from.to_owned(), to.to_owned()));
    }
    let shown = cx.shown(word);
    cx.say(
        word.at,
        Diagnostic::error("header-field", format!("`{shown}` is not a header field"))
            .label("expected `FIELD`, or `FIELD>NAME` to rename it"),
    );
    None
}
