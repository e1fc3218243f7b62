//! `[rate_limit]`

use super::holder;
use super::line;
use super::reader::{Reader, block};
use super::root::Draft;
use super::table::{Entry, Key, Shape, Table};
use crate::caddyfile::syntax::Segment;

/// Lines of a block.
type Lines = Vec<Segment>;

/// Everybody who can be limited.
pub(super) const RATE_LIMIT: Table<Lines> = Table {
    title: "[rate_limit]",
    keys: &[
        Key::new(
            "ip",
            Shape::Table,
            "Each address that calls come from; of IPv6 each /64.",
            |r, e, s| line::nested(r, e, &IP, s),
        ),
        Key::new(
            "key",
            Shape::Table,
            "Each key, besides the limits of its own.",
            |r, e, s| line::nested(r, e, &KEY, s),
        ),
        Key::new(
            "user",
            Shape::Table,
            "Each user, of keys and of tokens, within their tenant.",
            |r, e, s| line::nested(r, e, &USER, s),
        ),
        Key::new(
            "tenant",
            Shape::Table,
            "Each tenant with all below it, besides the limits of its own.",
            |r, e, s| line::nested(r, e, &TENANT, s),
        ),
        Key::new(
            "model",
            Shape::Table,
            "Each model, whoever calls it.",
            |r, e, s| line::nested(r, e, &MODEL, s),
        ),
        Key::new(
            "global",
            Shape::Table,
            "All calls of the gateway together.",
            |r, e, s| line::nested(r, e, &GLOBAL, s),
        ),
    ],
};

pub(super) const IP: Table<Lines> = limits("[rate_limit.ip]");
pub(super) const KEY: Table<Lines> = limits("[rate_limit.key]");
pub(super) const USER: Table<Lines> = limits("[rate_limit.user]");
pub(super) const TENANT: Table<Lines> = limits("[rate_limit.tenant]");
pub(super) const MODEL: Table<Lines> = limits("[rate_limit.model]");
pub(super) const GLOBAL: Table<Lines> = limits("[rate_limit.global]");

/// Every limit of one of them.
const fn limits(title: &'static str) -> Table<Lines> {
    Table {
        title,
        keys: LIMITS,
    }
}

const LIMITS: &[Key<Lines>] = &[
    holder::request_limit(),
    holder::token_limit(),
    holder::max_concurrency(),
];

/// `[rate_limit]`
pub(super) fn read(reader: &mut Reader<'_, '_>, entry: &Entry<'_>, draft: &mut Draft) {
    let mut lines = Vec::new();
    reader.inner(&RATE_LIMIT, entry, &mut lines);
    draft
        .api_keys
        .push(block(entry.name.clone(), Vec::new(), lines));
}
