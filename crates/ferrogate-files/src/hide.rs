//! Files that do not exist for clients.

use std::path::{Path, PathBuf};

/// Patterns of files that are hidden. With a slash a pattern is a path: it hides the file, or all that lies below the
/// directory. Without one it is a name: it hides every file and directory of that name. `*`, `?` and `[…]` stand for what
/// they do in a shell, within one name.
#[derive(Clone, Debug, Default)]
pub struct Hidden {
    names: Vec<String>,
    paths: Vec<PathBuf>,
}

impl Hidden {
    /// Reads patterns; relative paths are taken from the working directory.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hidden = Self::default();
        for pattern in patterns.into_iter().filter(|pattern| !pattern.is_empty()) {
            if pattern.contains('/') {
                hidden.paths.push(absolute(Path::new(pattern)));
            } else {
                hidden.names.push(pattern.to_owned());
            }
        }
        hidden
    }

    /// Whether a file is hidden.
    pub fn hides(&self, file: &Path) -> bool {
        let by_name = || {
            file.components().any(|part| {
                let part = part.as_os_str().to_string_lossy();
                self.names.iter().any(|name| matches(name, &part))
            })
        };
        (!self.names.is_empty() && by_name())
            || (!self.paths.is_empty() && {
                let file = absolute(file);
                self.paths.iter().any(|path| covers(path, &file))
            })
    }
}

/// Without `.` and with `..` resolved by name: nothing is asked of the disk.
fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean
}

/// Whether a pattern is the path or one above it.
fn covers(pattern: &Path, path: &Path) -> bool {
    let mut parts = path.components();
    pattern.components().all(|pattern| {
        parts.next().is_some_and(|part| {
            matches(
                &pattern.as_os_str().to_string_lossy(),
                &part.as_os_str().to_string_lossy(),
            )
        })
    })
}

/// A shell pattern on one name. Never takes more than the product of both lengths.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut pos) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while pos < name.len() {
        let step = match pattern.get(at) {
            Some('*') => {
                star = Some((at + 1, pos));
                at += 1;
                continue;
            }
            Some('?') => Some(at + 1),
            Some('[') => class(&pattern, at, name.get(pos).copied()),
            Some('\\') => (pattern.get(at + 1) == name.get(pos)).then_some(at + 2),
            Some(literal) => (Some(literal) == name.get(pos)).then_some(at + 1),
            None => None,
        };
        match (step, star) {
            (Some(next), _) => {
                at = next;
                pos += 1;
            }
            (None, Some((behind, from))) => {
                star = Some((behind, from + 1));
                at = behind;
                pos = from + 1;
            }
            (None, None) => return false,
        }
    }
    pattern.iter().skip(at).all(|rest| *rest == '*')
}

/// Where a class ends that holds this character.
fn class(pattern: &[char], at: usize, wanted: Option<char>) -> Option<usize> {
    let wanted = wanted?;
    let end = at + pattern.get(at..)?.iter().position(|c| *c == ']')?;
    let inside = pattern.get(at + 1..end)?;
    let (negated, inside) = match inside.split_first() {
        Some(('^', rest)) => (true, rest),
        _ => (false, inside),
    };
    let mut found = false;
    let mut rest = inside;
    while let [first, tail @ ..] = rest {
        if let ['-', last, behind @ ..] = tail {
            found |= (*first..=*last).contains(&wanted);
            rest = behind;
        } else {
            found |= *first == wanted;
            rest = tail;
        }
    }
    (found != negated).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_hide_what_they_say() {
        for (pattern, file, hidden) in [
            (".git", "/srv/.git/config", true),
            (".git", "/srv/x.git/config", false),
            ("*.bak", "/srv/a/b.bak", true),
            ("*.bak", "/srv/a/b.bak.txt", false),
            (".*", "/srv/.env", true),
            ("/srv/secret", "/srv/secret", true),
            ("/srv/secret", "/srv/secret/a", true),
            ("/srv/secret", "/srv/secrets", false),
            ("/srv/*/private", "/srv/x/private/y", true),
            ("/srv/*/private", "/srv/x/y/private", false),
            ("/srv/./a/../secret", "/srv/secret", true),
            ("fil?.[ch]", "/srv/file.c", true),
            ("fil?.[^ch]", "/srv/file.c", false),
            ("[a-c]x", "/srv/bx", true),
            ("a*b*c", "/srv/aXXbYYc", true),
            ("a*b*c", "/srv/aXXbYY", false),
        ] {
            assert_eq!(
                Hidden::new([pattern]).hides(Path::new(file)),
                hidden,
                "{pattern} on {file}"
            );
        }
        assert!(!Hidden::default().hides(Path::new("/srv/a")));
    }
}
