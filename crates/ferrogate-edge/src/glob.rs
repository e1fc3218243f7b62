//! Wildcards over a path.

use crate::escape::Unit;

/// A compiled glob: `*` and `?` do not match `/`, `[a-z]` is a class, `\` takes the next character literally.
///
/// Matching takes time linear in text times pattern, whatever the pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    tokens: Vec<Token>,
}

/// A pattern that means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GlobError {
    /// `[` without `]`.
    #[error("has a `[` that is not closed")]
    OpenClass,
    /// A class with characters outside ASCII.
    #[error("has a class with characters outside ASCII")]
    WideClass,
    /// A backslash at the end.
    #[error("ends in a backslash")]
    OpenEscape,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// This byte, compared decoded.
    Byte(u8),
    /// This byte, written as an escape.
    Escape(u8),
    /// The first byte of any character but a slash.
    One,
    /// One ASCII character in, or with `negated` any character out of, the ranges.
    Class {
        negated: bool,
        ranges: Vec<(u8, u8)>,
    },
    /// The rest of a character of several bytes.
    Tail,
    /// Anything without a slash, escaped ones included.
    Star,
    /// `%*`: anything without a bare slash.
    RawStar,
}

impl Glob {
    /// Reads a pattern; in escaped space `%xx` wants that escape and `%*` spans escaped slashes.
    pub(crate) fn parse(pattern: &str, escaped_space: bool) -> Result<Self, GlobError> {
        let mut tokens = Vec::new();
        let mut rest = pattern.as_bytes();
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            match (first, after) {
                (b'%', [b'*', after @ ..]) if escaped_space => {
                    tokens.push(Token::RawStar);
                    rest = after;
                }
                (b'%', _) if escaped_space => {
                    match crate::escape::units(&[b"%", after].concat()).next() {
                        Some(unit) if unit.escaped => {
                            tokens.push(Token::Escape(unit.byte));
                            rest = after.get(2..).unwrap_or_default();
                        }
                        _ => tokens.push(Token::Byte(b'%')),
                    }
                }
                (b'*', _) => tokens.push(Token::Star),
                (b'?', _) => tokens.extend([Token::One, Token::Tail]),
                (b'\\', _) => {
                    let (literal, after) = after.split_first().ok_or(GlobError::OpenEscape)?;
                    tokens.push(Token::Byte(*literal));
                    rest = after;
                }
                (b'[', _) => rest = class(after, &mut tokens)?,
                (byte, _) => tokens.push(Token::Byte(*byte)),
            }
        }
        Ok(Self { tokens })
    }

    /// Whether the whole text matches.
    pub(crate) fn matches(&self, text: impl Iterator<Item = Unit>) -> bool {
        // One flag for each place in the pattern that a prefix of the text can have reached.
        let mut reached = vec![false; self.tokens.len() + 1];
        let mut next = reached.clone();
        if let Some(start) = reached.first_mut() {
            *start = true;
        }
        self.skip_empty(&mut reached);
        for unit in text {
            next.fill(false);
            let mut alive = false;
            for (at, token) in self.tokens.iter().enumerate() {
                if reached.get(at) == Some(&true) && token.accepts(unit) {
                    let to = if token.repeats() { at } else { at + 1 };
                    if let Some(slot) = next.get_mut(to) {
                        *slot = true;
                        alive = true;
                    }
                }
            }
            if !alive {
                return false;
            }
            self.skip_empty(&mut next);
            std::mem::swap(&mut reached, &mut next);
        }
        reached.last() == Some(&true)
    }

    /// A token that repeats may also stand for nothing.
    fn skip_empty(&self, reached: &mut [bool]) {
        for (at, token) in self.tokens.iter().enumerate() {
            if token.repeats()
                && reached.get(at) == Some(&true)
                && let Some(slot) = reached.get_mut(at + 1)
            {
                *slot = true;
            }
        }
    }
}

impl Token {
    fn repeats(&self) -> bool {
        matches!(self, Self::Star | Self::RawStar | Self::Tail)
    }

    fn accepts(&self, unit: Unit) -> bool {
        let starts_character = !matches!(unit.byte, 0x80..=0xbf);
        match self {
            Self::Byte(byte) => unit.byte.eq_ignore_ascii_case(byte),
            Self::Escape(byte) => unit.escaped && unit.byte == *byte,
            Self::One => unit.byte != b'/' && starts_character,
            Self::Class { negated, ranges } => {
                let byte = unit.byte.to_ascii_lowercase();
                let within = ranges
                    .iter()
                    .any(|(low, high)| (*low..=*high).contains(&byte));
                within != *negated && starts_character && (byte != b'/' || !negated)
            }
            Self::Tail => !starts_character,
            Self::Star => unit.byte != b'/',
            Self::RawStar => unit.escaped || unit.byte != b'/',
        }
    }
}

/// Reads a class after its `[`; returns what follows the `]`.
fn class<'a>(text: &'a [u8], tokens: &mut Vec<Token>) -> Result<&'a [u8], GlobError> {
    let (negated, mut rest) = match text {
        [b'^', after @ ..] => (true, after),
        _ => (false, text),
    };
    let mut ranges = Vec::new();
    loop {
        if let [b']', after @ ..] = rest
            && !ranges.is_empty()
        {
            tokens.push(Token::Class { negated, ranges });
            tokens.push(Token::Tail);
            return Ok(after);
        }
        let (low, after) = class_character(rest)?;
        let (high, after) = match after {
            [b'-', after @ ..] => class_character(after)?,
            _ => (low, after),
        };
        ranges.push((low, high));
        rest = after;
    }
}

fn class_character(text: &[u8]) -> Result<(u8, &[u8]), GlobError> {
    let text = text.strip_prefix(b"\\").unwrap_or(text);
    let (byte, after) = text.split_first().ok_or(GlobError::OpenClass)?;
    if byte.is_ascii() {
        Ok((*byte, after))
    } else {
        Err(GlobError::WideClass)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::escape::units;

    fn check(pattern: &str, escaped_space: bool, text: &str, expected: bool) {
        let glob = Glob::parse(pattern, escaped_space).unwrap();
        let found = if escaped_space {
            glob.matches(units(text.as_bytes()))
        } else {
            glob.matches(text.bytes().map(Unit::plain))
        };
        assert_eq!(found, expected, "{pattern} on {text}");
    }

    #[test]
    fn matches_decoded_paths() {
        for (pattern, text, expected) in [
            ("/a/*/c", "/a/b/c", true),
            ("/a/*/c", "/a/b/b/c", false),
            ("/*.txt", "/x.txt", true),
            ("/a*c*e", "/abcde", true),
            ("/a*c*e", "/abcd", false),
            ("/?", "/x", true),
            ("/?", "/é", true),
            ("/?", "/xy", false),
            ("/?", "//", false),
            ("/[a-c]x", "/bx", true),
            ("/[a-c]x", "/dx", false),
            ("/[^a-c]x", "/dx", true),
            ("/[^a-c]x", "/éx", true),
            (r"/\*", "/*", true),
            (r"/\*", "/a", false),
            ("", "", true),
        ] {
            check(pattern, false, text, expected);
        }
    }

    #[test]
    fn matches_in_escaped_space() {
        for (pattern, text, expected) in [
            ("/a%2fb", "/a%2Fb", true),
            ("/a%2fb", "/a/b", false),
            ("/bands/*/%2f", "/bands/x%20y/%2f", true),
            ("/a/*/c%41", "/a/x%2fy/c%41", false),
            ("/a/%*/c", "/a/x%2fy/c", true),
            ("/a/%*/c", "/a/x/y/c", false),
            ("/x%41y", "/%78%41y", true),
        ] {
            check(pattern, true, text, expected);
        }
    }

    #[test]
    fn refuses_what_means_nothing() {
        for (pattern, error) in [
            ("/[a", GlobError::OpenClass),
            ("/[é]", GlobError::WideClass),
            ("/a\\", GlobError::OpenEscape),
        ] {
            assert_eq!(Glob::parse(pattern, false), Err(error), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(pattern in "[/*?a%\\\\\\[\\]^é2f-]{0,12}", text in proptest::collection::vec(any::<u8>(), 0..40)) {
            for escaped_space in [false, true] {
                if let Ok(glob) = Glob::parse(&pattern, escaped_space) {
                    let first = glob.matches(units(&text));
                    prop_assert_eq!(first, glob.matches(units(&text)));
                }
            }
        }

        #[test]
        fn a_literal_matches_itself_only(text in "/[a-z/]{0,12}", other in "/[a-z/]{0,12}") {
            let glob = Glob::parse(&text, false).unwrap();
            prop_assert!(glob.matches(text.bytes().map(Unit::plain)));
            prop_assert_eq!(glob.matches(other.bytes().map(Unit::plain)), text == other);
        }
    }
}
