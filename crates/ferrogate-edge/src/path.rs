//! The path of a request as matchers see it.

use std::borrow::Cow;

use crate::escape::decode;

/// Splits a target at its first `?`.
pub(crate) fn split_target(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'?', target) {
        Some(at) => {
            let (path, query) = target.split_at(at);
            (path, query.get(1..))
        }
        None => (target, None),
    }
}

/// Decodes, cleans and lower-cases a raw path; borrows it when nothing needs doing, as with most requests.
pub(crate) fn fold(raw: &[u8]) -> Cow<'_, [u8]> {
    if is_folded(raw) {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(lower_case(clean(&decode(raw), Slashes::Merge)))
}

/// As [`fold`], but repeated slashes stay: for patterns that contain some.
pub(crate) fn fold_keeping_slashes(raw: &[u8]) -> Cow<'_, [u8]> {
    if is_folded(raw) {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(lower_case(clean(&decode(raw), Slashes::Keep)))
}

/// What happens to repeated slashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slashes {
    /// `//` becomes `/`.
    Merge,
    /// An empty segment is a segment.
    Keep,
}

impl Slashes {
    /// A pattern that writes `//` means it.
    pub(crate) fn of_pattern(pattern: &str) -> Self {
        if pattern.contains("//") {
            Self::Keep
        } else {
            Self::Merge
        }
    }
}

/// Resolves `.` and `..`, puts a slash in front and keeps one at the end.
pub(crate) fn clean(path: &[u8], slashes: Slashes) -> Vec<u8> {
    let body = path.strip_prefix(b"/").unwrap_or(path);
    let mut segments: Vec<&[u8]> = Vec::new();
    let mut parts = body.split(|byte| *byte == b'/').peekable();
    let mut ends_with_slash = false;
    while let Some(segment) = parts.next() {
        let last = parts.peek().is_none();
        match segment {
            b"" if last => ends_with_slash = true,
            b"" if slashes == Slashes::Merge => {}
            b"." => {}
            b".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    let mut cleaned = Vec::with_capacity(path.len() + 1);
    for segment in &segments {
        cleaned.push(b'/');
        cleaned.extend_from_slice(segment);
    }
    if cleaned.is_empty() || ends_with_slash {
        cleaned.push(b'/');
    }
    cleaned
}

/// Plain lower-case ASCII from a slash on, without escapes, empty segments or segments that start with a dot.
fn is_folded(raw: &[u8]) -> bool {
    let mut previous = b'/';
    let Some((b'/', rest)) = raw.split_first() else {
        return false;
    };
    for byte in rest {
        let unclean = matches!(byte, b'%' | b'A'..=b'Z' | 0x80..)
            || (previous == b'/' && matches!(byte, b'/' | b'.'));
        if unclean {
            return false;
        }
        previous = *byte;
    }
    true
}

fn lower_case(mut path: Vec<u8>) -> Vec<u8> {
    if !path.is_ascii()
        && let Ok(text) = std::str::from_utf8(&path)
    {
        return text.to_lowercase().into_bytes();
    }
    path.make_ascii_lowercase();
    path
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(raw: &str, expected: &str) {
        assert_eq!(
            String::from_utf8_lossy(&fold(raw.as_bytes())),
            expected,
            "{raw}"
        );
    }

    #[test]
    fn folds() {
        check("/", "/");
        check("", "/");
        check("a", "/a");
        check("/a/b", "/a/b");
        check("/A/b/", "/a/b/");
        check("//a///b", "/a/b");
        check("/a/./b/../c", "/a/c");
        check("/../../x", "/x");
        check("/a/..", "/");
        check("/a/.", "/a");
        check("/%61%2f%2e%2E/b", "/b");
        check("/.well-known/x", "/.well-known/x");
        check("/%C3%89", "/é");
        check("/%zz", "/%zz");
    }

    #[test]
    fn keeps_slashes_where_a_pattern_wants_them() {
        for (raw, expected) in [
            ("/a//b", "/a//b"),
            ("/a//../b", "/a/b"),
            ("//", "//"),
            ("/a//", "/a//"),
        ] {
            assert_eq!(
                String::from_utf8_lossy(&fold_keeping_slashes(raw.as_bytes())),
                expected,
                "{raw}"
            );
        }
    }

    #[test]
    fn a_plain_path_is_borrowed() {
        assert!(matches!(fold(b"/api/v1/users.json"), Cow::Borrowed(_)));
        assert!(matches!(fold(b"/api/V1"), Cow::Owned(_)));
    }

    proptest! {
        #[test]
        fn cleaning_is_idempotent(path in proptest::collection::vec(prop_oneof![Just(b'/'), Just(b'.'), any::<u8>()], 0..40)) {
            for slashes in [Slashes::Merge, Slashes::Keep] {
                let once = clean(&path, slashes);
                prop_assert_eq!(&clean(&once, slashes), &once);
                prop_assert_eq!(once.first(), Some(&b'/'));
                prop_assert!(!once.split(|byte| *byte == b'/').any(|segment| segment == b"." || segment == b".."));
            }
        }
    }
}
