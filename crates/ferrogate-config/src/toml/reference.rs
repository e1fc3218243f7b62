//! Everything a TOML configuration can say, from the tables that read it.

use super::api_key::API_KEY;
use super::model::{FALLBACK, MODEL, TARGET};
use super::provider::{BREAKER, PROVIDER, RETRY, TIMEOUT};
use super::reliability::RELIABILITY;
use super::root::ROOT;
use super::route::ROUTE;
use super::settings::{ADMIN, AI_GATEWAY, STORAGE, TELEMETRY};
use super::table::{Read, Shape, Table};
use super::tls::{ACME, TLS};
use super::upstream::UPSTREAM;
use crate::caddyfile::ReferenceEntry;

/// Every key, table by table; its syntax is the type of its value.
pub fn toml_reference() -> Vec<ReferenceEntry> {
    let mut out = Vec::new();
    table(&ROOT, &mut out);
    table(&ADMIN, &mut out);
    table(&TLS, &mut out);
    table(&ACME, &mut out);
    table(&TELEMETRY, &mut out);
    table(&STORAGE, &mut out);
    table(&RELIABILITY, &mut out);
    table(&AI_GATEWAY, &mut out);
    table(&UPSTREAM, &mut out);
    table(&ROUTE, &mut out);
    table(&PROVIDER, &mut out);
    table(&TIMEOUT, &mut out);
    table(&RETRY, &mut out);
    table(&BREAKER, &mut out);
    table(&MODEL, &mut out);
    table(&TARGET, &mut out);
    table(&FALLBACK, &mut out);
    table(&API_KEY, &mut out);
    out
}

fn table<S>(table: &'static Table<S>, out: &mut Vec<ReferenceEntry>) {
    out.extend(table.keys.iter().map(|key| {
        let (doc, available) = match key.read {
            Read::Do(_) => (key.doc, key.shape != Shape::Any),
            Read::NoEffect => (key.doc, false),
            Read::Later(instead) => (instead, false),
        };
        let syntax = if available { key.shape.expected() } else { "" };
        ReferenceEntry {
            block: table.title,
            name: key.name,
            syntax,
            doc,
            available,
        }
    }));
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
