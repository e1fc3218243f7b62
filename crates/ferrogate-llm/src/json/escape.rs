//! What stands between the quotes of a string.

/// Appends a text as it stands between quotes.
///
/// The same as serde's, which looks at each byte; here eight are looked at together, because a picture in base64 or
/// a page of prose hardly has one to escape.
pub(super) fn write(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some((plain, byte, behind)) = split_at_escape(rest) {
        out.extend_from_slice(plain);
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            other => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let digit = |nibble: u8| DIGITS[usize::from(nibble & 0xf)];
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[digit(other >> 4), digit(other)]);
            }
        }
        rest = behind;
    }
    out.extend_from_slice(rest);
}

/// Cuts before and behind the first byte that must be escaped.
fn split_at_escape(bytes: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    let (words, tail) = bytes.as_chunks::<8>();
    let in_words = words.iter().enumerate().find_map(|(at, word)| {
        let marks = marks(u64::from_le_bytes(*word));
        (marks != 0).then(|| at * 8 + marks.trailing_zeros() as usize / 8)
    });
    let at = in_words.or_else(|| {
        let at = tail.iter().position(|byte| is_escaped(*byte))?;
        Some(words.len() * 8 + at)
    })?;
    let (plain, rest) = bytes.split_at_checked(at)?;
    let (byte, behind) = rest.split_first()?;
    Some((plain, *byte, behind))
}

fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// The highest bit of each byte that must be escaped. Above the lowest such bit there may be false ones, where a
/// borrow went on: only the lowest counts.
fn marks(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let below = |word: u64, bound: u64| word.wrapping_sub(bound * ONES) & !word;
    let equal = |byte: u8| below(word ^ (u64::from(byte) * ONES), 1);
    (below(word, 0x20) | equal(b'"') | equal(b'\\')) & HIGH
}

/// The text that stands between quotes, of a string that is known to be one.
///
/// A lone half of a character, which JavaScript sends when it cuts a text in the middle of an emoji, becomes U+FFFD.
pub(super) fn read(inner: &str) -> String {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((plain, escape)) =
        memchr::memchr(b'\\', rest.as_bytes()).and_then(|at| rest.split_at_checked(at))
    {
        out.push_str(plain);
        let mut chars = escape.chars();
        chars.next();
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let (char, behind) = code_point(chars.as_str());
                out.push(char);
                rest = behind;
                continue;
            }
            Some(plain) => out.push(plain),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

/// The character that `\u` begins, and what is behind it.
fn code_point(digits: &str) -> (char, &str) {
    let Some((first, behind)) = unit(digits) else {
        return (char::REPLACEMENT_CHARACTER, digits);
    };
    if let Some(char) = char::from_u32(first) {
        return (char, behind);
    }
    let second = behind.strip_prefix("\\u").and_then(unit);
    match second {
        Some((second @ 0xdc00..=0xdfff, behind)) if first < 0xdc00 => {
            let both = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            let char = char::from_u32(both).unwrap_or(char::REPLACEMENT_CHARACTER);
            (char, behind)
        }
        _ => (char::REPLACEMENT_CHARACTER, behind),
    }
}

/// Four hexadecimal digits.
fn unit(text: &str) -> Option<(u32, &str)> {
    let (digits, behind) = text.split_at_checked(4)?;
    let unit = u32::from_str_radix(digits, 16).ok()?;
    Some((unit, behind))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        let mut out = b"\"".to_vec();
        write(text, &mut out);
        out.push(b'"');
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn writes_and_reads_what_serde_does(
            text in "[ -~\u{0}-\u{20}\"\\\\\u{7f}\u{80}\u{e9}\u{20ac}\u{1f600}]{0,60}",
        ) {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(&written(&text), &json);
            let inner = json.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
            prop_assert_eq!(read(inner), text);
        }
    }

    #[test]
    fn finds_what_must_be_escaped_at_every_place() {
        for escaped in (0..0x20).chain([b'"', b'\\']) {
            for at in 0..20 {
                let mut bytes = vec![b'x'; 20];
                bytes[at] = escaped;
                let text = String::from_utf8(bytes).unwrap();
                assert_eq!(written(&text), serde_json::to_string(&text).unwrap());
            }
        }
    }

    #[test]
    fn every_escape_is_read() {
        for (inner, expected) in [
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r"\u00e9\u20AC\ud83d\ude00", "\u{e9}\u{20ac}\u{1f600}"),
            (r"\ud83d", "\u{fffd}"),
            (r"\ude00x", "\u{fffd}x"),
            (r"\ud83d\ud83d\ude00", "\u{fffd}\u{1f600}"),
            (r"\ud83d\n", "\u{fffd}\n"),
        ] {
            assert_eq!(read(inner), expected, "{inner}");
        }
    }
}
