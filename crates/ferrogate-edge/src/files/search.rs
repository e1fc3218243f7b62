//! The search for a file that the `file` matcher and `try_files` make.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ferrogate_types::route::{FileMatch, TryPolicy};
use ferrogate_types::{Part, Placeholder, Template};

use super::{FileInfo, FileSystem};
use crate::answer::Failure;
use crate::compile::Compiler;
use crate::exchange::FoundFile;
use crate::path::{Slashes, clean};
use crate::placeholder::View;
use crate::rewrite::Rewrite;
use crate::text::{Text, Unknown};

/// A compiled search.
#[derive(Debug)]
pub(crate) struct FileSearch {
    root: Root,
    candidates: Box<[Candidate]>,
    policy: TryPolicy,
    otherwise: Option<u16>,
    split_path: Box<[Box<str>]>,
    files: Arc<dyn FileSystem>,
}

/// Where names are looked up.
#[derive(Debug)]
pub(crate) struct Root(Option<Text>);

#[derive(Debug)]
struct Candidate {
    path: Text,
    /// As written it ends in a slash.
    is_dir: bool,
    /// The query that `try_files` sets along with the path.
    query: Option<Rewrite>,
}

/// A candidate taken, and the query it brings.
pub(crate) struct Hit<'a> {
    pub(crate) file: FoundFile,
    pub(crate) query: Option<&'a Rewrite>,
}

impl Root {
    pub(crate) fn compile(root: Option<&Template>, compiler: &mut Compiler<'_>) -> Self {
        Self(root.map(|root| compiler.emptying(root)))
    }

    /// The directory: the one given, else the variable `root`, else the working directory.
    pub(crate) fn resolve(&self, view: &View<'_>) -> PathBuf {
        let root = match &self.0 {
            Some(text) => text.render(view).into_owned(),
            None => view
                .exchange
                .var("root")
                .map(ToString::to_string)
                .unwrap_or_default(),
        };
        PathBuf::from(if root.is_empty() {
            ".".to_owned()
        } else {
            root
        })
    }
}

impl FileSearch {
    /// Compiles a search; `with_queries` as in `try_files`, where a `?query` is no part of the name.
    pub(crate) fn compile(
        spec: &FileMatch,
        with_queries: bool,
        compiler: &mut Compiler<'_>,
    ) -> Self {
        let path = [Part::Placeholder(Placeholder::Path)];
        let mut candidates: Vec<Candidate> = spec
            .files
            .iter()
            .map(|file| Candidate::compile(file.parts(), with_queries, compiler))
            .collect();
        if candidates.is_empty() {
            candidates.push(Candidate::compile(&path, false, compiler));
        }
        Self {
            root: Root::compile(spec.root.as_ref(), compiler),
            candidates: candidates.into(),
            policy: spec.policy,
            otherwise: spec.otherwise,
            split_path: spec
                .split_path
                .iter()
                .map(|split| split.to_lowercase().into())
                .collect(),
            files: Arc::clone(&compiler.context().files),
        }
    }

    /// The candidate to take.
    pub(crate) fn find(&self, view: &View<'_>) -> Result<Option<Hit<'_>>, Failure> {
        let root = self.root.resolve(view);
        let mut existing = self.candidates.iter().filter_map(|candidate| {
            let (file, info) = self.look(&root, candidate, view)?;
            let query = candidate.query.as_ref();
            info.map(|info| (Hit { file, query }, info))
        });
        let hit = match self.policy {
            TryPolicy::FirstExist | TryPolicy::FirstExistFallback => existing.next(),
            TryPolicy::SmallestSize => existing.min_by_key(|(_, info)| info.size),
            // The first of several that are equal, as with the smallest.
            TryPolicy::LargestSize => existing.min_by_key(|(_, info)| Reverse(info.size)),
            TryPolicy::MostRecentlyModified => {
                existing.min_by_key(|(_, info)| Reverse(info.modified))
            }
        };
        if let Some((hit, _)) = hit {
            return Ok(Some(hit));
        }
        if let Some(status) = self.otherwise {
            return Err((status, "no such file".to_owned()));
        }
        if self.policy != TryPolicy::FirstExistFallback {
            return Ok(None);
        }
        Ok(self.candidates.last().and_then(|last| {
            let (file, _) = self.look(&root, last, view)?;
            let query = last.query.as_ref();
            Some(Hit { file, query })
        }))
    }

    /// Looks a candidate up under the root, which it cannot leave; nothing for a name no file can have.
    fn look(
        &self,
        root: &Path,
        candidate: &Candidate,
        view: &View<'_>,
    ) -> Option<(FoundFile, Option<FileInfo>)> {
        let name = candidate.path.render(view);
        if name.contains('\0') {
            return None;
        }
        let relative =
            String::from_utf8_lossy(&clean(name.as_bytes(), Slashes::Merge)).into_owned();
        let (relative, remainder) = self.split(&relative);
        let wants_dir = candidate.is_dir;
        let bare = relative.trim_matches('/');
        let path = root.join(bare);
        let info = self
            .files
            .stat(&path)
            .filter(|info| info.is_dir == wants_dir);
        let mut absolute = path.to_string_lossy().into_owned();
        if wants_dir && !absolute.ends_with('/') {
            absolute.push('/');
        }
        let file = FoundFile {
            relative: match bare {
                "" => "/".to_owned(),
                _ if wants_dir => format!("/{bare}/"),
                _ => format!("/{bare}"),
            },
            absolute,
            is_dir: wants_dir,
            remainder: remainder.to_owned(),
        };
        Some((file, info))
    }

    /// The name, and what follows the first of `split_path` in it that ends a component.
    fn split<'a>(&self, name: &'a str) -> (&'a str, &'a str) {
        let lower = name.to_ascii_lowercase();
        let end = self.split_path.iter().find_map(|split| {
            let end = lower.find(&**split)? + split.len();
            (end == name.len() || lower.as_bytes().get(end) == Some(&b'/')).then_some(end)
        });
        end.and_then(|end| name.split_at_checked(end))
            .unwrap_or((name, ""))
    }
}

impl Candidate {
    fn compile(parts: &[Part], with_query: bool, compiler: &mut Compiler<'_>) -> Self {
        let mut path = parts.to_vec();
        let mut query = None;
        let begins_query = |part: &Part| match part {
            Part::Literal(text) => text.contains('?'),
            Part::Placeholder(placeholder) => *placeholder == Placeholder::PrefixedQuery,
        };
        if with_query && let Some(at) = path.iter().position(begins_query) {
            let mut rest = path.split_off(at);
            let mut after = Vec::new();
            match rest.remove(0) {
                Part::Literal(text) => {
                    let (before, behind) = text.split_once('?').unwrap_or((&text, ""));
                    path.push(Part::Literal(before.to_owned()));
                    after.push(Part::Literal(format!("?{behind}")));
                }
                Part::Placeholder(_) => after.extend([
                    Part::Literal("?".to_owned()),
                    Part::Placeholder(Placeholder::Query),
                ]),
            }
            after.append(&mut rest);
            query = Some(Rewrite::from_parts(&after, compiler));
        }
        let is_dir = matches!(path.last(), Some(Part::Literal(text)) if text.ends_with('/'));
        Self {
            is_dir,
            path: Text::from_parts(&path, Unknown::Empty, compiler),
            query,
        }
    }
}

#[cfg(test)]
mod tests;
