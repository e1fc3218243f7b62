//! Braces in the wrong place.

use super::{Diagnostic, Parser, Place, Quote, Token};
use crate::source::Span;

impl Parser<'_> {
    /// Complains about words that follow a brace on its line; they stay to be read.
    pub(super) fn end_of_line_after(&mut self, brace: &Token, code: &'static str, where_: &str) {
        if let Some(next) = self
            .input
            .last()
            .filter(|next| brace.same_line(next))
            .cloned()
        {
            self.say(
                next.at,
                Diagnostic::error(
                    code,
                    format!("unexpected `{}` {where_}", self.written(&next)),
                )
                .label("must begin a line of its own"),
            );
        }
    }

    pub(super) fn brace_on_its_own_line(&mut self, brace: &Token) {
        self.say(
            brace.at,
            Diagnostic::error("opening-brace", "an opening brace cannot begin a line")
                .label("belongs at the end of the line before"),
        );
    }

    /// `respond hi }`: the brace is put back to close its block.
    pub(super) fn brace_in_line(&mut self, brace: Token) {
        self.say(
            brace.at,
            Diagnostic::error(
                "closing-brace",
                "a closing brace must begin a line of its own",
            )
            .label("put this on the next line")
            .hint("to write the character itself, quote it: `\"}\"`"),
        );
        self.input.push(brace);
    }

    pub(super) fn empty_braces(&mut self, braces: &Token) {
        self.say(
            braces.at,
            Diagnostic::error("empty-braces", "an empty block needs two lines")
                .label("put `}` on the next line, or leave the braces out"),
        );
    }

    pub(super) fn surplus_brace(&mut self, brace: &Token, hint: &str) {
        self.say(
            brace.at,
            Diagnostic::error("surplus-brace", "this closing brace closes nothing")
                .label("no block is open here")
                .hint(hint),
        );
    }

    /// `site{`: takes the brace off the word and returns it.
    pub(super) fn glued_brace(&mut self, token: &mut Token) -> Option<Token> {
        if token.quote != Quote::None || token.text.len() < 2 {
            return None;
        }
        let name = token.text.strip_suffix('{')?;
        // `{args[0]}{` and the like are left to whoever reads the word.
        if self.input.last().is_some_and(|next| token.same_line(next)) {
            return None;
        }
        let span = Span {
            start: token.at.span.end.saturating_sub(1),
            ..token.at.span
        };
        let open = Token {
            text: "{".into(),
            at: Place { span, ..token.at },
            ..token.clone()
        };
        self.say(
            open.at,
            Diagnostic::error(
                "glued-brace",
                format!("a blank is missing between `{name}` and the brace"),
            )
            .label("put a blank before this"),
        );
        token.text = name.into();
        token.at.span.end = span.start;
        Some(open)
    }

    /// A word as it stands in the file: a variable is shown by its name, never by its value.
    pub(super) fn written(&self, token: &Token) -> String {
        if token.expanded {
            self.report.sources().text(token.at.span).to_owned()
        } else {
            token.text.to_string()
        }
    }
}
