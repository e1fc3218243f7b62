//! Everything a TOML configuration can say, from the tables that read it.

use super::api_key::API_KEY;
use super::jwt::JWT;
use super::limits::{BREAKER, HEALTH, RETRY, TIMEOUT};
use super::model::MODEL;
use super::policy::POLICY;
use super::provider::{POOL_KEY, PROVIDER};
use super::rate_limit::{self, RATE_LIMIT};
use super::reliability::RELIABILITY;
use super::root::ROOT;
use super::route::ROUTE;
use super::settings::{ADMIN, AI_GATEWAY, STORAGE, TELEMETRY};
use super::state::STATE;
use super::table::{Read, Shape, Table};
use super::target::{FALLBACK, TARGET, TARGET_RETRY, TARGET_TIMEOUT};
use super::tenant::TENANT;
use super::tls::{ACME, TLS};
use super::upstream::UPSTREAM;
use crate::caddyfile::ReferenceEntry;

/// A table with its keys.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) keys: Vec<SectionKey>,
}

/// A key of a table, whatever its line changes.
pub(super) struct SectionKey {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) doc: &'static str,
    pub(super) available: bool,
}

/// Every table.
pub(super) fn sections() -> Vec<Section> {
    vec![
        section(&ROOT),
        section(&ADMIN),
        section(&TLS),
        section(&ACME),
        section(&TELEMETRY),
        section(&STORAGE),
        section(&RELIABILITY),
        section(&AI_GATEWAY),
        section(&UPSTREAM),
        section(&ROUTE),
        section(&PROVIDER),
        section(&POOL_KEY),
        section(&TIMEOUT),
        section(&RETRY),
        section(&BREAKER),
        section(&HEALTH),
        section(&MODEL),
        section(&TARGET),
        section(&TARGET_TIMEOUT),
        section(&TARGET_RETRY),
        section(&FALLBACK),
        section(&API_KEY),
        section(&TENANT),
        section(&POLICY),
        section(&JWT),
        section(&RATE_LIMIT),
        section(&rate_limit::IP),
        section(&rate_limit::KEY),
        section(&rate_limit::USER),
        section(&rate_limit::TENANT),
        section(&rate_limit::MODEL),
        section(&rate_limit::GLOBAL),
        section(&STATE),
    ]
}

/// Every key, table by table; its syntax is the type of its value.
pub fn toml_reference() -> Vec<ReferenceEntry> {
    let entry = |title, key: SectionKey| ReferenceEntry {
        block: title,
        name: key.name,
        syntax: if key.available {
            key.shape.expected()
        } else {
            ""
        },
        doc: key.doc,
        available: key.available,
    };
    sections()
        .into_iter()
        .flat_map(|section| {
            let title = section.title;
            section.keys.into_iter().map(move |key| entry(title, key))
        })
        .collect()
}

fn section<S>(table: &'static Table<S>) -> Section {
    let keys = table.keys.iter().map(|key| {
        let (doc, available) = match key.read {
            Read::Do(_) => (key.doc, key.shape != Shape::Any),
            Read::NoEffect => (key.doc, false),
            Read::Later(instead) => (instead, false),
        };
        SectionKey {
            name: key.name,
            shape: key.shape,
            doc,
            available,
        }
    });
    Section {
        title: table.title,
        keys: keys.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_available_key_says_what_it_does() {
        for entry in toml_reference().iter().filter(|entry| entry.available) {
            assert!(
                entry.doc.ends_with('.') && !entry.syntax.is_empty(),
                "{entry:?}"
            );
        }
    }

    #[test]
    fn keys_are_unique_in_their_table() {
        let mut names: Vec<_> = toml_reference()
            .iter()
            .map(|entry| (entry.block, entry.name))
            .collect();
        names.sort_unstable();
        names
            .windows(2)
            .for_each(|pair| assert_ne!(pair[0], pair[1]));
    }
}
