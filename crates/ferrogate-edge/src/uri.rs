//! The `uri` directive.

use std::borrow::Cow;

use ferrogate_types::route::{QueryOp, UriOp};
use memchr::memmem;
use regex::bytes::Regex;

use crate::compile::Compiler;
use crate::escape::{Unit, repair_path, repair_query, target_text, units};
use crate::path::{Slashes, clean, split_target};
use crate::placeholder::View;
use crate::query::QueryPairs;
use crate::rewrite::rooted;
use crate::text::Text;

/// A compiled edit of the target.
#[derive(Debug)]
pub(crate) enum UriEdit {
    StripPrefix(Text),
    StripSuffix(Text),
    Replace { find: Text, to: Text, limit: usize },
    PathRegexp { find: Regex, to: Text },
    Query(Box<[QueryEdit]>),
}

/// A compiled edit of the query.
#[derive(Debug)]
pub(crate) enum QueryEdit {
    Rename { from: Text, to: Text },
    Set { key: Text, value: Text },
    Add { key: Text, value: Text },
    Replace { key: Text, find: Regex, to: Text },
    Delete { key: Text },
}

impl UriEdit {
    /// Compiles an edit; `None` after an error.
    pub(crate) fn compile(op: &UriOp, compiler: &mut Compiler<'_>) -> Option<Self> {
        Some(match op {
            UriOp::StripPrefix(prefix) => Self::StripPrefix(compiler.emptying(prefix)),
            UriOp::StripSuffix(suffix) => Self::StripSuffix(compiler.emptying(suffix)),
            UriOp::Replace { find, to, limit } => Self::Replace {
                find: compiler.emptying(find),
                to: compiler.emptying(to),
                limit: limit.unwrap_or(usize::MAX),
            },
            UriOp::PathRegexp { find, to } => Self::PathRegexp {
                find: compiler.regex(find)?,
                to: Text::compile_replacement(to, compiler),
            },
            UriOp::Query(ops) => {
                let mut edits: Vec<QueryEdit> = ops
                    .iter()
                    .filter_map(|op| QueryEdit::compile(op, compiler))
                    .collect();
                edits.sort_by_key(QueryEdit::rank);
                Self::Query(edits.into())
            }
        })
    }

    /// The new target, or nothing when it stays as it is.
    pub(crate) fn target(&self, view: &View<'_>) -> Option<String> {
        let (path, query) = split_target(view.head.path_and_query());
        match self {
            Self::StripPrefix(prefix) => {
                let prefix = rooted(prefix.render(view).into_owned());
                let path = clean(path, Slashes::of_pattern(&prefix));
                let rest = path.get(common_width(units(&path), units(prefix.as_bytes()))?..)?;
                Some(join(&repair_path(rest), query))
            }
            Self::StripSuffix(suffix) => {
                let suffix = suffix.render(view);
                let path = clean(path, Slashes::of_pattern(&suffix));
                let width = common_width(reversed(&path), reversed(suffix.as_bytes()))?;
                let rest = path.get(..path.len().checked_sub(width)?)?;
                Some(join(&repair_path(rest), query))
            }
            Self::Replace { find, to, limit } => {
                let (find, to) = (find.render(view), to.render(view));
                let replace =
                    |part: &[u8]| replace_text(part, find.as_bytes(), to.as_bytes(), *limit);
                let (new_path, new_query) = (replace(path), query.and_then(replace));
                if new_path.is_none() && new_query.is_none() {
                    return None;
                }
                let path =
                    new_path.map_or_else(|| target_text(path), |path| repair_path(&path).into());
                let query = new_query
                    .map_or_else(|| query.map(Cow::Borrowed), |query| Some(Cow::Owned(query)));
                Some(join(&path, query.as_deref()))
            }
            Self::PathRegexp { find, to } => {
                let to = to.render_replacement(view);
                match find.replace_all(path, to.as_bytes()) {
                    Cow::Borrowed(_) => None,
                    Cow::Owned(path) => Some(join(&repair_path(&path), query)),
                }
            }
            Self::Query(edits) => {
                let mut pairs = QueryPairs::parse(query.unwrap_or_default());
                for edit in edits {
                    edit.apply(&mut pairs.0, view);
                }
                let query = pairs.into_sorted_query();
                Some(join(
                    &target_text(path),
                    Some(query.as_bytes()).filter(|query| !query.is_empty()),
                ))
            }
        }
    }
}

impl QueryEdit {
    fn compile(op: &QueryOp, compiler: &mut Compiler<'_>) -> Option<Self> {
        Some(match op {
            QueryOp::Rename { from, to } => Self::Rename {
                from: compiler.emptying(from),
                to: compiler.emptying(to),
            },
            QueryOp::Set { key, value } => Self::Set {
                key: compiler.emptying(key),
                value: compiler.emptying(value),
            },
            QueryOp::Add { key, value } => Self::Add {
                key: compiler.emptying(key),
                value: compiler.emptying(value),
            },
            QueryOp::Replace { key, find, to } => Self::Replace {
                key: compiler.emptying(key),
                find: compiler.regex(find)?,
                to: Text::compile_replacement(to, compiler),
            },
            QueryOp::Delete { key } => Self::Delete {
                key: compiler.emptying(key),
            },
        })
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Rename { .. } => 0,
            Self::Set { .. } => 1,
            Self::Add { .. } => 2,
            Self::Replace { .. } => 3,
            Self::Delete { .. } => 4,
        }
    }

    fn apply(&self, pairs: &mut Vec<(String, String)>, view: &View<'_>) {
        match self {
            Self::Rename { from, to } => {
                let (from, to) = (from.render(view), to.render(view));
                if from != to && pairs.iter().any(|(key, _)| *key == *from) {
                    pairs.retain(|(key, _)| *key != *to);
                    for (key, _) in pairs.iter_mut().filter(|(key, _)| *key == *from) {
                        to.as_ref().clone_into(key);
                    }
                }
            }
            Self::Set { key, value } => {
                let key = key.render(view);
                pairs.retain(|(known, _)| *known != *key);
                pairs.push((key.into_owned(), value.render(view).into_owned()));
            }
            Self::Add { key, value } => {
                pairs.push((
                    key.render(view).into_owned(),
                    value.render(view).into_owned(),
                ));
            }
            Self::Replace { key, find, to } => {
                let (wanted, to) = (key.render(view), to.render_replacement(view));
                for (_, value) in pairs
                    .iter_mut()
                    .filter(|(key, _)| wanted == "*" || *key == *wanted)
                {
                    let replaced = find.replace_all(value.as_bytes(), to.as_bytes());
                    *value = String::from_utf8_lossy(&replaced).into_owned();
                }
            }
            Self::Delete { key } => {
                let key = key.render(view);
                pairs.retain(|(known, _)| *known != *key);
            }
        }
    }
}

fn join(path: &str, query: Option<&[u8]>) -> String {
    let mut target = rooted(path.to_owned());
    if let Some(query) = query {
        target.push('?');
        target.push_str(&repair_query(query));
    }
    target
}

/// How many bytes of the path the pattern takes from its start, or nothing when it does not fit.
fn common_width(
    mut path: impl Iterator<Item = Unit>,
    pattern: impl Iterator<Item = Unit>,
) -> Option<usize> {
    let mut width = 0;
    for wanted in pattern {
        let unit = path.next().filter(|unit| unit.meets(wanted))?;
        width += unit.width();
    }
    Some(width)
}

fn reversed(text: &[u8]) -> impl Iterator<Item = Unit> {
    let mut all: Vec<Unit> = units(text).collect();
    all.reverse();
    all.into_iter()
}

/// Replaces at most `limit` times; nothing when there is nothing to replace.
fn replace_text(text: &[u8], find: &[u8], to: &[u8], limit: usize) -> Option<Vec<u8>> {
    if find.is_empty() {
        return None;
    }
    let mut replaced = Vec::new();
    let mut copied = 0;
    for at in memmem::find_iter(text, find).take(limit) {
        replaced.extend_from_slice(text.get(copied..at)?);
        replaced.extend_from_slice(to);
        copied = at + find.len();
    }
    if copied == 0 {
        return None;
    }
    replaced.extend_from_slice(text.get(copied..)?);
    Some(replaced)
}

#[cfg(test)]
mod tests;
