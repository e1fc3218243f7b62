//! From Go's dialect of regular expressions, in which a Caddyfile is written, to the `regex` crate's.
//!
//! Both are automata without look-around, and differ in letters: Go's `\d`, `\w`, `\s` and `\b` know ASCII only, a
//! brace or a bracket that opens nothing stands for itself, and some escapes exist on one side only.
//! Source: <https://pkg.go.dev/regexp/syntax>.

use std::fmt::Write as _;

pub(super) const LOOK_AROUND: &str = "look-around does not exist in this dialect";

/// The largest count of a repetition.
const MAX_REPEAT: u32 = 1000;

/// Translates an expression; the error continues the sentence "it is none, because".
pub(super) fn translate(source: &str) -> Result<String, String> {
    let mut reader = Reader {
        rest: source,
        out: String::with_capacity(source.len()),
    };
    while reader.step()? {}
    Ok(reader.out)
}

pub(super) struct Reader<'a> {
    pub(super) rest: &'a str,
    pub(super) out: String,
}

impl<'a> Reader<'a> {
    /// Translates one element; `false` at the end.
    fn step(&mut self) -> Result<bool, String> {
        let Some(first) = self.next() else {
            return Ok(false);
        };
        match first {
            '\\' => self.escape()?,
            '[' => self.class()?,
            '(' => self.group()?,
            '*' | '+' | '?' => self.repeat(&first.to_string())?,
            '{' => match counted(self.rest) {
                Some((count, rest)) => {
                    self.rest = rest;
                    self.repeat(&format!("{{{count}}}"))?;
                }
                None => self.out.push_str(r"\{"),
            },
            '}' => self.out.push_str(r"\}"),
            ']' => self.out.push_str(r"\]"),
            other => self.out.push(other),
        }
        Ok(true)
    }

    /// A repetition, which may be lazy and may not be repeated again.
    fn repeat(&mut self, operator: &str) -> Result<(), String> {
        let range = operator
            .trim_matches(['{', '}'])
            .split(',')
            .filter(|_| operator.starts_with('{'));
        for bound in range.filter(|bound| !bound.is_empty()) {
            if bound.parse::<u32>().is_ok_and(|count| count > MAX_REPEAT) {
                return Err(format!("it repeats more than {MAX_REPEAT} times"));
            }
        }
        self.out.push_str(operator);
        if let Some(rest) = self.rest.strip_prefix('?') {
            self.rest = rest;
            self.out.push('?');
        }
        if self.rest.starts_with(['*', '+', '?'])
            || self.rest.strip_prefix('{').and_then(counted).is_some()
        {
            return Err("a repetition is repeated".to_owned());
        }
        Ok(())
    }

    /// What follows an opening parenthesis.
    fn group(&mut self) -> Result<(), String> {
        self.out.push('(');
        let Some(rest) = self.rest.strip_prefix('?') else {
            return Ok(());
        };
        let name = rest.strip_prefix("P<").or_else(|| {
            rest.strip_prefix('<')
                .filter(|rest| !rest.starts_with(['=', '!']))
        });
        if let Some(name) = name {
            self.out.push_str("?P<");
            self.rest = name;
            return Ok(());
        }
        if rest.starts_with(['=', '!', '<']) {
            return Err(LOOK_AROUND.to_owned());
        }
        let flags = rest.find([':', ')']).and_then(|end| rest.get(..end));
        match flags {
            Some(flags) if flags.chars().all(|flag| "imsU-".contains(flag)) => Ok(()),
            _ => Err(
                "a group begins with `(?` and neither a flag of `imsU`, a name nor `:`".to_owned(),
            ),
        }
    }

    /// What follows a backslash outside of brackets.
    fn escape(&mut self) -> Result<(), String> {
        if let Some(rest) = self.rest.strip_prefix('Q') {
            let (literal, rest) = rest.split_once("\\E").unwrap_or((rest, ""));
            self.out.push_str(&::regex::escape(literal));
            self.rest = rest;
            return Ok(());
        }
        if let Some(boundary) = self.take(&["A", "z"]) {
            write!(self.out, "\\{boundary}").map_err(|error| error.to_string())?;
            return Ok(());
        }
        if let Some(boundary) = self.take(&["b", "B"]) {
            write!(self.out, "(?-u:\\{boundary})").map_err(|error| error.to_string())?;
            return Ok(());
        }
        if let Some(class) = self.perl_class() {
            self.out.push_str(class);
            return Ok(());
        }
        if let Some(class) = self.unicode_class()? {
            self.out.push_str(&class);
            return Ok(());
        }
        let literal = self.escaped_char()?;
        self.push_literal(literal);
        Ok(())
    }

    pub(super) fn push_literal(&mut self, literal: char) {
        self.out
            .push_str(&::regex::escape(literal.encode_utf8(&mut [0; 4])));
    }

    fn take(&mut self, candidates: &[&'static str]) -> Option<&'static str> {
        let found = candidates
            .iter()
            .find(|candidate| self.rest.starts_with(**candidate))?;
        self.rest = self.rest.strip_prefix(found)?;
        Some(found)
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let first = chars.next()?;
        self.rest = chars.as_str();
        Some(first)
    }

    /// `\p{Greek}`, `\pN`, `\P{^L}`, in the form that both sides know.
    pub(super) fn unicode_class(&mut self) -> Result<Option<String>, String> {
        let Some(letter) = self.take(&["p", "P"]) else {
            return Ok(None);
        };
        let name = if let Some(braced) = self.rest.strip_prefix('{') {
            let (name, rest) = braced
                .split_once('}')
                .ok_or("the name of a Unicode class has no closing brace")?;
            self.rest = rest;
            name
        } else {
            let whole = self.rest;
            let length = self.next().ok_or("it ends after `\\p`")?.len_utf8();
            whole.get(..length).unwrap_or_default()
        };
        let (name, turned) = match name.strip_prefix('^') {
            Some(name) => (name, true),
            None => (name, false),
        };
        if name == "Any" && letter == "p" && !turned {
            return Ok(Some(r"[\x{0}-\x{10FFFF}]".to_owned()));
        }
        let letter = if (letter == "P") == turned { 'p' } else { 'P' };
        Ok(Some(format!("\\{letter}{{{name}}}")))
    }

    /// `\d` and the like, after the backslash.
    pub(super) fn perl_class(&mut self) -> Option<&'static str> {
        let letter = self.take(&["d", "D", "w", "W", "s", "S"])?;
        PERL.iter()
            .find(|(name, _)| *name == letter)
            .map(|(_, class)| *class)
    }

    /// One character behind a backslash.
    pub(super) fn escaped_char(&mut self) -> Result<char, String> {
        let before = self.rest;
        let c = self.next().ok_or("it ends with a backslash")?;
        Ok(match c {
            'a' => '\x07',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            'x' => self.hexadecimal()?,
            '0' => self.octal(before),
            '1'..='7' if self.rest.starts_with(|c: char| c.is_digit(8)) => self.octal(before),
            '1'..='9' => return Err("references to groups do not exist in this dialect".to_owned()),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
            c => return Err(format!("`\\{c}` means nothing")),
        })
    }

    fn hexadecimal(&mut self) -> Result<char, String> {
        let (digits, rest) = match self.rest.strip_prefix('{') {
            Some(braced) => braced.split_once('}').unwrap_or_default(),
            None => self.rest.split_at_checked(2).unwrap_or_default(),
        };
        self.rest = rest;
        u32::from_str_radix(digits, 16)
            .ok()
            .and_then(char::from_u32)
            .ok_or_else(|| "`\\x` needs two hexadecimal digits, or some in braces".to_owned())
    }

    /// Up to three octal digits.
    fn octal(&mut self, from: &'a str) -> char {
        let length = from.chars().take(3).take_while(|c| c.is_digit(8)).count();
        let (digits, rest) = from.split_at_checked(length).unwrap_or((from, ""));
        self.rest = rest;
        u32::from_str_radix(digits, 8)
            .ok()
            .and_then(char::from_u32)
            .unwrap_or('\0')
    }
}

/// `2}`, `2,}` or `2,5}` and what follows: the inside of a counted repetition.
fn counted(text: &str) -> Option<(&str, &str)> {
    let (inside, rest) = text.split_once('}')?;
    let (low, high) = inside.split_once(',').unwrap_or((inside, inside));
    let number = |text: &str| {
        !text.is_empty() && text.len() < 10 && text.bytes().all(|b| b.is_ascii_digit())
    };
    (number(low) && (high.is_empty() || number(high))).then_some((inside, rest))
}

/// Perl's classes over ASCII; unlike elsewhere, `\s` has no vertical tab.
const PERL: [(&str, &str); 6] = [
    ("d", "[0-9]"),
    ("D", "[^0-9]"),
    ("w", "[0-9A-Za-z_]"),
    ("W", "[^0-9A-Za-z_]"),
    ("s", r"[\t\n\f\r ]"),
    ("S", r"[^\t\n\f\r ]"),
];
