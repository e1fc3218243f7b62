//! A line with its arguments, ready to be read.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use ferrogate_types::route::MatcherSet;
use ferrogate_types::{parse_duration, parse_size};

use super::context::Cx;
use super::syntax::{Block, Place, Segment, Token};
use crate::diagnostic::Diagnostic;

/// A line with its arguments.
pub(crate) struct Line<'a> {
    /// As written.
    pub(crate) segment: &'a Segment,
    /// The arguments after the matcher.
    pub(crate) args: &'a [Token],
    /// The matcher of a directive that takes one.
    pub(crate) matcher: Option<Arc<MatcherSet>>,
    /// Place in the order of directives.
    pub(crate) slot: usize,
    syntax: &'static str,
}

impl<'a> Line<'a> {
    /// A line without a matcher.
    pub(crate) fn of(segment: &'a Segment, syntax: &'static str) -> Self {
        Self {
            segment,
            args: &segment.args,
            matcher: None,
            slot: 0,
            syntax,
        }
    }

    /// From the name to the last argument.
    pub(crate) fn at(&self) -> Place {
        self.segment.place()
    }

    /// The line's first word.
    pub(crate) fn name(&self) -> &'a Token {
        &self.segment.name
    }

    /// The arguments, so many of them, and the block if there is one.
    pub(crate) fn with_block(
        &self,
        cx: &mut Cx<'_>,
        count: RangeInclusive<usize>,
    ) -> Option<(&'a [Token], Option<&'a Block>)> {
        if let Some(surplus) = self.args.get(*count.end()) {
            let shown = cx.shown(surplus);
            cx.say(
                surplus.at,
                Diagnostic::error("argument-count", format!("unexpected argument `{shown}`"))
                    .label(format!("one too many for `{}`", self.name().text))
                    .hint(self.syntax()),
            );
            return None;
        }
        if self.args.len() < *count.start() {
            let mut diagnostic = Diagnostic::error(
                "argument-count",
                format!("an argument of `{}` is missing", self.name().text),
            )
            .label("expected on this line")
            .hint(self.syntax());
            if let Some(variable) = cx.unset_on_line(self.at()) {
                diagnostic = diagnostic.hint(format!(
                    "`{{${variable}}}` is not set, so nothing stands in its place"
                ));
            }
            cx.say(self.at(), diagnostic);
            return None;
        }
        Some((self.args, self.segment.block.as_ref()))
    }

    /// The arguments, so many of them; a block is refused.
    pub(crate) fn list(
        &self,
        cx: &mut Cx<'_>,
        count: RangeInclusive<usize>,
    ) -> Option<&'a [Token]> {
        self.no_block(cx);
        self.with_block(cx, count).map(|(args, _)| args)
    }

    /// Exactly `N` arguments; a block is refused.
    pub(crate) fn words<const N: usize>(&self, cx: &mut Cx<'_>) -> Option<&'a [Token; N]> {
        self.list(cx, N..=N).and_then(|args| args.try_into().ok())
    }

    /// The only argument.
    pub(crate) fn word(&self, cx: &mut Cx<'_>) -> Option<&'a Token> {
        self.words::<1>(cx).map(|[word]| word)
    }

    /// The block of a line without arguments.
    pub(crate) fn block(&self, cx: &mut Cx<'_>) -> Option<&'a Block> {
        let (_, block) = self.with_block(cx, 0..=0)?;
        if block.is_none() {
            cx.say(
                self.at(),
                Diagnostic::error(
                    "block-missing",
                    format!("`{}` needs a block", self.name().text),
                )
                .label("an opening brace must end this line")
                .hint(self.syntax()),
            );
        }
        block
    }

    /// A line that is just its name.
    pub(crate) fn flag(&self, cx: &mut Cx<'_>) -> bool {
        self.words::<0>(cx).is_some()
    }

    /// The only argument, a duration.
    pub(crate) fn duration(&self, cx: &mut Cx<'_>) -> Option<Duration> {
        self.word(cx).and_then(|word| cx.duration(word))
    }

    /// The only argument, a size in bytes.
    pub(crate) fn size(&self, cx: &mut Cx<'_>) -> Option<u64> {
        let word = self.word(cx)?;
        cx.checked(word, "size", parse_size(&word.text))
    }

    /// The only argument, a whole number in a range.
    pub(crate) fn number(&self, cx: &mut Cx<'_>, range: RangeInclusive<u64>) -> Option<u64> {
        self.word(cx).and_then(|word| cx.number(word, range))
    }

    /// The only argument, a whole number in a range that fits 32 bits.
    pub(crate) fn number32(&self, cx: &mut Cx<'_>, range: RangeInclusive<u32>) -> Option<u32> {
        let range = u64::from(*range.start())..=u64::from(*range.end());
        self.number(cx, range)
            .and_then(|number| u32::try_from(number).ok())
    }

    /// The only argument, a port.
    pub(crate) fn port(&self, cx: &mut Cx<'_>) -> Option<u16> {
        self.number32(cx, 1..=65535)
            .and_then(|port| u16::try_from(port).ok())
    }

    /// The only argument, a number above 0 and below 1.
    pub(crate) fn ratio(&self, cx: &mut Cx<'_>) -> Option<f64> {
        let word = self.word(cx)?;
        let ratio = word
            .text
            .parse::<f64>()
            .ok()
            .filter(|ratio| *ratio > 0.0 && *ratio < 1.0);
        cx.checked(word, "ratio", ratio.ok_or("does not lie between 0 and 1"))
    }

    /// The only argument as it stands.
    pub(crate) fn text(&self, cx: &mut Cx<'_>) -> Option<String> {
        self.word(cx).map(|word| word.text.to_string())
    }

    /// All arguments as they stand, at least one.
    pub(crate) fn texts(&self, cx: &mut Cx<'_>) -> Vec<String> {
        self.list(cx, 1..=usize::MAX)
            .unwrap_or_default()
            .iter()
            .map(|word| word.text.to_string())
            .collect()
    }

    /// A block of options, which must be there when the line has no arguments.
    pub(crate) fn options<S>(
        &self,
        cx: &mut Cx<'_>,
        kind: super::table::Kind,
        table: &'static [super::table::Row<S>],
        state: &mut S,
    ) {
        if let Some(block) = self.block(cx) {
            cx.run_block(block, kind, table, state);
        }
    }

    /// The only argument, anything that can be read from text.
    pub(crate) fn parse<T>(&self, cx: &mut Cx<'_>, what: &str) -> Option<T>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        let word = self.word(cx)?;
        cx.checked(word, what, word.text.parse())
    }

    /// How the line is to be written, as a hint.
    pub(crate) fn syntax(&self) -> String {
        if self.syntax.is_empty() {
            String::new()
        } else {
            format!("syntax: {}", self.syntax)
        }
    }

    fn no_block(&self, cx: &mut Cx<'_>) {
        if let Some(first) = self
            .segment
            .block
            .as_ref()
            .map(|block| block.segments.first())
        {
            cx.say(
                first.map_or(self.at(), |segment| segment.name.at),
                Diagnostic::error(
                    "block-unexpected",
                    format!("`{}` takes no block", self.name().text),
                )
                .label("stands in a block that means nothing")
                .hint(self.syntax()),
            );
        }
    }
}

impl Cx<'_> {
    /// A duration.
    pub(crate) fn duration(&mut self, word: &Token) -> Option<Duration> {
        self.checked(word, "duration", parse_duration(&word.text))
    }

    /// A whole number in a range.
    pub(crate) fn number(&mut self, word: &Token, range: RangeInclusive<u64>) -> Option<u64> {
        let number = word
            .text
            .parse::<u64>()
            .ok()
            .filter(|number| range.contains(number));
        if number.is_none() {
            let shown = self.shown(word);
            let label = if *range.end() == u64::MAX {
                format!("a whole number from {} on", range.start())
            } else {
                format!("a whole number from {} to {}", range.start(), range.end())
            };
            self.say(
                word.at,
                Diagnostic::error(
                    "invalid-number",
                    format!("`{shown}` is not a number that can stand here"),
                )
                .label(label),
            );
        }
        number
    }

    /// A duration that is not zero.
    pub(crate) fn some_time(&mut self, word: &Token) -> Option<Duration> {
        let time = self.duration(word)?;
        let checked = (!time.is_zero()).then_some(time).ok_or("is no time at all");
        self.checked(word, "duration", checked)
    }

    /// A whole number of percent in a range; the sign may be left out.
    pub(crate) fn percent(&mut self, word: &Token, range: RangeInclusive<u8>) -> Option<u8> {
        let number = word.text.strip_suffix('%').unwrap_or(&word.text);
        let percent = number
            .parse::<u8>()
            .ok()
            .filter(|percent| range.contains(percent));
        let wrong = format!(
            "does not lie between {}% and {}%",
            range.start(),
            range.end()
        );
        self.checked(word, "percentage", percent.ok_or(wrong))
    }

    /// What was read from a word, or a complaint in which the error continues the sentence.
    pub(crate) fn checked<T, E: std::fmt::Display>(
        &mut self,
        word: &Token,
        what: &str,
        read: Result<T, E>,
    ) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(error) => {
                let shown = self.shown(word);
                self.say(
                    word.at,
                    Diagnostic::error("invalid-value", format!("{what} `{shown}` {error}"))
                        .label(format!("not a valid {what}")),
                );
                None
            }
        }
    }

    /// Says that something is understood and cannot be run yet.
    pub(crate) fn unavailable(&mut self, at: Place, what: &str, instead: &str) {
        self.say(
            at,
            Diagnostic::unavailable(format!("{what} is not available yet"))
                .label("understood, but this build cannot run it")
                .hint(instead),
        );
    }

    /// Warns of a name that Caddy has given up.
    pub(crate) fn deprecated(&mut self, line: &Line<'_>, instead: &str) {
        let name = &line.name().text;
        self.say(
            line.name().at,
            Diagnostic::warning("deprecated", format!("`{name}` is an old name"))
                .label("understood, but deprecated")
                .hint(format!("write `{instead}`")),
        );
    }

    /// Notes that an option has no effect in this process.
    pub(crate) fn no_effect(&mut self, at: Place, why: &str) {
        self.say(
            at,
            Diagnostic::note("no-effect", why).label("has no effect"),
        );
    }

    /// One of several words, by a table.
    pub(crate) fn one_of<T: Copy>(
        &mut self,
        word: &Token,
        what: &str,
        table: &[(&'static str, T)],
    ) -> Option<T> {
        let found = table
            .iter()
            .find(|(name, _)| **name == *word.text)
            .map(|&(_, value)| value);
        if found.is_none() {
            let shown = self.shown(word);
            let names: Vec<String> = table.iter().map(|(name, _)| format!("`{name}`")).collect();
            self.say(
                word.at,
                Diagnostic::error("invalid-value", format!("unknown {what} `{shown}`"))
                    .label(format!("expected {}", names.join(", ")))
                    .hint(crate::suggest::did_you_mean(
                        &shown,
                        table.iter().map(|&(name, _)| name),
                    )),
            );
        }
        found
    }
}

/// Whether a header field can have this name. RFC 9110, section 5.6.2.
pub(crate) fn is_field_name(name: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.bytes().all(token)
}
