//! The formatter of Caddyfiles.
//!
//! One tab for each level, one blank between words, at most one blank line, an opening brace at the end of its
//! line, a closing brace on its own. Words and comments are copied as they stand. The result is what `caddy fmt`
//! gives, oddities included, so that a repository may be checked with either; it differs where Caddy 2.6.2
//! changes the meaning of a file or loses a part of it.

mod items;

use items::{Gap, Item, Kind, items};

/// Indentation stops growing here, as in Caddy: files this deep are accidents.
const MAX_DEPTH: usize = 10;

/// Formats a Caddyfile.
///
/// Never fails: what cannot be read is copied. Formatting the result changes nothing.
pub fn format(text: &str) -> String {
    let mut formatted = print(text);
    // A brace taken off a word changes what the words around it mean. Every turn takes off at least one.
    while formatted.split {
        formatted = print(&formatted.text);
    }
    formatted.text
}

/// Whether [`format()`] would change nothing, line ends aside.
pub fn is_formatted(text: &str) -> bool {
    format(text) == text.replace("\r\n", "\n")
}

/// A text formatted once.
struct Formatted {
    text: String,
    /// Whether braces were taken off words.
    split: bool,
}

fn print(text: &str) -> Formatted {
    let mut printer = Printer {
        out: String::with_capacity(text.len()),
        depth: 0,
        last: Last::Start,
    };
    let (items, split) = items(text);
    for item in items {
        printer.put(&item);
    }
    printer.out.push('\n');
    Formatted {
        text: printer.out,
        split,
    }
}

struct Printer {
    out: String,
    depth: usize,
    last: Last,
}

/// What stands before the next item.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Start,
    Open,
    Close,
    Comment,
    Word,
    /// A word of a top-level line that begins with `import`.
    Import,
}

impl Printer {
    fn put(&mut self, item: &Item<'_>) {
        match item.kind {
            Kind::Open => self.open(&item.gap),
            Kind::Close => self.close(&item.gap),
            Kind::Word | Kind::Comment => self.text(item),
        }
    }

    fn open(&mut self, gap: &Gap) {
        self.continued(gap);
        match self.last {
            Last::Start => {}
            // The braces of a block of its own: here it cannot be joined to anything.
            Last::Open | Last::Comment => self.lines(1),
            Last::Close => self.lines(if self.depth == 0 { 2 } else { 1 }),
            Last::Import if gap.breaks > 0 => self.lines(gap.breaks.min(2)),
            Last::Word | Last::Import if self.out.ends_with(' ') => {}
            Last::Word | Last::Import => self.out.push(' '),
        }
        self.out.push('{');
        self.depth = (self.depth + 1).min(MAX_DEPTH);
        self.last = Last::Open;
    }

    fn close(&mut self, gap: &Gap) {
        self.continued(gap);
        self.depth = self.depth.saturating_sub(1);
        match self.last {
            Last::Start => {}
            _ if self.out.ends_with('\n') => self.indent(),
            _ => self.lines(1),
        }
        self.out.push('}');
        self.last = Last::Close;
    }

    fn text(&mut self, item: &Item<'_>) {
        let gap = &item.gap;
        self.continued(gap);
        let first_of_line = match (self.last, gap.breaks) {
            (Last::Start, _) => true,
            (Last::Open, _) => {
                self.lines(1);
                true
            }
            (Last::Close, 0) if self.depth == 0 => {
                self.lines(2);
                true
            }
            // Caddy sets off what follows an inner closing brace by the indentation of the line.
            (Last::Close, 0) => {
                self.indent();
                false
            }
            (_, 0) => {
                if gap.blank {
                    self.out.push(' ');
                }
                false
            }
            // Caddy counts the end of a comment apart, so that one more blank line may follow it.
            (Last::Comment, breaks) => {
                self.lines(breaks.min(3));
                true
            }
            (_, breaks) => {
                self.lines(breaks.min(2));
                true
            }
        };
        self.out.push_str(&item.text);
        self.last = match item.kind {
            Kind::Comment => Last::Comment,
            _ if first_of_line && self.depth == 0 && item.text == "import" => Last::Import,
            _ if self.last == Last::Import && !first_of_line => Last::Import,
            _ => Last::Word,
        };
    }

    /// Backslashes that continue a line of words; elsewhere they stand for nothing.
    fn continued(&mut self, gap: &Gap) {
        if matches!(self.last, Last::Word | Last::Import) {
            self.out.push_str(&gap.continued);
        }
    }

    fn lines(&mut self, count: usize) {
        self.out.extend(std::iter::repeat_n('\n', count));
        self.indent();
    }

    fn indent(&mut self) {
        self.out.extend(std::iter::repeat_n('\t', self.depth));
    }
}

#[cfg(test)]
mod tests;
