//! Bracketed classes: `[a-z]`, `[^\d]`, `[[:alpha:]]`.

use super::translate::Reader;

impl Reader<'_> {
    /// What follows an opening bracket. Every literal is escaped where the other dialect would take it for an operator.
    pub(super) fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        if let Some(rest) = self.rest.strip_prefix('^') {
            self.rest = rest;
            self.out.push('^');
        }
        let mut first = true;
        loop {
            if self.rest.is_empty() {
                return Err("a bracket is not closed".to_owned());
            }
            if let Some(rest) = self.rest.strip_prefix(']').filter(|_| !first) {
                self.rest = rest;
                self.out.push(']');
                return Ok(());
            }
            first = false;
            if self.named()? {
                continue;
            }
            let low = self.class_char()?;
            self.push_literal(low);
            let high = self
                .rest
                .strip_prefix('-')
                .filter(|rest| !rest.starts_with(']') && !rest.is_empty());
            if let Some(rest) = high {
                self.rest = rest;
                let high = self.class_char()?;
                if high < low {
                    return Err(format!("the range `{low}-{high}` is the wrong way round"));
                }
                self.out.push('-');
                self.push_literal(high);
            }
        }
    }

    /// A class within the class, if one stands here.
    fn named(&mut self) -> Result<bool, String> {
        if let Some((inside, rest)) = self
            .rest
            .strip_prefix("[:")
            .and_then(|inside| inside.split_once(":]"))
        {
            if !POSIX.contains(&inside.trim_start_matches('^')) {
                return Err(format!("there is no class `[:{inside}:]`"));
            }
            self.rest = rest;
            self.out.push_str("[:");
            self.out.push_str(inside);
            self.out.push_str(":]");
            return Ok(true);
        }
        let Some(escaped) = self.rest.strip_prefix('\\') else {
            return Ok(false);
        };
        let before = self.rest;
        self.rest = escaped;
        if let Some(class) = self.perl_class() {
            self.out.push_str(class);
        } else if let Some(class) = self.unicode_class()? {
            self.out.push_str(&class);
        } else {
            self.rest = before;
            return Ok(false);
        }
        Ok(true)
    }

    fn class_char(&mut self) -> Result<char, String> {
        match self.next() {
            Some('\\') => self.escaped_char(),
            Some(c) => Ok(c),
            None => Err("a bracket is not closed".to_owned()),
        }
    }
}

/// Classes named in `[:NAME:]`.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];
