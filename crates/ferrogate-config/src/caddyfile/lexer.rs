//! Text to words.
//!
//! Works on one text after variables were put in. There is no grammar here: lines and braces are told apart by
//! the parser. Words keep the byte range they came from, so that a formatter can copy what stands between them;
//! comments are listed apart.

use std::ops::Range;

use nom::bytes::complete::{tag, take_till, take_while};
use nom::character::complete::char;
use nom::combinator::{opt, recognize};
use nom::sequence::{pair, preceded};
use nom::{IResult, Parser as _};

/// A word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// The text without quotes and escapes.
    pub(crate) text: String,
    /// Bytes of the input, quotes included.
    pub(crate) range: Range<usize>,
    /// How it was quoted.
    pub(crate) quote: Quote,
    /// The logical line, from 0: a continued line, a quoted text and a heredoc count as one.
    pub(crate) line: u32,
}

/// How a word was quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quote {
    /// Not at all.
    None,
    /// `"…"`
    Double,
    /// `` `…` ``
    Backtick,
    /// `<<MARKER`
    Heredoc,
}

/// What a text consists of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lexed {
    /// The words in order.
    pub(crate) words: Vec<Word>,
    /// Byte ranges of comments in order, from `#` to before the line end.
    pub(crate) comments: Vec<Range<usize>>,
    /// What could not be read, in order.
    pub(crate) errors: Vec<LexError>,
    /// The end of the text lies inside a quoted text or a heredoc.
    pub(crate) truncated: bool,
}

/// Something that is no word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LexError {
    /// Where, in bytes of the input.
    pub(crate) range: Range<usize>,
    /// What.
    pub(crate) kind: LexErrorKind,
}

/// What can be wrong with a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LexErrorKind {
    /// A quote without its partner.
    Unterminated(char),
    /// A backslash before a blank.
    StrayBackslash,
    /// `<<` with nothing after it.
    HeredocNoMarker,
    /// A marker with characters other than letters, digits, `-` and `_`, or a third `<`.
    HeredocMarker(String),
    /// The marker never comes again.
    HeredocOpen(String),
    /// A line of the text that does not begin like the line of the closing marker.
    HeredocIndent,
    /// More than [`MAX_WORDS`].
    TooManyWords,
}

/// How many words a text may have: a file of ten megabytes of `a` has five million.
pub(crate) const MAX_WORDS: usize = 1_000_000;

/// Splits a text into words and comments; never fails, what is wrong is listed.
pub(crate) fn lex(text: &str) -> Lexed {
    let mut lexer = Lexer {
        text,
        rest: text.strip_prefix('\u{feff}').unwrap_or(text),
        line: 0,
        out: Lexed::default(),
    };
    while lexer.step() {
        if lexer.out.words.len() > MAX_WORDS {
            let at = lexer.at();
            lexer.error(at..at, LexErrorKind::TooManyWords);
            lexer.out.truncated = true;
            break;
        }
    }
    lexer.out
}

struct Lexer<'a> {
    text: &'a str,
    rest: &'a str,
    line: u32,
    out: Lexed,
}

impl<'a> Lexer<'a> {
    /// Reads one blank run, comment or word; `false` at the end.
    fn step(&mut self) -> bool {
        let start = self.at();
        let Some(first) = self.rest.chars().next() else {
            return false;
        };
        if first == '\n' {
            self.line += 1;
            self.advance(1);
        } else if first.is_whitespace() {
            self.accept(blanks);
        } else if first == '#' {
            self.accept(to_line_end);
            self.out.comments.push(start..self.at());
        } else if self.accept(continuation).is_some() {
            // The next word counts as on this line.
        } else if first == '"' || first == '`' {
            self.quoted(first, start);
        } else {
            self.plain(start);
        }
        true
    }

    fn quoted(&mut self, quote: char, start: usize) {
        let body = self.rest.strip_prefix(quote).unwrap_or_default();
        let parsed = if quote == '"' {
            double_quoted(body)
        } else {
            backquoted(body)
        };
        if let Ok((rest, text)) = parsed {
            self.rest = rest;
            let kind = if quote == '"' {
                Quote::Double
            } else {
                Quote::Backtick
            };
            self.push(text, start, kind);
        } else {
            self.error(start..start + 1, LexErrorKind::Unterminated(quote));
            self.out.truncated = true;
            self.rest = "";
            // A word all the same, so that nobody misses an argument.
            self.push(String::new(), start, Quote::Double);
        }
    }

    fn plain(&mut self, start: usize) {
        let (raw, rest) = plain_word(self.rest);
        self.rest = rest;
        let range = start..self.at();
        if let Some(marker) = raw.strip_prefix("<<")
            && (self.rest.starts_with('\n') || self.rest.is_empty())
        {
            self.heredoc(&marker.replace('\r', ""), range);
            return;
        }
        if raw.ends_with('\\') && !self.rest.starts_with(['\n']) {
            self.error(range.end - 1..range.end, LexErrorKind::StrayBackslash);
        }
        let text = raw.replace('\r', "").replace("\\<", "<");
        if !text.is_empty() {
            self.push(text, start, Quote::None);
        }
    }

    fn heredoc(&mut self, marker: &str, opening: Range<usize>) {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let start = opening.start;
        if marker.is_empty() || !marker.chars().all(word) {
            let kind = match marker {
                "" => LexErrorKind::HeredocNoMarker,
                _ => LexErrorKind::HeredocMarker(marker.to_owned()),
            };
            self.error(opening, kind);
            return self.push(String::new(), start, Quote::Heredoc);
        }
        let body = self.rest.strip_prefix('\n').unwrap_or_default();
        let Some((text, rest)) = body.split_once(marker) else {
            self.error(opening, LexErrorKind::HeredocOpen(marker.to_owned()));
            self.out.truncated = true;
            self.rest = "";
            return self.push(String::new(), start, Quote::Heredoc);
        };
        let body_at = self.text.len() - body.len();
        self.rest = rest;
        let (lines, pad) = text
            .rsplit_once('\n')
            .map_or(("", text), |(lines, pad)| (lines, pad));
        let mut out = String::with_capacity(lines.len());
        let mut at = body_at;
        for (index, line) in lines.split('\n').enumerate() {
            if index > 0 {
                out.push('\n');
            }
            match line.strip_prefix(pad) {
                Some(kept) => out.push_str(&kept.replace('\r', "")),
                None if line.trim_end_matches('\r').is_empty() => {}
                None => self.error(at..at + line.len(), LexErrorKind::HeredocIndent),
            }
            at += line.len() + 1;
        }
        self.push(out, start, Quote::Heredoc);
    }

    fn push(&mut self, text: String, start: usize, quote: Quote) {
        let range = start..self.at();
        self.out.words.push(Word {
            text,
            range,
            quote,
            line: self.line,
        });
    }

    fn error(&mut self, range: Range<usize>, kind: LexErrorKind) {
        self.out.errors.push(LexError { range, kind });
    }

    fn accept(&mut self, parser: impl Fn(&'a str) -> IResult<&'a str, &'a str>) -> Option<&'a str> {
        let (rest, taken) = parser(self.rest).ok()?;
        self.rest = rest;
        Some(taken)
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn at(&self) -> usize {
        self.text.len() - self.rest.len()
    }
}

fn blanks(input: &str) -> IResult<&str, &str> {
    take_while(|c: char| c.is_whitespace() && c != '\n')(input)
}

fn to_line_end(input: &str) -> IResult<&str, &str> {
    take_till(|c| c == '\n')(input)
}

fn continuation(input: &str) -> IResult<&str, &str> {
    recognize((char('\\'), opt(char('\r')), char('\n'))).parse(input)
}

/// Everything up to white space or a continued line end. A carriage return does not end a word.
fn plain_word(input: &str) -> (&str, &str) {
    let end = input
        .char_indices()
        .find(|&(at, c)| match c {
            '\r' => false,
            '\\' => input
                .get(at..)
                .is_some_and(|tail| continuation(tail).is_ok()),
            _ => c.is_whitespace(),
        })
        .map_or(input.len(), |(at, _)| at);
    input.split_at(end)
}

/// The inside of `"…"`, whose only escape is `\"`.
fn double_quoted(input: &str) -> IResult<&str, String> {
    let mut text = String::new();
    let mut rest = input;
    loop {
        let (after, run) = take_till(|c| c == '"' || c == '\\')(rest)?;
        text.push_str(run);
        if let Ok((after, _)) = char::<_, nom::error::Error<&str>>('"')(after) {
            return Ok((after, text));
        }
        let (after, escaped) =
            preceded(char('\\'), nom::character::complete::anychar).parse(after)?;
        if escaped != '"' {
            text.push('\\');
        }
        text.push(escaped);
        rest = after;
    }
}

/// The inside of `` `…` ``, which has no escapes.
fn backquoted(input: &str) -> IResult<&str, String> {
    let (rest, (text, _)) = pair(take_till(|c| c == '`'), tag("`")).parse(input)?;
    Ok((rest, text.to_owned()))
}

#[cfg(test)]
mod tests;
