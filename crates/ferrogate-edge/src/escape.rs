//! Percent-encoding of request targets.

use std::borrow::Cow;
use std::fmt::Write as _;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode, percent_encode};

/// What may not stand in a path that was decoded before. Source: RFC 3986, section 3.3 (`pchar`).
const PATH: &AsciiSet = &TARGET.add(b'?').add(b'%').add(b'[').add(b']');

/// What may not stand in a path that is escaped already.
const ESCAPED_PATH: &AsciiSet = &TARGET.add(b'?');

/// What may not stand anywhere in a request target.
const TARGET: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// What is escaped in a query component; a space becomes `+` apart from this.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b' ');

/// Decodes every valid escape; invalid ones stay as they are.
pub(crate) fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    percent_decode(text).into()
}

/// Encodes a decoded path; slashes stay.
pub(crate) fn encode_path(path: &[u8]) -> String {
    percent_encode(path, PATH).to_string()
}

/// Makes an already escaped path safe to send: nothing that could end it is left bare.
pub(crate) fn repair_path(path: &[u8]) -> String {
    percent_encode(path, ESCAPED_PATH).to_string()
}

/// Makes an already escaped query, or a whole target, safe to send.
pub(crate) fn repair_query(query: &[u8]) -> String {
    percent_encode(query, TARGET).to_string()
}

/// The raw bytes of a target as text: what no target may hold, and bytes outside ASCII, is escaped.
pub(crate) fn target_text(raw: &[u8]) -> Cow<'_, str> {
    percent_encode(raw, TARGET_AS_SENT).into()
}

/// Only what is no visible ASCII: the text must stay what the client sent wherever that is possible.
const TARGET_AS_SENT: &AsciiSet = &CONTROLS.add(b' ');

/// Encodes a key or value of a query; a space becomes `+`.
pub(crate) fn encode_component(text: &[u8], out: &mut String) {
    for (at, word) in text.split(|byte| *byte == b' ').enumerate() {
        if at > 0 {
            out.push('+');
        }
        // Writing to a string cannot fail.
        let _infallible = write!(out, "{}", percent_encode(word, COMPONENT));
    }
}

/// Decodes a key or value of a query; nothing when an escape is broken.
pub(crate) fn decode_component(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'%', rest) {
        let (_, escape) = rest.split_at(at);
        rest = match escape {
            [_, high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                after
            }
            _ => return None,
        };
    }
    if memchr::memchr(b'+', text).is_none() {
        return Some(decode(text));
    }
    let spaced: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    Some(Cow::Owned(decode(&spaced).into_owned()))
}

/// One place of an escaped text: a plain byte, or an escape and what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    /// The byte, decoded.
    pub(crate) byte: u8,
    /// Written as an escape.
    pub(crate) escaped: bool,
}

impl Unit {
    /// A byte that stands for itself.
    pub(crate) fn plain(byte: u8) -> Self {
        Self {
            byte,
            escaped: false,
        }
    }

    /// Bytes of the written form.
    pub(crate) fn width(self) -> usize {
        if self.escaped { 3 } else { 1 }
    }

    /// Whether this place of a path meets that place of a pattern: an escape in the pattern wants the same
    /// escape, anything else is compared decoded and without regard to case.
    pub(crate) fn meets(self, pattern: Self) -> bool {
        if pattern.escaped {
            self == pattern
        } else {
            self.byte.eq_ignore_ascii_case(&pattern.byte)
        }
    }
}

/// Reads an escaped text place by place.
pub(crate) fn units(mut text: &[u8]) -> impl Iterator<Item = Unit> {
    std::iter::from_fn(move || {
        let (first, after) = text.split_first()?;
        if let (b'%', [high, low, rest @ ..]) = (first, after)
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            text = rest;
            return Some(Unit {
                byte: high << 4 | low,
                escaped: true,
            });
        }
        text = after;
        Some(Unit::plain(*first))
    })
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_decode_or_are_refused() {
        for (text, expected) in [
            ("a", Some("a")),
            ("a+b", Some("a b")),
            ("a%2Bb", Some("a+b")),
            ("%41%42", Some("AB")),
            ("%", None),
            ("%4", None),
            ("%zz", None),
            ("", Some("")),
        ] {
            let decoded = decode_component(text.as_bytes());
            assert_eq!(decoded.as_deref(), expected.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn encoded_text_cannot_end_its_part() {
        let mut component = String::new();
        encode_component("a b&c=d+é".as_bytes(), &mut component);
        assert_eq!(component, "a+b%26c%3Dd%2B%C3%A9");
        assert_eq!(encode_path(b"/a b?c%d;e"), "/a%20b%3Fc%25d;e");
        assert_eq!(repair_path(b"/a%20b?c\r\n"), "/a%20b%3Fc%0D%0A");
        assert_eq!(repair_query(b"a=b c#d&e=%20"), "a=b%20c%23d&e=%20");
    }

    #[test]
    fn units_take_broken_escapes_literally() {
        let read: Vec<(u8, bool)> = units(b"a%2f%zz%")
            .map(|unit| (unit.byte, unit.escaped))
            .collect();
        assert_eq!(
            read,
            [
                (b'a', false),
                (b'/', true),
                (b'%', false),
                (b'z', false),
                (b'z', false),
                (b'%', false)
            ]
        );
    }
}
