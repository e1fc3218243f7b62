//! `handle`, `handle_path`, `route`: blocks of directives.

use ferrogate_types::Template;
use ferrogate_types::route::{Handler, Origin, Route, UriOp};

use super::body::{Body, Level};
use super::context::Cx;
use super::line::Line;
use crate::diagnostic::Diagnostic;

pub(crate) fn handle(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    if let Some(routes) = inner(cx, line, body, Level::Nested) {
        body.push(cx, line, Handler::Handle(routes));
    }
}

pub(crate) fn route(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    if let Some(routes) = inner(cx, line, body, Level::Literal) {
        body.push(cx, line, Handler::Route(routes));
    }
}

pub(crate) fn handle_path(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let path = line
        .segment
        .args
        .first()
        .filter(|first| first.text.starts_with('/'));
    let Some(path) = path else {
        cx.say(
            line.at(),
            Diagnostic::error(
                "path-missing",
                "`handle_path` needs a path that begins with a slash",
            )
            .label("which path is to be stripped?")
            .hint(line.syntax()),
        );
        return;
    };
    let Some(mut routes) = inner(cx, line, body, Level::Nested) else {
        return;
    };
    let prefix = path.text.trim_end_matches('*').trim_end_matches('/');
    if !prefix.is_empty() {
        let strip = Handler::Uri(UriOp::StripPrefix(Template::parse(prefix)));
        // Told apart from the block itself in what `explain` shows.
        let origin = Origin {
            directive: "uri".into(),
            ..cx.origin(line.name())
        };
        routes.insert(
            0,
            Route {
                matcher: None,
                handler: strip,
                origin,
            },
        );
    }
    body.push(cx, line, Handler::Handle(routes));
}

fn inner(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body, level: Level) -> Option<Vec<Route>> {
    let block = line.block(cx)?;
    let inner = cx.body(block, level);
    body.proxies |= inner.proxies;
    Some(inner.into_routes(level))
}
