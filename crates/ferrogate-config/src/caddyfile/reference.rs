//! Everything a Caddyfile can say, from the tables that read it.

use super::directives::DIRECTIVES;
use super::table::{Row, Run};
use super::{ai, global, log, matcher, proxy, respond, servers, tls};

/// A name of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReferenceEntry {
    /// The block it stands in: `site`, `reverse_proxy`, `ai_gateway provider`.
    pub block: &'static str,
    /// The name.
    pub name: &'static str,
    /// How its line is written; empty while it is not available.
    pub syntax: &'static str,
    /// What it does, in one line; for a refused name, the reason or what to use instead.
    pub doc: &'static str,
    /// Whether this version has it.
    pub available: bool,
}

/// Every name of the language, block by block; directives in the order in which they take effect.
pub fn reference() -> Vec<ReferenceEntry> {
    let mut out = Vec::new();
    table("global options", global::OPTIONS, &mut out);
    table("servers", servers::OPTIONS, &mut out);
    table("servers timeouts", servers::TIMEOUT_OPTIONS, &mut out);
    table("matcher", matcher::MATCHERS, &mut out);
    out.extend(
        DIRECTIVES
            .iter()
            .map(|directive| entry("site", &directive.row)),
    );
    table("respond", respond::RESPOND_OPTIONS, &mut out);
    table("error", respond::ERROR_OPTIONS, &mut out);
    table("log", log::OPTIONS, &mut out);
    table("tls", tls::OPTIONS, &mut out);
    table("reverse_proxy", proxy::OPTIONS, &mut out);
    table(
        "reverse_proxy lb_policy",
        proxy::balance::POLICIES,
        &mut out,
    );
    table(
        "reverse_proxy transport",
        proxy::transport::OPTIONS,
        &mut out,
    );
    table("ai_gateway", ai::OPTIONS, &mut out);
    table("ai_gateway provider", ai::provider::OPTIONS, &mut out);
    table(
        "ai_gateway provider timeout",
        ai::provider::TIMEOUT_OPTIONS,
        &mut out,
    );
    table(
        "ai_gateway provider retry",
        ai::provider::RETRY_OPTIONS,
        &mut out,
    );
    table(
        "ai_gateway provider circuit_breaker",
        ai::provider::BREAKER_OPTIONS,
        &mut out,
    );
    table("ai_gateway model", ai::model::OPTIONS, &mut out);
    table("ai_gateway api_key", ai::key::OPTIONS, &mut out);
    out
}

fn table<S>(block: &'static str, rows: &[Row<S>], out: &mut Vec<ReferenceEntry>) {
    out.extend(rows.iter().map(|row| entry(block, row)));
}

fn entry<S>(block: &'static str, row: &Row<S>) -> ReferenceEntry {
    let (doc, available) = match row.run {
        Run::Do(_) => (row.doc, true),
        Run::Later(instead) => (instead, false),
        Run::Never(reason) => (reason, false),
    };
    ReferenceEntry {
        block,
        name: row.name,
        syntax: row.syntax,
        doc,
        available,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_available_name_says_how_and_what() {
        for entry in reference().iter().filter(|entry| entry.available) {
            assert!(entry.syntax.contains(entry.name), "{entry:?}");
            assert!(entry.doc.ends_with('.'), "{entry:?}");
        }
    }

    #[test]
    fn names_are_unique_in_their_block() {
        let mut names: Vec<_> = reference()
            .iter()
            .map(|entry| (entry.block, entry.name))
            .collect();
        names.sort_unstable();
        names
            .windows(2)
            .for_each(|pair| assert_ne!(pair[0], pair[1]));
    }
}
