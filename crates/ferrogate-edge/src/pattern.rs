//! Path patterns in Caddy's syntax.

use std::borrow::Cow;

use memchr::memmem;

use crate::escape::units;
use crate::glob::{Glob, GlobError};
use crate::path::{Slashes, clean, fold_keeping_slashes};
use crate::pathindex::PathKey;

/// One compiled path pattern, lower-cased.
#[derive(Clone, Debug)]
pub(crate) struct PathPattern {
    shape: Shape,
    slashes: Slashes,
}

#[derive(Clone, Debug)]
enum Shape {
    /// `*`
    Any,
    /// No wildcard.
    Exact(Box<[u8]>),
    /// `/x*`
    Prefix(Box<[u8]>),
    /// `*x`
    Suffix(Box<[u8]>),
    /// `*x*`
    Contains(Box<[u8]>),
    /// Wildcards elsewhere.
    Glob(Glob),
    /// A `%` in it: compared in escaped space.
    Escaped(Glob),
}

impl PathPattern {
    /// Reads a pattern.
    pub(crate) fn parse(pattern: &str) -> Result<Self, GlobError> {
        let lower = pattern.to_lowercase();
        let slashes = Slashes::of_pattern(&lower);
        let text = lower.as_str();
        let stars = text.matches('*').count();
        let bytes = |text: &str| text.as_bytes().into();
        let shape = if text == "*" {
            Shape::Any
        } else if text.contains('%') {
            Shape::Escaped(Glob::parse(text, true)?)
        } else if let (2, Some(inner)) = (
            stars,
            text.strip_prefix('*')
                .and_then(|text| text.strip_suffix('*')),
        ) {
            Shape::Contains(bytes(inner))
        } else if let (1, Some(suffix)) = (stars, text.strip_prefix('*')) {
            Shape::Suffix(bytes(suffix))
        } else if let (1, Some(prefix)) = (stars, text.strip_suffix('*')) {
            Shape::Prefix(bytes(prefix))
        } else if text.contains(['*', '?', '[', '\\']) {
            Shape::Glob(Glob::parse(text, false)?)
        } else {
            Shape::Exact(bytes(text))
        };
        Ok(Self { shape, slashes })
    }

    /// What the folded path must be, where a look-up can decide it.
    pub(crate) fn key(&self) -> Option<PathKey> {
        match &self.shape {
            _ if self.slashes == Slashes::Keep => None,
            Shape::Exact(text) => Some(PathKey::Exact(text.clone())),
            Shape::Prefix(text) => Some(PathKey::Prefix(text.clone())),
            _ => None,
        }
    }

    /// Whether the path matches: `raw` as sent, `folded` decoded, cleaned and lower-cased.
    pub(crate) fn matches(&self, raw: &[u8], folded: &[u8]) -> bool {
        let path = match self.slashes {
            Slashes::Merge => Cow::Borrowed(folded),
            Slashes::Keep => fold_keeping_slashes(raw),
        };
        match &self.shape {
            Shape::Any => true,
            Shape::Exact(text) => *path == **text,
            Shape::Prefix(text) => path.starts_with(text),
            Shape::Suffix(text) => path.ends_with(text),
            Shape::Contains(text) => memmem::find(&path, text).is_some(),
            Shape::Glob(glob) => glob.matches(path.iter().copied().map(crate::escape::Unit::plain)),
            Shape::Escaped(glob) => glob.matches(units(&clean(raw, self.slashes))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::path::fold;

    fn check(pattern: &str, path: &str, expected: bool) {
        let compiled = PathPattern::parse(pattern).unwrap();
        let folded = fold(path.as_bytes());
        assert_eq!(
            compiled.matches(path.as_bytes(), &folded),
            expected,
            "{pattern} on {path}"
        );
    }

    #[test]
    fn matches_as_documented() {
        for (pattern, path, expected) in [
            ("*", "/x", true),
            ("/api", "/api", true),
            ("/api", "/API", true),
            ("/API", "/api", true),
            ("/api", "/api/", false),
            ("/api*", "/apix", true),
            ("/api*", "/api", true),
            ("/api/*", "/api", false),
            ("/api/*", "/api/", true),
            ("*.php", "/a/b.PHP", true),
            ("*.php", "/a/b.php/", false),
            ("*/admin/*", "/x/admin/y", true),
            ("/a/*/c", "/a/b/c", true),
            ("/a/*/c", "/a/b/d/c", false),
            ("/admin/*", "//admin//x", true),
            ("/admin/*", "/x/..%2fadmin/y", true),
            ("/admin/*", "/%61dmin/y", true),
            ("/a//b", "/a//b", true),
            ("/a//b", "/a/b", false),
            ("/a//*", "/a//x", true),
            ("/a%2fb", "/a%2Fb", true),
            ("/a%2fb", "/a/b", false),
            ("/a%2fb*", "/a%2fbc", true),
            ("/caf\u{c9}", "/caf%C3%A9", true),
        ] {
            check(pattern, path, expected);
        }
    }

    proptest! {
        #[test]
        fn never_panics(pattern in ".{0,16}", raw in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(compiled) = PathPattern::parse(&pattern) {
                let folded = fold(&raw);
                prop_assert_eq!(compiled.matches(&raw, &folded), compiled.matches(&raw, &folded));
            }
        }
    }
}
