//! Matchers: conditions on a request, on a line of their own or at the beginning of a directive.

use std::collections::HashMap;
use std::sync::Arc;

use ferrogate_types::route::{Matcher, MatcherSet, NamedRegexp};

use super::context::Cx;
use super::lexer::Quote;
use super::syntax::{Block, Place, Segment, Token};
use super::table::Kind;
use crate::diagnostic::Diagnostic;
use crate::suggest::did_you_mean;

mod expression;
mod field;
mod file;
mod response;
mod target;
mod types;
mod variable;

pub(crate) use file::{FILE_OPTIONS, TRY_FILES_OPTIONS, try_files};
pub(crate) use response::RESPONSE_MATCHERS;
pub(crate) use types::MATCHERS;

const KIND: Kind = Kind {
    noun: "matcher",
    place: "in a matcher definition",
};

/// Conditions as they are read.
pub(crate) type Conditions = Vec<Matcher>;

/// The named matchers of one block.
#[derive(Default)]
pub(crate) struct Scope {
    by_name: HashMap<Arc<str>, Named>,
}

struct Named {
    set: Arc<MatcherSet>,
    at: Place,
    used: bool,
}

impl Cx<'_> {
    /// Reads the matcher definitions of a block; they hold for the whole block, before and after.
    pub(crate) fn open_scope(&mut self, block: &Block) {
        self.scopes.push(Scope::default());
        for segment in block
            .segments
            .iter()
            .filter(|segment| is_definition(segment))
        {
            let name = Arc::clone(&segment.name.text);
            let earlier = self
                .scopes
                .iter()
                .find_map(|scope| scope.by_name.get(&name))
                .map(|named| named.at);
            if let Some(earlier) = earlier {
                self.say(
                    segment.name.at,
                    Diagnostic::error(
                        "duplicate-matcher",
                        format!("matcher `{name}` is defined twice"),
                    )
                    .label("second definition")
                    .also(earlier.span, "first definition"),
                );
                continue;
            }
            let matchers = self.definition(segment);
            let set = Arc::new(MatcherSet {
                name: name.to_string(),
                matchers,
            });
            if let Some(scope) = self.scopes.last_mut() {
                scope.by_name.insert(
                    name,
                    Named {
                        set,
                        at: segment.name.at,
                        used: false,
                    },
                );
            }
        }
    }

    /// Forgets the matchers of the innermost block.
    pub(crate) fn close_scope(&mut self) {
        let Some(scope) = self.scopes.pop() else {
            return;
        };
        for (name, named) in scope.by_name.iter().filter(|(_, named)| !named.used) {
            self.say(
                named.at,
                Diagnostic::warning("unused-matcher", format!("matcher `{name}` is never used"))
                    .label("defined here"),
            );
        }
    }

    /// Takes the matcher off the front of a directive's arguments.
    pub(crate) fn matcher<'a>(
        &mut self,
        args: &'a [Token],
    ) -> (Option<Arc<MatcherSet>>, &'a [Token]) {
        let Some((first, rest)) = args.split_first() else {
            return (None, args);
        };
        if &*first.text == "*" {
            return (None, rest);
        }
        if first.text.starts_with('/') {
            let matchers = vec![Matcher::Path(vec![self.template(first)])];
            return (
                Some(Arc::new(MatcherSet {
                    name: first.text.to_string(),
                    matchers,
                })),
                rest,
            );
        }
        if first.text.starts_with('@') {
            return (self.named(first), rest);
        }
        (None, args)
    }

    fn named(&mut self, name: &Token) -> Option<Arc<MatcherSet>> {
        let found = self
            .scopes
            .iter_mut()
            .rev()
            .find_map(|scope| scope.by_name.get_mut(&name.text));
        if let Some(named) = found {
            named.used = true;
            return Some(Arc::clone(&named.set));
        }
        if self.report.is_full() {
            self.say(
                name.at,
                Diagnostic::error("unknown-matcher", "a matcher is not defined"),
            );
            return None;
        }
        let known: Vec<Arc<str>> = self
            .scopes
            .iter()
            .flat_map(|scope| scope.by_name.keys().cloned())
            .collect();
        let mut sorted: Vec<&str> = known.iter().map(|name| &**name).collect();
        sorted.sort_unstable();
        let hint = match did_you_mean(&name.text, sorted.iter().copied()) {
            hint if !hint.is_empty() => hint,
            _ if sorted.is_empty() => format!("define it in this site: `{} path /x/*`", name.text),
            _ => format!(
                "defined here: `{}`",
                sorted
                    .iter()
                    .take(20)
                    .copied()
                    .collect::<Vec<_>>()
                    .join("`, `")
            ),
        };
        let shown = self.shown(name);
        self.say(
            name.at,
            Diagnostic::error(
                "unknown-matcher",
                format!("matcher `{shown}` is not defined"),
            )
            .label("no definition in this block or around it")
            .hint(hint),
        );
        None
    }

    /// What follows `@name`.
    pub(crate) fn definition(&mut self, segment: &Segment) -> Conditions {
        let mut conditions = Vec::new();
        if let Some(quoted) = segment
            .args
            .first()
            .filter(|first| first.quote != Quote::None)
        {
            if let Some(surplus) = segment.args.get(1) {
                let shown = self.shown(surplus);
                self.say(
                    surplus.at,
                    Diagnostic::error("argument-count", format!("unexpected argument `{shown}`"))
                        .label("the quoted text before it is the whole expression"),
                );
            }
            conditions.extend(self.expression(quoted).map(Matcher::Expression));
        } else {
            self.matcher_name = segment.name.text.strip_prefix('@').map(Into::into);
            self.conditions(segment, &segment.args, &mut conditions);
            self.matcher_name = None;
        }
        conditions
    }

    /// `type args...` on the line, or a block of such lines.
    fn conditions(&mut self, segment: &Segment, args: &[Token], out: &mut Conditions) {
        match (args.split_first(), &segment.block) {
            (None, Some(block)) => self.run_block(block, KIND, MATCHERS, out),
            (Some((name, rest)), block) => {
                let inner = Segment {
                    name: name.clone(),
                    args: rest.to_vec(),
                    block: block.clone(),
                };
                self.run_block(
                    &Block {
                        segments: vec![inner],
                    },
                    KIND,
                    MATCHERS,
                    out,
                );
            }
            (None, None) => {
                let shown = self.shown(&segment.name);
                self.say(
                    segment.name.at,
                    Diagnostic::error("argument-count", format!("`{shown}` has no conditions"))
                        .label("a matcher type or a block must follow")
                        .hint("syntax: @name path /x/*"),
                );
            }
        }
    }
}

/// An expression and its name: its own, or that of the matcher it stands in.
fn named_regexp(cx: &mut Cx<'_>, name: Option<&Token>, regex: &Token) -> Option<NamedRegexp> {
    let pattern = cx.regex(regex)?;
    let name = match name {
        Some(word) => Some(word.text.to_string()),
        None => cx.matcher_name.as_ref().map(ToString::to_string),
    };
    Some(NamedRegexp { name, pattern })
}

/// `@name ...` at the beginning of a line.
pub(crate) fn is_definition(segment: &Segment) -> bool {
    segment.name.quote == Quote::None && segment.name.text.starts_with('@')
}

/// The pattern of a set with exactly one path pattern, which decides its place among its siblings.
pub(crate) fn single_path(set: &MatcherSet) -> Option<&str> {
    set.matchers.iter().find_map(|matcher| match matcher {
        Matcher::Path(patterns) => match patterns.as_slice() {
            [only] => Some(only.source()),
            _ => None,
        },
        _ => None,
    })
}
