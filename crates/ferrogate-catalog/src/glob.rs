//! A pattern of a model's id.

/// The bytes that a text has, or that a pattern asks for: a pattern matches no text without all of its bytes.
///
/// Most patterns are ruled out by this alone, which makes joining every row with its families several times faster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByteSet(u128);

impl ByteSet {
    pub(crate) fn of(text: &str) -> Self {
        let bit = |byte: u8| 1 << (byte & 0x7f);
        Self(text.bytes().fold(0, |set, byte| set | bit(byte)))
    }

    pub(crate) fn of_pattern(pattern: &str) -> Self {
        let wild = Self::of("*?");
        Self(Self::of(pattern).0 & !wild.0)
    }

    pub(crate) fn has_all(self, others: Self) -> bool {
        others.0 & !self.0 == 0
    }
}

/// Whether `pattern` matches the whole of `text`; `*` stands for any number of characters, `?` for one byte.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut read) = (0, 0);
    // The last star, and how far the text was read when it had taken nothing more.
    let mut star: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(at), text.get(read)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                star = Some((at, read));
                at += 1;
            }
            (Some(wanted), Some(found)) if wanted == found || *wanted == b'?' => {
                at += 1;
                read += 1;
            }
            _ => match &mut star {
                Some((star_at, taken)) if *taken < text.len() => {
                    *taken += 1;
                    read = *taken;
                    at = *star_at + 1;
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_whole_texts() {
        for (pattern, text, expected) in [
            ("gpt-5*", "gpt-5", true),
            ("gpt-5*", "gpt-5.1-codex", true),
            ("gpt-5*", "openai/gpt-5", false),
            ("*claude-opus-5*", "us.anthropic.claude-opus-5-v1:0", true),
            ("*-4-5*", "claude-4-4-5-x", true),
            ("*opus-4?5*", "claude-opus-4.5", true),
            ("*opus-4?5*", "claude-opus-45", false),
            ("o?", "o", false),
            ("*a*b", "aab", true),
            ("*a*b", "aba", false),
            ("o1", "o1", true),
            ("o1", "o1-pro", false),
            ("", "", true),
            ("", "x", false),
            ("*", "", true),
            ("**", "x", true),
            ("é*", "éa", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
            if expected {
                assert!(ByteSet::of(text).has_all(ByteSet::of_pattern(pattern)));
            }
        }
    }
}
