//! `handle_errors`: what runs when a request has failed.

use ferrogate_types::route::{ErrorRoutes, StatusPattern};

use super::body::{Body, Level};
use super::context::Cx;
use super::line::Line;
use super::proxy::balance::status_patterns;
use super::syntax::Place;
use crate::diagnostic::Diagnostic;

/// A block of a site, and where its line stands.
pub(crate) struct ErrorBlock {
    routes: ErrorRoutes,
    at: Place,
}

pub(crate) fn directive(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let Some((args, block)) = line.with_block(cx, 0..=999) else {
        return;
    };
    let Some(block) = block else {
        cx.say(
            line.at(),
            Diagnostic::error("block-missing", "`handle_errors` needs a block")
                .label("an opening brace must end this line")
                .hint(line.syntax()),
        );
        return;
    };
    let codes = status_patterns(cx, args);
    if codes.len() < args.len() {
        return;
    }
    let earlier =
        body.site.errors.iter().find_map(|earlier| {
            overlap(&earlier.routes.codes, &codes).map(|what| (earlier.at, what))
        });
    if let Some((first, what)) = earlier {
        cx.say(
            line.at(),
            Diagnostic::warning("overlapping-errors", format!("{what} is handled twice"))
                .label("of two blocks that fit, the one written first runs")
                .also(first.span, "this one comes first")
                .hint("Caddy runs the one written last; give each status to one block"),
        );
    }
    let inner = cx.body(block, Level::Nested);
    let routes = ErrorRoutes {
        codes,
        routes: inner.into_routes(Level::Nested),
        origin: cx.origin(line.name()),
    };
    body.site.errors.push(ErrorBlock {
        routes,
        at: line.at(),
    });
}

/// The blocks of a site in the order in which they are asked: those with codes first.
pub(crate) fn settle(blocks: Vec<ErrorBlock>) -> Vec<ErrorRoutes> {
    let (coded, others): (Vec<_>, Vec<_>) = blocks
        .into_iter()
        .map(|block| block.routes)
        .partition(|routes| !routes.codes.is_empty());
    coded.into_iter().chain(others).collect()
}

/// What two blocks of one kind have in common.
fn overlap(a: &[StatusPattern], b: &[StatusPattern]) -> Option<String> {
    if a.is_empty() && b.is_empty() {
        return Some("every error".to_owned());
    }
    a.iter()
        .flat_map(|a| b.iter().map(move |b| (*a, *b)))
        .find_map(|pair| match pair {
            (StatusPattern::Class(a), StatusPattern::Class(b)) if a == b => {
                Some(format!("`{a}xx`"))
            }
            (StatusPattern::Code(a), StatusPattern::Code(b)) if a == b => Some(format!("`{a}`")),
            (StatusPattern::Code(code), StatusPattern::Class(class))
            | (StatusPattern::Class(class), StatusPattern::Code(code))
                if code / 100 == u16::from(class) =>
            {
                Some(format!("`{code}`"))
            }
            _ => None,
        })
}
