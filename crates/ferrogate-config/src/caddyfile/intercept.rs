//! `intercept`, with what is done about answers that match, there and in `reverse_proxy`.

use std::collections::HashMap;
use std::sync::Arc;

use ferrogate_types::route::{
    Handler, Intercept, ResponseAction, ResponseHandler, ResponseMatcher,
};

use super::body::Body;
use super::context::Cx;
use super::line::Line;
use super::matcher::is_definition;
use super::respond::status;
use super::syntax::{Block, Place, Segment, Token};
use super::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::suggest::did_you_mean;

const KIND: Kind = Kind {
    noun: "option",
    place: "in `intercept`",
};

/// Every option of `intercept`, definitions of response matchers aside.
pub(crate) const OPTIONS: &[Row<Responses>] = &[
    Row::many(
        "replace_status",
        "replace_status [@NAME] STATUS",
        "Sends answers that match with another status.",
        |cx, line, responses| responses.replace_status(cx, line),
    ),
    Row::many(
        "handle_response",
        "handle_response [@NAME] { ... }",
        "Runs directives in the place of answers that match.",
        |cx, line, responses| responses.handle_response(cx, line),
    ),
];

/// What is done about answers, with the response matchers of the block.
#[derive(Default)]
pub(crate) struct Responses {
    named: HashMap<Arc<str>, Named>,
    handlers: Vec<ResponseHandler>,
}

struct Named {
    /// `None` when its definition was refused.
    matcher: Option<ResponseMatcher>,
    at: Place,
    used: bool,
}

pub(crate) fn directive(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let Some(block) = line.block(cx) else { return };
    let (mut responses, rest) = Responses::definitions(cx, block);
    cx.run_block(&rest, KIND, OPTIONS, &mut responses);
    let responses = responses.settle(cx);
    body.push(cx, line, Handler::Intercept(Intercept { responses }));
}

impl Responses {
    /// Reads the `@name` lines of a block, which hold before and after; the block without them.
    pub(crate) fn definitions(cx: &mut Cx<'_>, block: &Block) -> (Self, Block) {
        let mut responses = Self::default();
        let mut rest = Vec::new();
        for segment in &block.segments {
            if is_definition(segment) {
                responses.define(cx, segment);
            } else {
                rest.push(segment.clone());
            }
        }
        (responses, Block { segments: rest })
    }

    fn define(&mut self, cx: &mut Cx<'_>, segment: &Segment) {
        let name = &segment.name.text;
        if let Some(earlier) = self.named.get(name) {
            cx.say(
                segment.name.at,
                Diagnostic::error(
                    "duplicate-matcher",
                    format!("matcher `{name}` is defined twice"),
                )
                .label("second definition")
                .also(earlier.at.span, "first definition"),
            );
            return;
        }
        let named = Named {
            matcher: cx.response_matcher(segment),
            at: segment.name.at,
            used: false,
        };
        self.named.insert(Arc::clone(name), named);
    }

    /// `replace_status [@name] STATUS`
    pub(crate) fn replace_status(&mut self, cx: &mut Cx<'_>, line: &Line<'_>) {
        let Some((matcher, args)) = self.matcher(cx, line) else {
            return;
        };
        let [code] = args else {
            cx.say(
                line.at(),
                Diagnostic::error("argument-count", "`replace_status` takes one status")
                    .label("which status?")
                    .hint(line.syntax()),
            );
            return;
        };
        line.list(cx, 1..=2);
        if let Some(code) = status(cx, code, "") {
            self.push(cx, line, matcher, ResponseAction::ReplaceStatus(code));
        }
    }

    /// `handle_response [@name] { ... }`
    pub(crate) fn handle_response(&mut self, cx: &mut Cx<'_>, line: &Line<'_>) {
        let Some((matcher, args)) = self.matcher(cx, line) else {
            return;
        };
        if let Some(surplus) = args.first() {
            let shown = cx.shown(surplus);
            cx.say(
                surplus.at,
                Diagnostic::error("argument-count", format!("unexpected argument `{shown}`"))
                    .label("not a response matcher")
                    .hint("define `@name status 2xx` beside this line and write `handle_response @name {`"),
            );
            return;
        }
        let Some((_, Some(block))) = line.with_block(cx, 0..=1) else {
            cx.say(
                line.at(),
                Diagnostic::error("block-missing", "`handle_response` needs a block")
                    .label("an opening brace must end this line")
                    .hint(line.syntax()),
            );
            return;
        };
        let routes = cx.response_routes(block);
        self.push(cx, line, matcher, ResponseAction::Routes(routes));
    }

    /// What was read: first match first, those that match everything last.
    pub(crate) fn settle(mut self, cx: &mut Cx<'_>) -> Vec<ResponseHandler> {
        for (name, named) in self.named.iter().filter(|(_, named)| !named.used) {
            cx.say(
                named.at,
                Diagnostic::warning("unused-matcher", format!("matcher `{name}` is never used"))
                    .label("defined here")
                    .hint("name it in `handle_response` or `replace_status` of this block"),
            );
        }
        self.handlers
            .sort_by_key(|handler| handler.matcher.is_none());
        self.handlers
    }

    fn push(
        &mut self,
        cx: &Cx<'_>,
        line: &Line<'_>,
        matcher: Option<ResponseMatcher>,
        action: ResponseAction,
    ) {
        self.handlers.push(ResponseHandler {
            matcher,
            action,
            origin: cx.origin(line.name()),
        });
    }

    /// Takes `@name` off the front of a line; `None` when it names nothing usable.
    fn matcher<'l>(
        &mut self,
        cx: &mut Cx<'_>,
        line: &Line<'l>,
    ) -> Option<(Option<ResponseMatcher>, &'l [Token])> {
        let Some((name, rest)) = line
            .args
            .split_first()
            .filter(|(first, _)| first.text.starts_with('@'))
        else {
            return Some((None, line.args));
        };
        if let Some(named) = self.named.get_mut(&name.text) {
            named.used = true;
            return named.matcher.clone().map(|matcher| (Some(matcher), rest));
        }
        let all = self.named.keys().filter(|_| !cx.report.is_full());
        let mut known: Vec<&str> = all.map(|name| &**name).collect();
        known.sort_unstable();
        let shown = cx.shown(name);
        let hint = match did_you_mean(&shown, known.iter().copied()) {
            hint if hint.is_empty() => {
                format!("define it in this block: `{shown} status 2xx`")
            }
            hint => hint,
        };
        cx.say(
            name.at,
            Diagnostic::error(
                "unknown-matcher",
                format!("response matcher `{shown}` is not defined"),
            )
            .label("no definition in this block")
            .hint(hint),
        );
        None
    }
}
