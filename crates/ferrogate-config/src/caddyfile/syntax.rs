//! The tree as written: words with their places, lines with their blocks.

use std::sync::Arc;

use super::lexer::Quote;
use crate::source::Span;

/// A word and where it came from.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    /// The text without quotes and escapes.
    pub(crate) text: Arc<str>,
    /// How it was quoted.
    pub(crate) quote: Quote,
    /// Where it was written.
    pub(crate) at: Place,
    /// The logical line within its file and import.
    pub(crate) line: u32,
    /// The variable that the whole word came from.
    pub(crate) variable: Option<Arc<str>>,
    /// Some part of it came from a variable, so it must not be shown.
    pub(crate) expanded: bool,
}

/// A span and the import that brought it in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where the text was written.
    pub(crate) span: Span,
    /// How it came here.
    pub(crate) import: ImportId,
}

/// An import site; two imports of one snippet are two sites, so their lines never merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ImportId(pub(crate) u32);

impl ImportId {
    /// The main file itself.
    pub(crate) const MAIN: Self = Self(0);
}

/// A directive or option: a name, the rest of its line, and the block opened at the end of it.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// The first word of the line.
    pub(crate) name: Token,
    /// The other words of the line.
    pub(crate) args: Vec<Token>,
    /// `{ … }`
    pub(crate) block: Option<Block>,
}

/// The lines between two braces.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// In order.
    pub(crate) segments: Vec<Segment>,
}

/// A site as written.
#[derive(Clone, Debug)]
pub(crate) struct SiteBlock {
    /// At least one.
    pub(crate) addresses: Vec<Token>,
    /// Its lines.
    pub(crate) body: Block,
}

/// `&(name) { … }` as written.
#[derive(Clone, Debug)]
pub(crate) struct NamedBlock {
    /// The name with what marks it.
    pub(crate) name: Token,
    /// Its lines.
    pub(crate) body: Block,
}

/// A file with its imports put in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    /// The block of global options.
    pub(crate) global: Option<Block>,
    /// The named routes in order.
    pub(crate) named: Vec<NamedBlock>,
    /// The sites in order.
    pub(crate) sites: Vec<SiteBlock>,
}

impl Token {
    /// Whether this is the structural word `brace`.
    pub(crate) fn is_brace(&self, brace: &str) -> bool {
        self.quote == Quote::None && &*self.text == brace
    }

    /// Whether this is that unquoted word.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.quote == Quote::None && &*self.text == word
    }

    /// Whether `next` stands on the same logical line.
    pub(crate) fn same_line(&self, next: &Self) -> bool {
        self.line == next.line
            && self.at.import == next.at.import
            && self.at.span.file == next.at.span.file
    }
}

impl Place {
    /// From the beginning of this place to the end of another one of the same file.
    pub(crate) fn to(self, end: Self) -> Self {
        if self.span.file != end.span.file || end.span.end < self.span.end {
            return self;
        }
        Self {
            span: Span {
                end: end.span.end,
                ..self.span
            },
            ..self
        }
    }
}

impl Segment {
    /// The line from the name to the last argument.
    pub(crate) fn place(&self) -> Place {
        self.args
            .last()
            .map_or(self.name.at, |last| self.name.at.to(last.at))
    }
}
