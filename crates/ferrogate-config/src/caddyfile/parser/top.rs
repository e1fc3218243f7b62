//! The top level of a file: global options, snippets, sites.

use super::{Block, Diagnostic, NamedBlock, Parser, Place, Quote, SiteBlock, Token, directives};
use crate::source::Span;

impl Parser<'_> {
    pub(super) fn top_level(&mut self) {
        let mut first = true;
        while let Some(token) = self.input.pop() {
            if token.is_brace("}") {
                self.surplus_brace(&token, "");
            } else if token.is_brace("{") {
                self.global(&token, first);
                first = false;
            } else if token.is_word("import") {
                self.import(&token);
            } else {
                self.site(token);
                first = false;
            }
        }
    }

    pub(super) fn warn_unused_snippets(&mut self) {
        let unused: Vec<Token> = self.snippets.unused().cloned().collect();
        for token in unused {
            self.say(
                token.at,
                Diagnostic::warning(
                    "unused-snippet",
                    format!("snippet `{}` is never imported", token.text),
                )
                .label("what stands in it is not checked"),
            );
        }
    }

    fn global(&mut self, open: &Token, first: bool) {
        let block = self.block(open, 0);
        if first && self.tree.global.is_none() {
            self.tree.global = Some(block);
        } else {
            self.say(
                open.at,
                Diagnostic::error(
                    "global-options-place",
                    "the block of global options must come first, and only once",
                )
                .label("a block without an address before it")
                .hint("if this is meant to be a site, write its address before the brace"),
            );
        }
    }

    fn site(&mut self, first: Token) {
        let Some((addresses, open)) = self.addresses(first) else {
            return;
        };
        let [only] = addresses.as_slice() else {
            return self.site_body(addresses, open);
        };
        let text = only.text.clone();
        let bare = only.quote == Quote::None;
        if text.starts_with("&(") && text.ends_with(')') && bare {
            self.named_route(only.clone(), open.as_ref());
        } else if let Some(name) = text
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'))
            .filter(|_| bare)
        {
            self.snippet(name, only, open.as_ref());
        } else {
            self.site_body(addresses, open);
        }
    }

    fn named_route(&mut self, name: Token, open: Option<&Token>) {
        let Some(open) = open else {
            self.say(
                name.at,
                Diagnostic::error(
                    "route-block",
                    format!("named route `{}` has no block", name.text),
                )
                .label("an opening brace must follow on this line"),
            );
            return;
        };
        let body = self.block(open, 0);
        if &*name.text == "&()" {
            self.say(
                name.at,
                Diagnostic::error("route-name", "a named route needs a name")
                    .label("write `&(name)`"),
            );
            return;
        }
        self.tree.named.push(NamedBlock { name, body });
    }

    fn snippet(&mut self, name: &str, token: &Token, open: Option<&Token>) {
        let Some(open) = open else {
            self.say(
                token.at,
                Diagnostic::error("snippet-block", format!("snippet `{name}` has no block"))
                    .label("an opening brace must follow on this line"),
            );
            return;
        };
        let body = self.raw_block(open.at);
        if name.is_empty() {
            self.say(
                token.at,
                Diagnostic::error("snippet-name", "a snippet needs a name").label("write `(name)`"),
            );
        } else if let Some(earlier) = self.snippets.define(name.into(), token.clone(), body) {
            self.say(
                token.at,
                Diagnostic::error(
                    "duplicate-snippet",
                    format!("snippet `{name}` is defined twice"),
                )
                .label("second definition")
                .also(earlier.span, "first definition"),
            );
        }
    }

    fn site_body(&mut self, addresses: Vec<Token>, open: Option<Token>) {
        let body = match open {
            Some(open) => self.block(&open, 0),
            None => self.body(None, 0),
        };
        self.tree.sites.push(SiteBlock { addresses, body });
    }

    /// The addresses before a brace, and the brace; `None` when this is no site.
    fn addresses(&mut self, first: Token) -> Option<(Vec<Token>, Option<Token>)> {
        let outside = if first.text.starts_with('@') && first.quote == Quote::None {
            Some(("matcher", "define it in the site that uses it"))
        } else if first.quote == Quote::None && directives::is_name(&first.text) {
            Some((
                "directive",
                "a file begins with an address, for instance `:8080 {`",
            ))
        } else {
            None
        };
        if let Some((what, hint)) = outside {
            self.say(
                first.at,
                Diagnostic::error(
                    "outside-site",
                    format!("{what} `{}` stands outside a site", first.text),
                )
                .label("not an address")
                .hint(hint),
            );
            self.segment(first, 0);
            return None;
        }
        let mut addresses = Vec::new();
        let mut next = Some(first);
        let mut last: Option<Token> = None;
        let mut comma = false;
        while let Some(mut token) = next {
            if let Some(brace) = Some(&token).filter(|token| token.is_brace("{")) {
                self.pending_comma(comma, last.as_ref());
                return Some((addresses, Some(brace.clone())));
            }
            if token.is_word("{}") {
                self.empty_braces(&token);
                self.tree.sites.push(SiteBlock {
                    addresses,
                    body: Block {
                        segments: Vec::new(),
                    },
                });
                return None;
            }
            last = Some(token.clone());
            let glued = self.glued_brace(&mut token);
            comma = self.address(&token, &mut addresses);
            if glued.is_some() {
                return Some((addresses, glued));
            }
            let here = last.clone()?;
            next = if comma {
                self.input.pop()
            } else {
                self.next_on_line(&here)
            };
        }
        self.pending_comma(comma, last.as_ref());
        if let Some(open) = self.input.pop_if(|next| next.is_brace("{")) {
            self.brace_on_its_own_line(&open);
            return Some((addresses, Some(open)));
        }
        Some((addresses, None))
    }

    /// Takes one word of an address line; whether it announces another address.
    fn address(&mut self, token: &Token, addresses: &mut Vec<Token>) -> bool {
        let comma = token.text.ends_with(',');
        let text = token.text.strip_suffix(',').unwrap_or(&token.text);
        let inner: Vec<&str> = text.split(',').filter(|part| !part.is_empty()).collect();
        if inner.len() > 1 {
            let at = self
                .report
                .sources()
                .text(token.at.span)
                .find(',')
                .unwrap_or(0);
            let start = token.at.span.start + u32::try_from(at).unwrap_or(0);
            let span = Span {
                start,
                end: start + 1,
                ..token.at.span
            };
            self.say(
                Place { span, ..token.at },
                Diagnostic::error("address-comma", "a blank is missing after this comma")
                    .label("addresses are separated by a comma and a blank"),
            );
        }
        for part in inner {
            addresses.push(Token {
                text: part.into(),
                ..token.clone()
            });
        }
        comma
    }

    fn pending_comma(&mut self, comma: bool, last: Option<&Token>) {
        if let Some(last) = last.filter(|_| comma) {
            self.say(
                last.at,
                Diagnostic::error(
                    "address-comma",
                    "another address is expected after the comma",
                )
                .label("leave the comma out, or write one more address"),
            );
        }
    }
}
