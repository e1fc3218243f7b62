//! Named routes: `&(name) { ... }` and `invoke`.

use std::collections::HashMap;
use std::sync::Arc;

use ferrogate_types::route::{Handler, NamedRoute};

use super::body::{Body, Level};
use super::context::Cx;
use super::line::Line;
use super::syntax::{NamedBlock, Place, Token};
use crate::diagnostic::Diagnostic;
use crate::suggest::did_you_mean;

/// How deep named routes may invoke one another.
const MAX_DEPTH: usize = 32;

/// The named routes of a file, known before any of them is read.
#[derive(Default)]
pub(crate) struct NamedRoutes {
    by_name: HashMap<Arc<str>, usize>,
    routes: Vec<Entry>,
    /// The route being read.
    current: Option<usize>,
}

struct Entry {
    name: Token,
    used: bool,
    /// What it invokes, and where.
    invokes: Vec<(usize, Place)>,
}

impl Cx<'_> {
    /// Reads the named routes of a file; `invoke` holds their places in this list.
    pub(crate) fn named_routes(&mut self, blocks: Vec<NamedBlock>) -> Vec<NamedRoute> {
        let mut kept = Vec::new();
        for block in blocks {
            let name = named(&block.name);
            let index = self.named.routes.len();
            if let Some(&first) = self.named.by_name.get(&name) {
                let first = self.named.routes.get(first).map(|entry| entry.name.at.span);
                let diagnostic = Diagnostic::error(
                    "duplicate-route",
                    format!("named route `{name}` is defined twice"),
                )
                .label("second definition");
                let diagnostic = match first {
                    Some(first) => diagnostic.also(first, "first definition"),
                    None => diagnostic,
                };
                self.say(block.name.at, diagnostic);
                continue;
            }
            self.named.by_name.insert(name, index);
            self.named.routes.push(Entry {
                name: block.name.clone(),
                used: false,
                invokes: Vec::new(),
            });
            kept.push(block);
        }
        let mut routes = Vec::with_capacity(kept.len());
        for (index, block) in kept.iter().enumerate() {
            self.named.current = Some(index);
            let body = self.body(&block.body, Level::Nested);
            let mut origin = self.origin(&block.name);
            origin.directive = "named_route".into();
            routes.push(NamedRoute {
                name: named(&block.name).to_string(),
                routes: body.into_routes(Level::Nested),
                origin,
            });
        }
        self.named.current = None;
        self.check_invocations();
        routes
    }

    /// Warns of named routes that nothing invokes.
    pub(crate) fn warn_unused_routes(&mut self) {
        let unused: Vec<Token> = (self.named.routes.iter())
            .filter(|entry| !entry.used)
            .map(|entry| entry.name.clone())
            .collect();
        for token in unused {
            self.say(
                token.at,
                Diagnostic::warning(
                    "unused-route",
                    format!("named route `{}` is never invoked", named(&token)),
                )
                .label("defined here"),
            );
        }
    }

    /// Complains about circles, and about chains that are too long.
    fn check_invocations(&mut self) {
        let mut problems = Vec::new();
        // How deep each route goes; a route is settled once all it invokes are.
        let mut depths: Vec<Option<usize>> = vec![None; self.named.routes.len()];
        let mut path: Vec<(usize, usize)> = Vec::new();
        for start in 0..self.named.routes.len() {
            if depths.get(start).is_some_and(Option::is_none) {
                path.push((start, 0));
            }
            while let Some((route, next)) = path.pop() {
                let Some(entry) = self.named.routes.get(route) else {
                    continue;
                };
                let Some(&(target, at)) = entry.invokes.get(next) else {
                    let below = entry.invokes.iter();
                    let below = below.filter_map(|(target, _)| *depths.get(*target)?).max();
                    if let Some(depth) = depths.get_mut(route) {
                        *depth = Some(below.unwrap_or(0) + 1);
                    }
                    continue;
                };
                path.push((route, next + 1));
                if let Some((_, above)) = path
                    .iter()
                    .position(|(other, _)| *other == target)
                    .and_then(|index| path.get(index..).and_then(<[_]>::first))
                {
                    let first = self.named.routes.get(target);
                    let first = first.and_then(|entry| entry.invokes.get(above.wrapping_sub(1)));
                    problems.push((at, first.map(|(_, place)| *place), true));
                } else if depths.get(target).is_some_and(Option::is_none) {
                    if path.len() > MAX_DEPTH {
                        problems.push((at, None, false));
                        path.clear();
                    } else {
                        path.push((target, 0));
                    }
                } else if depths.get(target).copied().flatten().unwrap_or(0) + path.len()
                    > MAX_DEPTH
                {
                    problems.push((at, None, false));
                }
            }
        }
        for (at, first, circle) in problems {
            let diagnostic = if circle {
                Diagnostic::error("invoke-cycle", "a named route invokes itself")
                    .label("closes the circle")
            } else {
                Diagnostic::error(
                    "nested-too-deep",
                    format!("named routes invoke one another more than {MAX_DEPTH} deep"),
                )
                .label("one level too many")
            };
            let diagnostic = match first.filter(|first| *first != at) {
                Some(first) => diagnostic.also(first.span, "the circle begins here"),
                None => diagnostic,
            };
            self.say(at, diagnostic);
        }
    }
}

/// `invoke`
pub(crate) fn invoke(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let Some(name) = line.word(cx) else { return };
    let Some(&index) = cx.named.by_name.get(&name.text) else {
        let all = cx.named.by_name.keys().filter(|_| !cx.report.is_full());
        let mut known: Vec<&str> = all.map(|name| &**name).collect();
        known.sort_unstable();
        let shown = cx.shown(name);
        let hint = match did_you_mean(&shown, known.iter().copied()) {
            hint if !hint.is_empty() => hint,
            _ if known.is_empty() => {
                format!("define it beside the sites: `&({shown}) {{ ... }}`")
            }
            _ => format!(
                "defined here: `{}`",
                known
                    .iter()
                    .take(20)
                    .copied()
                    .collect::<Vec<_>>()
                    .join("`, `")
            ),
        };
        cx.say(
            name.at,
            Diagnostic::error(
                "unknown-route",
                format!("named route `{shown}` is not defined"),
            )
            .label("no definition in this file")
            .hint(hint),
        );
        return;
    };
    if let Some(entry) = cx.named.routes.get_mut(index) {
        entry.used = true;
    }
    if let Some(entry) = (cx.named.current).and_then(|index| cx.named.routes.get_mut(index)) {
        entry.invokes.push((index, line.at()));
    }
    body.push(cx, line, Handler::Invoke(index));
}

/// `name` of `&(name)`.
fn named(token: &Token) -> Arc<str> {
    token
        .text
        .strip_prefix("&(")
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or_default()
        .into()
}
