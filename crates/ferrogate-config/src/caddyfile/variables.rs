//! `{$NAME}` in the text of a file, put in before anything else is read.
//!
//! The value becomes part of the text: it may hold several words, quotes, whole lines. Places in the new text
//! are mapped back to the original one, so that diagnostics point at what was written.

use std::ops::Range;
use std::sync::Arc;

/// A text with its variables put in.
#[derive(Debug)]
pub(crate) struct Expanded {
    /// The new text.
    pub(crate) text: String,
    /// The variables, in order.
    pub(crate) uses: Vec<VariableUse>,
    pieces: Vec<Piece>,
}

/// One `{$NAME}` or `{$NAME:default}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VariableUse {
    /// The variable.
    pub(crate) name: Arc<str>,
    /// Bytes of the original text, braces included.
    pub(crate) range: Range<usize>,
    /// Bytes of the new text; empty for an empty value.
    pub(crate) expanded: Range<usize>,
    /// The variable is not set and has no default.
    pub(crate) unset: bool,
}

/// A run of the new text and the run of the original text behind it.
#[derive(Debug)]
struct Piece {
    new: Range<usize>,
    original: Range<usize>,
    /// Index into the uses; `None` for text taken over as it is.
    variable: Option<usize>,
}

/// The new text grew beyond `limit` bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// Puts variables in: `lookup` gives a variable's value, `limit` bounds the new text in bytes.
pub(crate) fn expand(
    original: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    limit: usize,
) -> Result<Expanded, TooLarge> {
    let mut out = Expanded {
        text: String::with_capacity(original.len()),
        uses: Vec::new(),
        pieces: Vec::new(),
    };
    let mut rest = original;
    let at = |rest: &str| original.len() - rest.len();
    while let Some((before, tail)) = rest.split_once("{$") {
        let Some((body, after)) = tail.split_once('}') else {
            break;
        };
        let start = at(rest) + before.len();
        out.verbatim(before, at(rest));
        let range = start..at(after);
        if body.is_empty() {
            out.verbatim("{$}", start);
        } else {
            let (name, default) = body
                .split_once(':')
                .map_or((body, None), |(name, text)| (name, Some(text)));
            let set = lookup(name);
            let unset = set.is_none() && default.is_none();
            let value = set.unwrap_or_else(|| default.unwrap_or_default().to_owned());
            let new = out.text.len()..out.text.len() + value.len();
            out.text.push_str(&value);
            out.pieces.push(Piece {
                new: new.clone(),
                original: range.clone(),
                variable: Some(out.uses.len()),
            });
            out.uses.push(VariableUse {
                name: name.into(),
                range,
                expanded: new,
                unset,
            });
        }
        if out.text.len() > limit {
            return Err(TooLarge);
        }
        rest = after;
    }
    out.verbatim(rest, at(rest));
    Ok(out)
}

impl Expanded {
    /// Where a run of the new text was written.
    pub(crate) fn original(&self, new: &Range<usize>) -> Range<usize> {
        let start = self
            .piece(new.start)
            .map_or(0, |piece| match piece.variable {
                None => piece.original.start + (new.start - piece.new.start),
                Some(_) => piece.original.start,
            });
        if new.is_empty() {
            return start..start;
        }
        let end = self
            .piece(new.end - 1)
            .map_or(start, |piece| match piece.variable {
                None => piece.original.start + (new.end - piece.new.start),
                Some(_) => piece.original.end,
            });
        start..end.max(start)
    }

    /// The variable that a run of the new text came from as a whole, quotes aside.
    pub(crate) fn whole(&self, new: &Range<usize>, quoted: bool) -> Option<&VariableUse> {
        let inner = if quoted {
            new.start + 1..new.end.saturating_sub(1)
        } else {
            new.clone()
        };
        self.piece(inner.start)
            .and_then(|piece| piece.variable)
            .and_then(|index| self.uses.get(index))
            .filter(|variable| variable.expanded == inner)
    }

    /// Whether any part of a run of the new text came from a variable.
    pub(crate) fn touched(&self, new: &Range<usize>) -> bool {
        let first = self
            .uses
            .partition_point(|variable| variable.expanded.end <= new.start);
        self.uses
            .get(first)
            .is_some_and(|variable| variable.expanded.start < new.end)
    }

    fn verbatim(&mut self, text: &str, original: usize) {
        if text.is_empty() {
            return;
        }
        let new = self.text.len()..self.text.len() + text.len();
        self.text.push_str(text);
        self.pieces.push(Piece {
            new,
            original: original..original + text.len(),
            variable: None,
        });
    }

    /// The run that a byte of the new text belongs to.
    fn piece(&self, at: usize) -> Option<&Piece> {
        let after = self.pieces.partition_point(|piece| piece.new.start <= at);
        after
            .checked_sub(1)
            .and_then(|index| self.pieces.get(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "A" => Some("value".to_owned()),
            "EMPTY" => Some(String::new()),
            "R" => Some("{$A}".to_owned()),
            _ => None,
        }
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(expand(text, &env, 1000).unwrap().text, expected, "{text}");
    }

    #[test]
    fn puts_values_in() {
        check("x {$A} y", "x value y");
        check("{$A}{$A}", "valuevalue");
        check("{$U:http://x:1}", "http://x:1");
        check("[{$U}]", "[]");
        check("[{$EMPTY:d}]", "[]");
        check("{$R}", "{$A}");
        check("{$} {$A", "{$} {$A");
        check("{${$A}", "");
    }

    #[test]
    fn maps_places_back() {
        let text = expand("ab {$A} cd", &env, 1000).unwrap();
        for (new, original) in [
            (0..2, 0..2),
            (3..8, 3..7),
            (4..6, 3..7),
            (9..11, 8..10),
            (7..10, 3..9),
        ] {
            assert_eq!(text.original(&new), original, "{new:?}");
        }
        assert!(text.whole(&(3..8), false).is_some() && text.whole(&(3..9), false).is_none());
        assert!(text.touched(&(7..9)) && !text.touched(&(0..3)) && !text.touched(&(8..11)));
        let quoted = expand("\"{$A}\"", &env, 1000).unwrap();
        assert!(quoted.whole(&(0..7), true).is_some());
    }

    #[test]
    fn growth_is_bounded() {
        assert_eq!(expand("{$A}{$A}{$A}", &env, 12).unwrap_err(), TooLarge);
    }
}
