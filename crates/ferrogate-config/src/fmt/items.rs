//! A text as braces, words and comments, each with the blanks before it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;

use crate::caddyfile::lexer::{self, Quote};

/// Something to print.
pub(super) struct Item<'a> {
    pub(super) kind: Kind,
    pub(super) text: Cow<'a, str>,
    /// What stands between the item before and this one.
    pub(super) gap: Gap,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `{` that opens a block.
    Open,
    /// `}` that closes one.
    Close,
    /// Everything else that is not a comment, quotes included.
    Word,
    /// From `#` to the end of the line.
    Comment,
}

/// The blanks before an item.
#[derive(Default)]
pub(super) struct Gap {
    /// Ends of lines that are not continued.
    pub(super) breaks: usize,
    /// Backslashes and the ends of the lines they continue.
    pub(super) continued: String,
    /// Whether a blank stands right before the item.
    pub(super) blank: bool,
}

impl Gap {
    /// Whether nothing stands between the item and the one before.
    fn is_empty(&self) -> bool {
        self.breaks == 0 && self.continued.is_empty() && !self.blank
    }
}

/// The items of a text, in order, and whether braces had to be taken off words for them.
pub(super) fn items(text: &str) -> (Vec<Item<'_>>, bool) {
    let text = text.trim_start_matches('\u{feff}').trim();
    let mut items = Vec::new();
    let mut end = 0;
    for piece in pieces(text) {
        let gap = gap(text.get(end..piece.range.start).unwrap_or_default());
        end = piece.range.end;
        let raw = text.get(piece.range).unwrap_or_default();
        let rest = text.get(end..).unwrap_or_default();
        let text = match piece.what {
            // Of a line that ends in the manner of Windows.
            What::Plain | What::Comment => raw.trim_end_matches('\r'),
            What::Quoted => raw,
        };
        // Without the blank behind it, a stray backslash would continue the line, and `<<WORD` begin a heredoc.
        let fragile = piece.what == What::Plain && (text.ends_with('\\') || text.starts_with("<<"));
        let text = if fragile && !rest.is_empty() {
            end += rest.len()
                - rest
                    .trim_start_matches(|c: char| c.is_whitespace() && c != '\n')
                    .len();
            Cow::Owned(format!("{text} "))
        } else {
            Cow::Borrowed(text)
        };
        let kind = match (piece.what, &*text) {
            (What::Comment, _) => Kind::Comment,
            // A heredoc without a text, because its marker is wrong, must stay the last word of its line as well.
            (What::Quoted, raw) if raw.starts_with("<<") && !raw.contains('\n') => Kind::Comment,
            (What::Plain, "{") => Kind::Open,
            // Right behind a quoted word, as in JSON without quotes around it, this closes nothing in Caddy's eyes.
            (What::Plain, "}") if gap.is_empty() && !items.is_empty() => Kind::Word,
            (What::Plain, "}") => Kind::Close,
            _ => Kind::Word,
        };
        items.push((piece.what, Item { kind, text, gap }));
    }
    let before = items.len();
    let items = split_glued_braces(items);
    let split = items.len() > before;
    (items, split)
}

struct Piece {
    what: What,
    range: Range<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Plain,
    Quoted,
    Comment,
}

/// Words and comments in order, and what lies beyond the last word the lexer reads.
fn pieces(text: &str) -> Vec<Piece> {
    let lexed = lexer::lex(text);
    let word = |word: lexer::Word| Piece {
        what: if word.quote == Quote::None {
            What::Plain
        } else {
            What::Quoted
        },
        range: word.range,
    };
    let comment = |range| Piece {
        what: What::Comment,
        range,
    };
    let mut pieces: Vec<Piece> = lexed
        .words
        .into_iter()
        .map(word)
        .chain(lexed.comments.into_iter().map(comment))
        .collect();
    pieces.sort_by_key(|piece| piece.range.start);
    let end = pieces.last().map_or(0, |piece| piece.range.end);
    let rest = text.get(end..).unwrap_or_default();
    if !rest.trim().is_empty() {
        pieces.push(Piece {
            what: What::Quoted,
            range: text.len() - rest.trim_start().len()..text.len(),
        });
    }
    pieces
}

fn gap(between: &str) -> Gap {
    let mut gap = Gap::default();
    let mut chars = between.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.find(|&c| c == '\n');
                // On an empty line a backslash continues nothing.
                if gap.breaks == 0 {
                    gap.continued
                        .push_str(if gap.blank { " \\\n" } else { "\\\n" });
                }
                gap.blank = false;
            }
            '\n' => {
                gap.breaks += 1;
                gap.blank = true;
            }
            _ => gap.blank = true,
        }
    }
    gap
}

/// Takes braces off the words they are glued to, where they can only be meant as braces.
///
/// A word that ends its line with `{` is refused by the parser, so that nothing which works is changed. A `}` at
/// the end or beginning of a word is a brace only when the text has too few of them.
fn split_glued_braces(items: Vec<(What, Item<'_>)>) -> Vec<Item<'_>> {
    let ends_line: Vec<bool> = (1..=items.len())
        .map(|next| {
            items.get(next).is_none_or(|(_, item)| {
                // A closing brace will stand on a line of its own.
                item.gap.breaks > 0 || matches!(item.kind, Kind::Comment | Kind::Close)
            })
        })
        .collect();
    let glued: Vec<bool> = items
        .iter()
        .zip(ends_line)
        .map(|((what, item), last)| *what == What::Plain && last && opens(item))
        .collect();
    let count = |kind| items.iter().filter(|(_, item)| item.kind == kind).count();
    let opened = count(Kind::Open) + glued.iter().filter(|glued| **glued).count();
    let mut missing = opened.saturating_sub(count(Kind::Close));
    let mut out = Vec::with_capacity(items.len());
    for ((what, item), open) in items.into_iter().zip(glued) {
        if what == What::Plain
            && item.kind == Kind::Word
            && !begins_text(&item.text)
            && (open || missing > 0)
        {
            out.extend(split(item, open, &mut missing));
        } else {
            out.push(item);
        }
    }
    out
}

/// Whether a word that ends its line has an opening brace glued to it.
fn opens(item: &Item<'_>) -> bool {
    item.kind == Kind::Word
        && !begins_text(&item.text)
        && item
            .text
            .strip_suffix('{')
            .is_some_and(|name| !name.is_empty() && !name.ends_with(['\\', '{']))
}

/// Whether a word that stands on its own is the beginning of something longer: a heredoc, a quoted text, a comment.
fn begins_text(word: &str) -> bool {
    word.starts_with(['"', '`', '#']) || word.starts_with("<<")
}

fn split<'a>(item: Item<'a>, open: bool, missing: &mut usize) -> VecDeque<Item<'a>> {
    let mut word: &str = &item.text;
    let (mut before, mut after) = (0, 0);
    if open {
        word = word.strip_suffix('{').unwrap_or(word);
    }
    while let Some(rest) = word
        .strip_prefix('}')
        .filter(|rest| *missing > 0 && *rest != "{" && !begins_text(rest))
    {
        (word, before) = (rest, before + 1);
        *missing -= 1;
    }
    while let Some(rest) = word
        .strip_suffix('}')
        .filter(|rest| *missing > 0 && !rest.contains('{') && !rest.ends_with('\\'))
    {
        (word, after) = (rest, after + 1);
        *missing -= 1;
    }
    let word = word.to_owned();
    let brace = |kind, text: &'static str| Item {
        kind,
        text: Cow::Borrowed(text),
        gap: Gap::default(),
    };
    let mut out: VecDeque<Item<'a>> = std::iter::repeat_with(|| brace(Kind::Close, "}"))
        .take(before)
        .collect();
    if !word.is_empty() {
        let kind = if word == "}" { Kind::Close } else { Kind::Word };
        out.push_back(Item {
            kind,
            text: Cow::Owned(word),
            gap: Gap::default(),
        });
    }
    out.extend(std::iter::repeat_with(|| brace(Kind::Close, "}")).take(after));
    if open {
        out.push_back(brace(Kind::Open, "{"));
    }
    if let Some(first) = out.front_mut() {
        first.gap = item.gap;
    }
    out
}
