//! Words in which `*` stands for anything.

/// A word of the configuration in which every `*` stands for any number of characters, none included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    /// Before the first star; the whole word where there is none.
    head: Box<str>,
    /// Between stars.
    middle: Box<[Box<str>]>,
    /// Behind the last star, where there is one.
    tail: Option<Box<str>>,
}

impl Glob {
    pub(crate) fn new(text: &str) -> Self {
        let mut parts = text.split('*');
        let head = parts.next().unwrap_or_default().into();
        let tail = parts.next_back().map(Box::from);
        let middle = parts.filter(|part| !part.is_empty()).map(Box::from);
        Self {
            head,
            middle: middle.collect(),
            tail,
        }
    }

    /// Whether the whole of `text` is meant.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let Some(tail) = &self.tail else {
            return text == &*self.head;
        };
        let Some(rest) = text
            .strip_prefix(&*self.head)
            .and_then(|rest| rest.strip_suffix(&**tail))
        else {
            return false;
        };
        // The leftmost place of each part leaves the most for those that follow.
        let mut rest = rest;
        self.middle.iter().all(|part| {
            rest.split_once(&**part)
                .map(|(_, behind)| rest = behind)
                .is_some()
        })
    }

    /// How many characters must be there: a pattern with more of them says more.
    pub(crate) fn literal_len(&self) -> usize {
        let middle = self.middle.iter().chain(self.tail.as_ref());
        let parts = std::iter::once(&self.head).chain(middle);
        parts.map(|part| part.chars().count()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_whole_words() {
        for (pattern, text, expected) in [
            ("gpt-*", "gpt-4o", true),
            ("gpt-*", "gpt-", true),
            ("gpt-*", "my-gpt-4o", false),
            ("*-mini", "gpt-4o-mini", true),
            ("*-mini", "gpt-4o-mini-2", false),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "acb", false),
            ("a*bc*c", "abc", false),
            ("ab*ba", "aba", false),
            ("*a*a*", "a", false),
            ("*", "", true),
            ("**", "x", true),
            ("gpt", "gpt", true),
            ("gpt", "gpt-4", false),
            ("", "", true),
            ("", "x", false),
            ("é*", "éa", true),
        ] {
            assert_eq!(
                Glob::new(pattern).matches(text),
                expected,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn says_more_the_more_is_written() {
        let len = |pattern: &str| Glob::new(pattern).literal_len();
        assert!(len("gpt-4*") > len("gpt-*") && len("gpt-*") > len("*"));
        assert_eq!((len("a*b*c"), len("*"), len("abc")), (3, 0, 3));
    }
}
