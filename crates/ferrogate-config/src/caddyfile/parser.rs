//! Words to a tree: sites, snippets, lines and blocks.
//!
//! Imports are put in while reading, because what they hold decides where blocks end. After a mistake reading
//! goes on at the next line or block, so that one run finds them all.

use super::directives;
use super::files::{self, Files};
use super::import::{Imports, Snippets};
use super::lexer::{MAX_WORDS, Quote};
use super::syntax::{Block, NamedBlock, Place, Segment, SiteBlock, Token, Tree};
use crate::diagnostic::Diagnostic;
use crate::report::Report;

mod brace;
mod imports;
mod top;

/// How deep blocks may nest.
const MAX_NESTING: usize = 64;
/// How many bytes arguments may add to the words they stand in.
const MAX_ARGUMENT_TEXT: usize = 16 << 20;

/// What parsing leaves behind.
pub(crate) struct Parsed {
    pub(crate) tree: Tree,
    pub(crate) imports: Imports,
}

/// Parses the words of the main file.
pub(crate) fn parse(
    words: &[Token],
    files: &mut Files,
    report: &mut Report,
    env: &dyn Fn(&str) -> Option<String>,
) -> Parsed {
    let mut parser = Parser {
        input: Vec::new(),
        files,
        report,
        env,
        imports: Imports::default(),
        snippets: Snippets::default(),
        words_left: MAX_WORDS,
        text_left: MAX_ARGUMENT_TEXT,
        tree: Tree::default(),
    };
    parser.put_in(words.to_vec());
    parser.top_level();
    parser.warn_unused_snippets();
    Parsed {
        tree: parser.tree,
        imports: parser.imports,
    }
}

struct Parser<'a> {
    /// What is still to be read, last word first.
    input: Vec<Token>,
    files: &'a mut Files,
    report: &'a mut Report,
    env: &'a dyn Fn(&str) -> Option<String>,
    imports: Imports,
    snippets: Snippets,
    words_left: usize,
    text_left: usize,
    tree: Tree,
}

impl Parser<'_> {
    /// Reads lines up to the `}` that closes `open`, or to the end of the input without one.
    fn body(&mut self, open: Option<Place>, depth: usize) -> Block {
        let mut segments: Vec<Segment> = Vec::new();
        while let Some(token) = self.input.pop() {
            if token.is_brace("}") {
                self.end_of_line_after(&token, "closing-brace", "after the closing brace");
                if open.is_some() {
                    return Block { segments };
                }
                self.surplus_brace(
                    &token,
                    "a site without braces ends with the file; put `{` behind its address, or take this out",
                );
            } else if token.is_brace("{") {
                self.brace_on_its_own_line(&token);
                let block = self.block(&token, depth);
                if let Some(last) = segments.last_mut().filter(|last| last.block.is_none()) {
                    last.block = Some(block);
                }
            } else if token.is_word("import") {
                self.import(&token);
            } else {
                segments.push(self.segment(token, depth));
            }
        }
        if let Some(open) = open.filter(|_| !self.files.truncated) {
            self.say(
                open,
                Diagnostic::error("unclosed-block", "this block is never closed")
                    .label("opened here"),
            );
        }
        Block { segments }
    }

    /// Reads the rest of a line that begins with `name`, with its block.
    fn segment(&mut self, name: Token, depth: usize) -> Segment {
        let mut segment = Segment {
            name,
            args: Vec::new(),
            block: None,
        };
        if let Some(open) = self.glued_brace(&mut segment.name) {
            segment.block = Some(self.block(&open, depth));
            return segment;
        }
        let mut last = segment.name.clone();
        while let Some(token) = self.next_on_line(&last) {
            if token.is_brace("{") {
                segment.block = Some(self.block(&token, depth));
                return segment;
            }
            if token.is_brace("}") {
                self.brace_in_line(token);
                return segment;
            }
            if token.is_word("{}") && self.input.last().is_none_or(|next| !token.same_line(next)) {
                self.empty_braces(&token);
                segment.block = Some(Block {
                    segments: Vec::new(),
                });
                return segment;
            }
            last = token.clone();
            segment.args.push(token);
        }
        segment
    }

    /// Reads a block after its `{`.
    fn block(&mut self, open: &Token, depth: usize) -> Block {
        if self
            .input
            .last()
            .is_some_and(|next| open.same_line(next) && next.is_brace("}"))
        {
            let close = self.input.pop();
            self.empty_braces(close.as_ref().unwrap_or(open));
            return Block {
                segments: Vec::new(),
            };
        }
        self.end_of_line_after(open, "opening-brace", "after the opening brace");
        if depth >= MAX_NESTING {
            self.say(
                open.at,
                Diagnostic::error(
                    "nested-too-deep",
                    format!("blocks nest deeper than {MAX_NESTING} levels"),
                )
                .label("one level too many"),
            );
            self.raw_block(open.at);
            return Block {
                segments: Vec::new(),
            };
        }
        self.body(Some(open.at), depth + 1)
    }

    /// Takes the words up to the partner of a `{` that was read already.
    fn raw_block(&mut self, open: Place) -> Vec<Token> {
        let mut words = Vec::new();
        let mut depth = 0_usize;
        while let Some(token) = self.input.pop() {
            if token.is_brace("{") {
                depth += 1;
            } else if token.is_brace("}") {
                match depth.checked_sub(1) {
                    Some(less) => depth = less,
                    None => return words,
                }
            }
            words.push(token);
        }
        if !self.files.truncated {
            self.say(
                open,
                Diagnostic::error("unclosed-block", "this block is never closed")
                    .label("opened here"),
            );
        }
        words
    }

    /// The next word when it stands on the same line.
    fn next_on_line(&mut self, previous: &Token) -> Option<Token> {
        if self
            .input
            .last()
            .is_some_and(|next| previous.same_line(next))
        {
            self.input.pop()
        } else {
            None
        }
    }

    /// Puts words in front of what is still to be read.
    fn put_in(&mut self, words: Vec<Token>) {
        match self.words_left.checked_sub(words.len()) {
            Some(left) => {
                self.words_left = left;
                self.input.extend(words.into_iter().rev());
            }
            None => self.give_up(words.first().map(|word| word.at)),
        }
    }

    /// Stops reading: the input is a bomb.
    fn give_up(&mut self, at: Option<Place>) {
        if let Some(at) = at {
            self.say(at, files::too_large(at.span));
        }
        self.words_left = 0;
        self.input.clear();
        self.files.truncated = true;
    }

    fn say(&mut self, at: Place, diagnostic: Diagnostic) {
        let chain = self.imports.chain(at.import);
        self.report.push(diagnostic.at(at.span).imported(chain));
    }
}

#[cfg(test)]
mod tests;
