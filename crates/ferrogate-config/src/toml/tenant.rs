//! `[[tenants]]`

use super::holder;
use super::line::{self, Lines};
use super::reader::{Reader, block};
use super::root::Draft;
use super::table::{Entry, Key, Shape, Table};
use crate::caddyfile::syntax::{Segment, Token};

/// A tenant as it is read.
#[derive(Default)]
pub(super) struct Tenant {
    id: Option<Token>,
    parent: Option<Token>,
    lines: Vec<Segment>,
}

impl Lines for Tenant {
    fn lines(&mut self) -> &mut Vec<Segment> {
        &mut self.lines
    }
}

/// Every key of a tenant.
pub(super) const TENANT: Table<Tenant> = Table {
    title: "[[tenants]]",
    keys: &[
        Key::new("id", Shape::Text, "Its id.", |r, e, t| {
            t.id = Some(r.value(e));
        }),
        Key::new("parent", Shape::Text, "The tenant above it.", |r, e, t| {
            t.parent = Some(r.value(e));
        }),
        holder::name(),
        holder::enabled(),
        holder::allowed_models(),
        holder::denied_models(),
        holder::allowed_providers(),
        holder::denied_providers(),
        holder::allowed_ips(),
        holder::request_limit(),
        holder::token_limit(),
        holder::max_concurrency(),
        holder::monthly_token_budget(),
        holder::budgets(),
    ],
};

/// `[[tenants]]`
pub(super) fn read(reader: &mut Reader<'_, '_>, entry: &Entry<'_>, draft: &mut Draft) {
    for (at, table) in reader.tables(entry) {
        let mut tenant = Tenant::default();
        reader.table(&TENANT, table, &mut tenant);
        let title = Token {
            at,
            ..line::named("tenant", entry)
        };
        let Some(id) = tenant.id else {
            reader.missing(table, at, "tenants", "id", "acme");
            continue;
        };
        let mut words = vec![id];
        if let Some(parent) = tenant.parent {
            words.extend([line::named("in", entry), parent]);
        }
        draft.api_keys.push(block(title, words, tenant.lines));
    }
}
