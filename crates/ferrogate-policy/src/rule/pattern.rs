//! A name, or the shape of many.

use std::fmt;

/// A name, or the shape of many: `*` stands for any characters, none included.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    text: String,
    /// Bytes that are no `*`.
    literal: usize,
}

impl Pattern {
    /// Reads a pattern; every text is one.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            literal: text.bytes().filter(|&byte| byte != b'*').count(),
            text,
        }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is a name and no shape.
    pub fn is_exact(&self) -> bool {
        self.literal == self.text.len()
    }

    /// What every name of the shape begins with.
    pub(super) fn prefix(&self) -> &str {
        self.text.split('*').next().unwrap_or_default()
    }

    /// How much it says, from 1: a name the most, and a longer shape more than a shorter one.
    pub(super) fn weight(&self) -> u32 {
        let most = u32::from(u16::MAX);
        if self.is_exact() {
            most
        } else {
            u32::try_from(self.literal).unwrap_or(most).min(most - 2) + 1
        }
    }

    /// Whether the name has the shape. Takes time linear in the name for each `*`.
    pub fn matches(&self, name: &str) -> bool {
        let mut parts = self.text.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = name.strip_prefix(first) else {
            return false;
        };
        let Some(last) = parts.next_back() else {
            return rest.is_empty();
        };
        // What stands between stars is taken as early as it comes; only the last part is bound to its place.
        for part in parts {
            match rest.split_once(part) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, yes, no) in [
            ("a", &["a"][..], &["", "aa", "b"][..]),
            ("*", &["", "a", "é"], &[]),
            ("gpt-*", &["gpt-", "gpt-4o"], &["gpt", "a-gpt-4"]),
            ("*mini", &["mini", "4o-mini"], &["mini-4"]),
            ("a*a", &["aa", "aba"], &["a", "ab"]),
            ("a*b*c", &["abc", "axbxbc", "abcbc"], &["acb", "ab"]),
            ("**", &["", "x"], &[]),
            ("", &[""], &["x"]),
        ] {
            let pattern = Pattern::new(pattern);
            assert!(yes.iter().all(|name| pattern.matches(name)), "{pattern}");
            assert!(!no.iter().any(|name| pattern.matches(name)), "{pattern}");
        }
    }

    #[test]
    fn names_weigh_more_than_shapes_and_long_shapes_more_than_short_ones() {
        let weights = ["a", "a*bcd", "abc*", "ab*", "*"].map(|text| Pattern::new(text).weight());
        assert!(
            weights.is_sorted_by(|left, right| left > right),
            "{weights:?}"
        );
        let long = Pattern::new(format!("{}*", "x".repeat(100_000))).weight();
        assert!(weights[0] > long && weights[4] > 0);
    }
}
