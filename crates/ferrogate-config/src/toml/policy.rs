//! `[[policies]]`

use super::line::{self, Lines};
use super::reader::{Reader, block};
use super::root::Draft;
use super::table::{Entry, Key, Shape, Table};
use crate::caddyfile::syntax::{Segment, Token};

/// A policy as it is read.
#[derive(Default)]
pub(super) struct Policy {
    name: Option<Token>,
    lines: Vec<Segment>,
}

impl Lines for Policy {
    fn lines(&mut self) -> &mut Vec<Segment> {
        &mut self.lines
    }
}

/// Every key of a policy.
pub(super) const POLICY: Table<Policy> = Table {
    title: "[[policies]]",
    keys: &[
        Key::new("name", Shape::Text, "Its name.", |r, e, p| {
            p.name = Some(r.value(e));
        }),
        Key::new("effect", Shape::Text, "`allow` or `deny`.", line::one),
        Key::new(
            "tenants",
            Shape::List,
            "Of whom; with all below them.",
            line::many,
        ),
        Key::new("keys", Shape::List, "Of whose key.", line::many),
        Key::new("models", Shape::List, "Of what model.", line::many),
        Key::new("providers", Shape::List, "At what provider.", line::many),
        Key::new("surfaces", Shape::List, "Over what surface.", line::many),
        Key::new("scopes", Shape::List, "By what permission.", line::many),
        Key::new("ips", Shape::List, "From where.", line::many),
        Key::new(
            "hours",
            Shape::List,
            "When, each as `mon-fri 09:00-17:00 Europe/Berlin`.",
            line::lines_of_words,
        ),
        Key::new(
            "code",
            Shape::Text,
            "What the refusal is called.",
            line::one,
        ),
        Key::new("message", Shape::Text, "What the refusal says.", line::one),
        Key::new(
            "dry_run",
            Shape::Flag,
            "Decides nothing, and logs where it would have.",
            line::flag,
        ),
    ],
};

/// `[[policies]]`
pub(super) fn read(reader: &mut Reader<'_, '_>, entry: &Entry<'_>, draft: &mut Draft) {
    for (at, table) in reader.tables(entry) {
        let mut policy = Policy::default();
        reader.table(&POLICY, table, &mut policy);
        let title = Token {
            at,
            ..line::named("policy", entry)
        };
        match policy.name {
            Some(name) => draft.api_keys.push(block(title, vec![name], policy.lines)),
            None => reader.missing(table, at, "policies", "name", "no-images"),
        }
    }
}
