//! `import`: snippets and files put in at the place where they are named.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::lexer::Quote;
use super::syntax::{ImportId, Place, Token};
use crate::diagnostic::ImportFrame;

mod arguments;

pub(crate) use arguments::{Problem, Substitution, substitute};

/// How deep imports may nest.
pub(crate) const MAX_DEPTH: u32 = 64;
/// How many imports one load may make.
pub(crate) const MAX_IMPORTS: usize = 10_000;

/// The import sites of one load.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    sites: Vec<ImportSite>,
}

#[derive(Debug)]
struct ImportSite {
    /// Where `import` stands.
    place: Place,
    /// What was asked for; `None` for the block of an import, which is put in but was written elsewhere.
    name: Option<Arc<str>>,
    /// What was put in, to find circles.
    target: Target,
    depth: u32,
}

/// What an import puts in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A file, by its real path.
    File(PathBuf),
    /// A snippet, by its name.
    Snippet(Arc<str>),
    /// The block of an import line.
    Block,
}

impl Imports {
    /// A new import site; `None` when there are too many or they nest too deep.
    pub(crate) fn enter(
        &mut self,
        place: Place,
        name: Option<Arc<str>>,
        target: Target,
    ) -> Option<ImportId> {
        let depth = self.site(place.import).map_or(0, |site| site.depth) + 1;
        if self.sites.len() >= MAX_IMPORTS || depth > MAX_DEPTH {
            return None;
        }
        self.sites.push(ImportSite {
            place,
            name,
            target,
            depth,
        });
        u32::try_from(self.sites.len()).ok().map(ImportId)
    }

    /// The import sites that brought a place in, outermost first.
    pub(crate) fn chain(&self, id: ImportId) -> Vec<ImportFrame> {
        let mut frames: Vec<ImportFrame> = self
            .ancestors(id)
            .filter_map(|site| {
                site.name.as_ref().map(|name| ImportFrame {
                    span: site.place.span,
                    name: name.to_string(),
                })
            })
            .collect();
        frames.reverse();
        frames
    }

    /// The site on the way to `id` that already imports `target`.
    pub(crate) fn circle(&self, id: ImportId, target: &Target) -> Option<Place> {
        self.ancestors(id)
            .find(|site| site.target == *target)
            .map(|site| site.place)
    }

    fn ancestors(&self, id: ImportId) -> impl Iterator<Item = &ImportSite> {
        std::iter::successors(self.site(id), |site| self.site(site.place.import))
    }

    fn site(&self, id: ImportId) -> Option<&ImportSite> {
        (id.0 as usize)
            .checked_sub(1)
            .and_then(|index| self.sites.get(index))
    }
}

/// The snippets defined so far.
#[derive(Debug, Default)]
pub(crate) struct Snippets {
    by_name: HashMap<Arc<str>, Snippet>,
}

/// `(name) { … }`
#[derive(Debug)]
pub(crate) struct Snippet {
    /// Its name.
    pub(crate) name: Token,
    /// What stands between its braces.
    pub(crate) body: Arc<[Token]>,
    /// Some import names it.
    pub(crate) used: bool,
}

impl Snippets {
    /// Adds a snippet; the earlier definition when there is one.
    pub(crate) fn define(
        &mut self,
        name: Arc<str>,
        token: Token,
        body: Vec<Token>,
    ) -> Option<Place> {
        if let Some(earlier) = self.by_name.get(&name) {
            return Some(earlier.name.at);
        }
        self.by_name.insert(
            name,
            Snippet {
                name: token,
                body: body.into(),
                used: false,
            },
        );
        None
    }

    /// A snippet, which counts as used from now on.
    pub(crate) fn take(&mut self, name: &str) -> Option<Arc<[Token]>> {
        let snippet = self.by_name.get_mut(name)?;
        snippet.used = true;
        Some(Arc::clone(&snippet.body))
    }

    /// The names, for suggestions.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(|name| &**name)
    }

    /// Snippets that nothing imports.
    pub(crate) fn unused(&self) -> impl Iterator<Item = &Token> {
        self.by_name
            .values()
            .filter(|snippet| !snippet.used)
            .map(|snippet| &snippet.name)
    }
}

/// What a file pattern stands for, relative to a folder.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Matches {
    /// One plain name.
    Plain,
    /// A pattern, and the paths it matches in sorted order.
    Glob(Vec<PathBuf>),
    /// A pattern that is not allowed.
    Refused,
}

/// Looks a pattern up: at most one `*` and one `?`, no `[`; a last element that begins with `*` leaves out
/// hidden files.
pub(crate) fn glob(folder: &Path, pattern: &str) -> Matches {
    let count = |wanted: char| pattern.chars().filter(|&c| c == wanted).count();
    let (stars, marks) = (count('*'), count('?'));
    if stars + marks == 0 && !pattern.contains('[') {
        return Matches::Plain;
    }
    if stars > 1 || marks > 1 || pattern.contains('[') {
        return Matches::Refused;
    }
    let mut found = vec![PathBuf::new()];
    for component in Path::new(pattern).components() {
        let Component::Normal(name) = component else {
            for path in &mut found {
                path.push(component);
            }
            continue;
        };
        let name = name.to_string_lossy();
        found = if name.contains(['*', '?']) {
            let inside = |path: &PathBuf| -> Vec<PathBuf> {
                entries(&folder.join(path), &name)
                    .into_iter()
                    .map(|entry| path.join(entry))
                    .collect()
            };
            found.iter().flat_map(inside).collect()
        } else {
            found.into_iter().map(|path| path.join(&*name)).collect()
        };
    }
    found.retain(|path| folder.join(path).exists());
    found.sort();
    Matches::Glob(found)
}

fn entries(folder: &Path, pattern: &str) -> Vec<String> {
    let wanted: Vec<char> = pattern.chars().collect();
    // The folder of a file named without one is the working directory, which the system calls `.`.
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| {
            let hidden = pattern.starts_with('*') && name.starts_with('.');
            !hidden && wildcard(&wanted, &name.chars().collect::<Vec<_>>())
        })
        .collect()
}

/// Whether a name matches a pattern of one `*` and one `?` at most.
fn wildcard(pattern: &[char], name: &[char]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), _) => {
            (0..=name.len()).any(|skip| name.get(skip..).is_some_and(|tail| wildcard(rest, tail)))
        }
        (Some(('?', rest)), Some((_, tail))) => wildcard(rest, tail),
        (Some((p, rest)), Some((n, tail))) => p == n && wildcard(rest, tail),
        _ => false,
    }
}

/// Whether every brace of a run of words has its partner.
pub(crate) fn balanced(tokens: &[Token]) -> bool {
    let mut depth = 0_usize;
    for token in tokens.iter().filter(|token| token.quote == Quote::None) {
        match &*token.text {
            "{" => depth += 1,
            "}" => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return false,
            },
            _ => {}
        }
    }
    depth == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names() {
        for (pattern, name, expected) in [
            ("*", "a", true),
            ("*.caddy", "x.caddy", true),
            ("*.caddy", "x.caddyx", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("?*", "é", true),
        ] {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(
                wildcard(&chars(pattern), &chars(name)),
                expected,
                "{pattern} {name}"
            );
        }
        assert_eq!(glob(Path::new("/"), "a/*/*"), Matches::Refused);
        assert_eq!(glob(Path::new("/"), "[a]"), Matches::Refused);
        assert_eq!(glob(Path::new("/"), "plain"), Matches::Plain);
        assert_eq!(
            glob(Path::new(""), "Cargo.tom?"),
            Matches::Glob(vec!["Cargo.toml".into()])
        );
    }
}
