//! Versions of HTTP, for servers and for single interfaces.

use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::model::ServerOptions;

/// The versions of HTTP that a listener speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Protocols {
    h1: bool,
    h2: bool,
    h2c: bool,
    h3: bool,
}

impl Protocols {
    pub(crate) fn apply(self, options: &mut ServerOptions) {
        (options.h1, options.h2) = (self.h1, self.h2);
        (options.h2c, options.h3) = (self.h2c, self.h3);
    }
}

/// Reads `protocols h1 [h2] [h2c] [h3]`.
pub(crate) fn read(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<Protocols> {
    type Set = fn(&mut Protocols);
    const PROTOCOLS: &[(&str, Set)] = &[
        ("h1", |protocols| protocols.h1 = true),
        ("h2", |protocols| protocols.h2 = true),
        ("h2c", |protocols| protocols.h2c = true),
        ("h3", |protocols| protocols.h3 = true),
    ];
    let words = line.list(cx, 1..=4)?;
    let mut protocols = Protocols::default();
    for word in words {
        if let Some(set) = cx.one_of(word, "protocol", PROTOCOLS) {
            set(&mut protocols);
        }
        if word.is_word("h3") {
            cx.unavailable(word.at, "HTTP/3", "leave `h3` out");
        }
    }
    Some(protocols)
}
