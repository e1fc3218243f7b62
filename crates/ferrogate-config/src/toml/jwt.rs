//! `[[jwt]]`

use super::line::{self, Lines};
use super::reader::{Reader, block};
use super::root::Draft;
use super::table::{Entry, Key, Shape, Table};
use crate::caddyfile::syntax::{Segment, Token};

/// An issuer of tokens as it is read.
#[derive(Default)]
pub(super) struct Issuer {
    name: Option<Token>,
    lines: Vec<Segment>,
}

impl Lines for Issuer {
    fn lines(&mut self) -> &mut Vec<Segment> {
        &mut self.lines
    }
}

/// Every key of an issuer of tokens.
pub(super) const JWT: Table<Issuer> = Table {
    title: "[[jwt]]",
    keys: &[
        Key::new(
            "issuer",
            Shape::Text,
            "Its name, exactly as its tokens say it in `iss`.",
            |r, e, i| i.name = Some(r.value(e)),
        ),
        Key::new(
            "jwks",
            Shape::Text,
            "Where its public keys are: `https`, or `http` on this machine.",
            line::one,
        ),
        Key::new(
            "audience",
            Shape::List,
            "Whom its tokens must be meant for (`aud`): one of these.",
            line::many,
        ),
        Key::new(
            "algorithms",
            Shape::List,
            "What its tokens may be signed with; RS256, ES256 and EdDSA by default.",
            line::many,
        ),
        Key::new(
            "tenant_claim",
            Shape::Text,
            "The claim with the tenant's id; a token without it is refused.",
            line::one,
        ),
        Key::new(
            "tenant",
            Shape::Text,
            "The tenant of every token, where no claim says it.",
            line::one,
        ),
        Key::new(
            "user_claim",
            Shape::Text,
            "The claim with the user's id; `sub` by default.",
            line::one,
        ),
        Key::new(
            "scope_claim",
            Shape::Text,
            "The claim with what the bearer may do: words in a text, or an array.",
            line::one,
        ),
        Key::new(
            "scope",
            Shape::List,
            "What words of that claim mean, each as `llm-users models.read chat.completions`.",
            line::lines_of_words,
        ),
        Key::new(
            "scopes",
            Shape::List,
            "What every bearer may do.",
            line::many,
        ),
        Key::new(
            "clock_skew",
            Shape::Duration,
            "How far its clock may be from this one; 60s by default, 10m at most.",
            line::one,
        ),
        Key::new(
            "refresh",
            Shape::Duration,
            "How often its keys are fetched; 1h by default.",
            line::one,
        ),
    ],
};

/// `[[jwt]]`
pub(super) fn read(reader: &mut Reader<'_, '_>, entry: &Entry<'_>, draft: &mut Draft) {
    for (at, table) in reader.tables(entry) {
        let mut issuer = Issuer::default();
        reader.table(&JWT, table, &mut issuer);
        let title = Token {
            at,
            ..entry.name.clone()
        };
        match issuer.name {
            Some(name) => draft.api_keys.push(block(title, vec![name], issuer.lines)),
            None => reader.missing(table, at, "jwt", "issuer", "https://id.example.com"),
        }
    }
}
