//! The lines of a site or of a block inside it, put into the order in which they take effect.

use std::cmp::Ordering;

use ferrogate_types::route::{Handler, Route};

use super::context::Cx;
use super::directives::{DIRECTIVES, Directive, Leading};
use super::line::Line;
use super::matcher::{is_definition, single_path};
use super::site::Settings;
use super::syntax::{Block, Place, Segment, Token};
use super::table::{Kind, Run};
use crate::diagnostic::Diagnostic;

const KIND: Kind = Kind {
    noun: "directive",
    place: "in a site block",
};

/// How many handlers a block may have: sorting them takes the square of it.
const MAX_ROUTES: usize = 5_000;

/// What the lines of a block come to.
#[derive(Default)]
pub(crate) struct Body {
    routes: Vec<(usize, Route)>,
    /// What belongs to the site as a whole.
    pub(crate) site: Settings,
    /// A proxy stands here or in a block inside.
    pub(crate) proxies: bool,
    /// Where `header` sets `Server` before the following handlers run.
    pub(crate) server_header: Option<Place>,
    /// Where `request_header` puts an operator's credential into requests of anybody.
    pub(crate) injects: Option<Place>,
}

/// Where a block stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// A site's own block.
    Site,
    /// Inside another directive, sorted.
    Nested,
    /// Inside `route`, in the order written.
    Literal,
}

impl Body {
    /// Adds what a directive does.
    pub(crate) fn push(&mut self, cx: &mut Cx<'_>, line: &Line<'_>, handler: Handler) {
        if self.routes.len() == MAX_ROUTES {
            cx.say(
                line.at(),
                Diagnostic::error(
                    "too-large",
                    format!("a block has more than {MAX_ROUTES} directives"),
                )
                .label("one too many"),
            );
            return;
        }
        let route = Route {
            matcher: line.matcher.clone(),
            handler,
            origin: cx.origin(line.name()),
        };
        self.routes.push((line.slot, route));
    }

    /// The routes in the order in which they take effect.
    pub(crate) fn into_routes(self, level: Level) -> Vec<Route> {
        let routes = if level == Level::Literal {
            self.routes
        } else {
            sort(self.routes)
        };
        routes.into_iter().map(|(_, route)| route).collect()
    }
}

impl Cx<'_> {
    /// Reads a block of directives.
    pub(crate) fn body(&mut self, block: &Block, level: Level) -> Body {
        let mut body = Body::default();
        self.open_scope(block);
        let guarded = block.segments.iter().any(authenticates);
        self.guards += usize::from(guarded);
        for segment in block
            .segments
            .iter()
            .filter(|segment| !is_definition(segment))
        {
            match DIRECTIVES
                .iter()
                .position(|directive| segment.name.is_word(directive.row.name))
            {
                Some(index) => self.directive(index, segment, level, &mut body),
                None => self.unknown_directive(segment),
            }
        }
        self.close_scope();
        self.warn_of_traps(&body);
        self.guards -= usize::from(guarded);
        body
    }

    /// Reads the block of a `handle_response`, in which the answer at hand may be copied.
    pub(crate) fn response_routes(&mut self, block: &Block) -> Vec<Route> {
        self.answers += 1;
        let body = self.body(block, Level::Nested);
        self.answers -= 1;
        body.into_routes(Level::Nested)
    }

    fn warn_of_traps(&mut self, body: &Body) {
        if let Some(at) = body.server_header.filter(|_| body.proxies) {
            self.say(
                at,
                Diagnostic::note(
                    "header-before-proxy",
                    "a proxied answer brings its own `Server` line",
                )
                .label("set before the proxy answers, so the client sees two lines")
                .hint("write `header >Server VALUE`, or `header_down Server VALUE` in the proxy"),
            );
        }
        if let Some(at) = body.injects.filter(|_| body.proxies) {
            self.say(at, open_relay());
        }
    }

    fn directive(&mut self, index: usize, segment: &Segment, level: Level, body: &mut Body) {
        let Some(directive) = DIRECTIVES.get(index) else {
            return;
        };
        let Run::Do(run) = directive.row.run else {
            return self.refuse(&directive.row, KIND, segment);
        };
        if directive.leading == Leading::SiteOnly && level != Level::Site {
            self.say(
                segment.name.at,
                Diagnostic::error(
                    "directive-place",
                    format!("`{}` belongs to a site as a whole", directive.row.name),
                )
                .label("cannot stand inside another directive"),
            );
            return;
        }
        let mut line = Line::of(segment, directive.row.syntax);
        line.slot = self.order.slot(index);
        self.leading(directive, &mut line);
        let guarded = line
            .matcher
            .as_ref()
            .is_some_and(|set| Self::guards(&set.matchers));
        self.guards += usize::from(guarded);
        run(self, &line, body);
        self.guards -= usize::from(guarded);
    }

    fn leading(&mut self, directive: &Directive, line: &mut Line<'_>) {
        let sole_path = |line: &Line<'_>| {
            line.args.len() == 1 && line.args.iter().all(|arg| arg.text.starts_with('/'))
        };
        match directive.leading {
            Leading::SiteOnly | Leading::Plain => {}
            Leading::Target if sole_path(line) => {}
            Leading::Matcher | Leading::Target | Leading::Path => {
                (line.matcher, line.args) = self.matcher(line.args);
            }
        }
    }

    fn unknown_directive(&mut self, segment: &Segment) {
        if segment.block.is_some() && segment.name.text.contains(['.', ':']) {
            let shown = self.shown(&segment.name);
            self.say(
                segment.name.at,
                Diagnostic::error("unknown-directive", format!("unknown directive `{shown}`"))
                    .label("looks like the address of a site")
                    .hint("close the block of the site above it first; several sites need braces"),
            );
            return;
        }
        let names = DIRECTIVES
            .iter()
            .map(|directive| (directive.row.name, matches!(directive.row.run, Run::Do(_))));
        self.unknown(segment, KIND, names.chain([("import", true)]));
    }
}

/// Whether a line of a block lets known callers only pass, whatever they ask for.
fn authenticates(segment: &Segment) -> bool {
    let every_request = |word: &Token| !word.text.starts_with(['/', '@']);
    ["basic_auth", "basicauth", "forward_auth"]
        .iter()
        .any(|name| segment.name.is_word(name))
        && segment.args.first().is_none_or(every_request)
}

/// A proxied route puts an operator's credential into the requests of anybody.
pub(crate) fn open_relay() -> Diagnostic {
    Diagnostic::warning("open-relay", "this route lends your credential to anybody who can reach it")
        .label("a secret is put into requests, and nothing in front of it authenticates")
        .hint("let known callers in only, with a `remote_ip` or `header` matcher, or use `ai_gateway` and its keys")
}

/// Puts routes into the order in which they take effect.
///
/// [`Rank::before`] is no strict weak order (a named matcher is equal to every path), so the algorithm decides,
/// and it is Caddy's: insertion sort, in which an element moves left while it precedes its left neighbour.
fn sort(routes: Vec<(usize, Route)>) -> Vec<(usize, Route)> {
    let mut ranked: Vec<(Rank, (usize, Route))> = routes
        .into_iter()
        .map(|(slot, route)| (Rank::of(slot, &route), (slot, route)))
        .collect();
    // Slots alone are a strict weak order; putting them right first keeps the slow part to one directive each.
    ranked.sort_by_key(|(rank, _)| rank.slot);
    for end in 1..ranked.len() {
        let mut at = end;
        while at > 0 {
            let (Some((left, _)), Some((right, _))) = (ranked.get(at - 1), ranked.get(at)) else {
                break;
            };
            if !right.before(left) {
                break;
            }
            ranked.swap(at - 1, at);
            at -= 1;
        }
    }
    ranked.into_iter().map(|(_, route)| route).collect()
}

/// What decides a route's place.
struct Rank {
    slot: usize,
    /// The only path pattern without a trailing `*`, and whether there was one.
    path: Option<(String, bool)>,
    matcher: bool,
    /// The most specific comes last, so that it wins.
    reverse: bool,
}

impl Rank {
    fn of(slot: usize, route: &Route) -> Self {
        let path = route.matcher.as_deref().and_then(single_path).map(|path| {
            match path.strip_suffix('*') {
                Some(stripped) => (stripped.to_owned(), true),
                None => (path.to_owned(), false),
            }
        });
        let reverse = matches!(route.handler, Handler::Vars(_));
        Self {
            slot,
            path,
            matcher: route.matcher.is_some(),
            reverse,
        }
    }

    fn before(&self, other: &Self) -> bool {
        match self.slot.cmp(&other.slot) {
            Ordering::Less => true,
            Ordering::Greater => false,
            Ordering::Equal if self.reverse => other.more_specific(self),
            Ordering::Equal => self.more_specific(other),
        }
    }

    fn more_specific(&self, other: &Self) -> bool {
        let (Some((a, a_star)), Some((b, b_star))) = (&self.path, &other.path) else {
            return self.matcher && !other.matcher;
        };
        match b.len().cmp(&a.len()) {
            Ordering::Equal if a == b => !a_star && *b_star,
            Ordering::Equal => a < b,
            order => order == Ordering::Less,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ferrogate_types::route::{Matcher, MatcherSet, Origin};

    use super::*;

    /// Sorts routes named by their paths; a name that begins with `@` has no single path, an empty one no matcher.
    fn check(written: &[&str], expected: &[&str]) {
        let routes: Vec<(usize, Route)> = written
            .iter()
            .map(|name| {
                let matchers = if name.starts_with('/') {
                    vec![Matcher::Path(vec![(*name).into()])]
                } else {
                    Vec::new()
                };
                let set = MatcherSet {
                    name: (*name).to_owned(),
                    matchers,
                };
                let matcher = (!name.is_empty()).then(|| Arc::new(set));
                let origin = Origin {
                    directive: "respond".into(),
                    place: "f:1".into(),
                };
                (
                    1,
                    Route {
                        matcher,
                        handler: Handler::Abort,
                        origin,
                    },
                )
            })
            .collect();
        let order: Vec<String> = sort(routes)
            .iter()
            .map(|(_, r)| {
                r.matcher
                    .as_ref()
                    .map_or_else(String::new, |m| m.name.clone())
            })
            .collect();
        assert_eq!(order, expected, "{written:?}");
    }

    #[test]
    fn specific_paths_come_first() {
        check(&["", "/a*", "/abc*"], &["/abc*", "/a*", ""]);
        check(&["/a*", "/a"], &["/a", "/a*"]);
        check(&["/b", "/a"], &["/a", "/b"]);
        check(&["", "@m"], &["@m", ""]);
    }

    #[test]
    fn a_named_matcher_is_a_barrier() {
        check(&["/a*", "@m", "/abc*"], &["/a*", "@m", "/abc*"]);
        check(&["@m", "/a*", "/abc*", ""], &["@m", "/abc*", "/a*", ""]);
    }
}
