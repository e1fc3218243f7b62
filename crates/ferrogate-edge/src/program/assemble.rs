//! The flattening of nested routes into one list.

use std::ops::Range;

use ferrogate_types::route::{Handler, MatcherSet, NamedRoute, Origin, Route};

use super::{Action, Blocks, END, Entry, Place, Program, ProgramSource, Run};
use crate::compile::Compiler;
use crate::matcher::Conditions;
use crate::pathindex::{PathIndex, PathKey};

/// So many neighbours are looked up by path; fewer are tried one by one, which is as fast.
const MIN_RUN: usize = 16;

/// Deeper blocks are refused: each costs a level of recursion at load.
const MAX_DEPTH: u16 = 200;

/// Writes a program.
pub(super) struct Assembler<'c, 'a> {
    compiler: &'c mut Compiler<'a>,
    entries: Vec<Entry>,
    runs: Vec<Run>,
    groups: u32,
}

/// A directive of a list, once it is written.
struct Sibling {
    at: u32,
    keys: Option<Vec<PathKey>>,
}

/// What neighbours must have in common to run together.
struct Terms<'r> {
    matcher: Option<&'r MatcherSet>,
    group: Option<u32>,
}

impl<'c, 'a> Assembler<'c, 'a> {
    pub(super) fn new(compiler: &'c mut Compiler<'a>) -> Self {
        Self {
            compiler,
            entries: Vec::new(),
            runs: Vec::new(),
            groups: 0,
        }
    }

    /// Writes everything; errors are the compiler's.
    pub(super) fn program(mut self, source: &ProgramSource<'_>) -> Program {
        self.declare_maps(source);
        self.mark(Action::End);
        let mut blocks = Blocks {
            site: self.stretch(source.routes),
            ..Blocks::default()
        };
        for routes in source.errors {
            let start = self.stretch(&routes.routes);
            blocks.errors.push((routes.codes.as_slice().into(), start));
        }
        blocks.errors.sort_by_key(|(codes, _)| codes.is_empty());
        self.entered(source.named, &mut blocks);
        self.check_invocations(source.named.len());
        Program {
            entries: self.entries.into(),
            blocks,
            indexes: self.runs.into(),
            groups: self.groups,
            upstream_fields: [].into(),
        }
    }

    /// Writes the named routes that are invoked, and the routes for answers. Writing either may ask for more of both.
    fn entered(&mut self, named: &[NamedRoute], blocks: &mut Blocks) {
        blocks.named = vec![END; named.len()];
        let mut looked_at = 0;
        loop {
            while let Some(routes) = self.compiler.taken_response_routes(blocks.responses.len()) {
                let start = self.stretch(&routes);
                blocks.responses.push(start);
            }
            let Some(entry) = self.entries.get(looked_at) else {
                return;
            };
            looked_at += 1;
            if let Action::Invoke(index) = entry.action
                && let (Some(route), Some(&END)) = (named.get(index), blocks.named.get(index))
            {
                let start = self.stretch(&route.routes);
                if let Some(place) = blocks.named.get_mut(index) {
                    *place = start;
                }
            }
        }
    }

    /// Writes routes that are entered from elsewhere; returns where they begin.
    fn stretch(&mut self, routes: &[Route]) -> u32 {
        let start = self.position();
        self.mark(Action::Begin(0..0));
        let groups = self.list(routes, 0);
        if let Some(begin) = self.entry(start) {
            begin.action = Action::Begin(groups);
        }
        self.mark(Action::End);
        start
    }

    /// Writes a list; returns its exclusive groups.
    fn list(&mut self, routes: &[Route], depth: u16) -> Range<u32> {
        let first = self.groups;
        let exclusive = KINDS.map(|is_of_kind| {
            let members = routes.iter().filter(|route| is_of_kind(&route.handler));
            // One alone excludes nobody.
            (members.count() > 1).then(|| {
                self.groups += 1;
                self.groups - 1
            })
        });
        let groups = first..self.groups;
        let mut siblings = Vec::with_capacity(routes.len());
        // Where the companions begin of which all are skipped with the first.
        let mut leader: Option<(Terms<'_>, u32)> = None;
        for route in routes {
            let group = KINDS
                .iter()
                .zip(exclusive)
                .find_map(|(is_of_kind, group)| group.filter(|_| is_of_kind(&route.handler)));
            let terms = Terms {
                matcher: route.matcher.as_deref(),
                group,
            };
            // One rewrite may make another one match, so that each asks for itself.
            let follows = !matches!(route.handler, Handler::Rewrite { .. })
                && leader
                    .as_ref()
                    .is_some_and(|(leader, _)| leader.are(&terms));
            let sibling = self.route(route, group, follows, depth);
            if follows {
                let (Some((_, first)), end) = (&leader, self.position()) else {
                    continue;
                };
                if let Some(entry) = self.entry(*first) {
                    entry.skip = end;
                }
            } else if let Some(sibling) = sibling {
                let asks = !matches!(route.handler, Handler::Rewrite { .. });
                leader = asks.then_some((terms, sibling.at));
                siblings.push(sibling);
            }
        }
        self.index(&siblings);
        groups
    }

    fn route(
        &mut self,
        route: &Route,
        group: Option<u32>,
        is_companion: bool,
        depth: u16,
    ) -> Option<Sibling> {
        self.compiler.enter(&route.origin);
        let conditions = route
            .matcher
            .as_deref()
            .filter(|_| !is_companion)
            .map(|set| Conditions::compile(set, self.compiler));
        let keys = conditions.as_ref().and_then(Conditions::path_keys);
        let action = Action::compile(&route.handler, self.compiler)?;
        let at = self.position();
        self.entries.push(Entry {
            conditions,
            action,
            origin: route.origin.clone(),
            group: group.filter(|_| !is_companion),
            next: at + 1,
            skip: at + 1,
            is_companion,
            depth,
            place: None,
        });
        if let Handler::Handle(inner) | Handler::Route(inner) = &route.handler {
            if depth >= MAX_DEPTH {
                self.compiler.error("is nested too deep");
                return None;
            }
            let groups = self.list(inner, depth + 1);
            let next = self.position();
            if let Some(entry) = self.entry(at) {
                entry.action = Action::Block(groups);
                entry.next = next;
                entry.skip = next;
            }
        }
        Some(Sibling { at, keys })
    }

    /// Makes neighbours that ask for paths first findable by path, where there are many.
    fn index(&mut self, siblings: &[Sibling]) {
        for neighbours in siblings.chunk_by(|one, other| one.keys.is_some() == other.keys.is_some())
        {
            let keys: Option<Vec<Vec<PathKey>>> = neighbours
                .iter()
                .map(|sibling| sibling.keys.clone())
                .collect();
            let (Some(keys), Some(last)) = (keys, neighbours.last()) else {
                continue;
            };
            if keys.len() < MIN_RUN {
                continue;
            }
            let run = u32::try_from(self.runs.len()).unwrap_or(u32::MAX);
            for (ordinal, sibling) in (0..).zip(neighbours) {
                if let Some(entry) = self.entry(sibling.at) {
                    entry.place = Some(Place { run, ordinal });
                }
            }
            let end = self.entry(last.at).map_or(END, |entry| entry.skip);
            self.runs.push(Run {
                index: PathIndex::new(&keys),
                entries: neighbours.iter().map(|sibling| sibling.at).collect(),
                end,
            });
        }
    }

    /// Makes the placeholders known that maps set, wherever these stand.
    fn declare_maps(&mut self, source: &ProgramSource<'_>) {
        let mut lists = vec![source.routes];
        lists.extend(source.errors.iter().map(|errors| errors.routes.as_slice()));
        lists.extend(source.named.iter().map(|named| named.routes.as_slice()));
        while let Some(routes) = lists.pop() {
            for route in routes {
                lists.extend(route.handler.nested());
                if let Handler::Map(map) = &route.handler {
                    map.destinations
                        .iter()
                        .for_each(|name| self.compiler.declare_mapped(name));
                }
            }
        }
    }

    fn check_invocations(&mut self, named: usize) {
        let unknown = self
            .entries
            .iter()
            .find(|entry| matches!(entry.action, Action::Invoke(index) if index >= named));
        if let Some(origin) = unknown.map(|entry| entry.origin.clone()) {
            self.compiler.enter(&origin);
            self.compiler.error("invokes a route that does not exist");
        }
    }

    /// Writes a place the walk passes without looking at the request.
    fn mark(&mut self, action: Action) {
        let next = self.position() + 1;
        self.entries.push(Entry {
            conditions: None,
            action,
            origin: Origin {
                directive: "".into(),
                place: "".into(),
            },
            group: None,
            next,
            skip: next,
            is_companion: false,
            depth: 0,
            place: None,
        });
    }

    fn position(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    fn entry(&mut self, at: u32) -> Option<&mut Entry> {
        self.entries.get_mut(usize::try_from(at).ok()?)
    }
}

impl Terms<'_> {
    /// Whether these are the terms of another, too. Such neighbours run together or not at all, as in Caddy, even where
    /// the first changes what the condition looks at.
    fn are(&self, other: &Terms<'_>) -> bool {
        let written = |set: &MatcherSet| serde_json::to_value(&set.matchers).ok();
        self.group == other.group
            && match (self.matcher, other.matcher) {
                (None, None) => true,
                (Some(one), Some(other)) => {
                    std::ptr::eq(one, other) || written(one) == written(other)
                }
                _ => false,
            }
    }
}

/// The kinds of directives that exclude one another within a list.
const KINDS: [fn(&Handler) -> bool; 3] = [
    |handler| matches!(handler, Handler::Handle(_)),
    |handler| matches!(handler, Handler::Rewrite { .. }),
    |handler| matches!(handler, Handler::Root(_)),
];
