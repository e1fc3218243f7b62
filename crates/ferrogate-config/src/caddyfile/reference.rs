//! Everything a Caddyfile can say, from the tables that read it.

use super::directives::DIRECTIVES;
use super::table::{Row, Run};
use super::{
    access_log, ai, copy_response, encode, file_server, global, header, intercept, interface, log,
    matcher, proxy, request_body, respond, servers, tls,
};

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
    table(
        "servers listener_wrappers",
        servers::wrapper::OPTIONS,
        &mut out,
    );
    table(
        "servers listener_wrappers proxy_protocol",
        servers::wrapper::PROXY_PROTOCOL_OPTIONS,
        &mut out,
    );
    table("global log", log::GLOBAL_OPTIONS, &mut out);
    table("state", global::state::OPTIONS, &mut out);
    table("pki", global::pki::OPTIONS, &mut out);
    table("pki ca", global::pki::CA_OPTIONS, &mut out);
    table("matcher", matcher::MATCHERS, &mut out);
    table("response matcher", matcher::RESPONSE_MATCHERS, &mut out);
    out.extend(
        DIRECTIVES
            .iter()
            .map(|directive| entry("site", &directive.row)),
    );
    table("respond", respond::RESPOND_OPTIONS, &mut out);
    table("error", respond::ERROR_OPTIONS, &mut out);
    table("encode", encode::OPTIONS, &mut out);
    table("encode zstd", encode::ZSTD_OPTIONS, &mut out);
    table("file_server", file_server::OPTIONS, &mut out);
    table("file_server browse", file_server::BROWSE_OPTIONS, &mut out);
    table("try_files", matcher::TRY_FILES_OPTIONS, &mut out);
    table("matcher file", matcher::FILE_OPTIONS, &mut out);
    table("request_body", request_body::OPTIONS, &mut out);
    table("timeouts", request_body::TIMEOUT_OPTIONS, &mut out);
    table("tracing", access_log::TRACING_OPTIONS, &mut out);
    table("metrics", respond::METRICS_OPTIONS, &mut out);
    table("header", header::OPTIONS, &mut out);
    table("intercept", intercept::OPTIONS, &mut out);
    table(
        "copy_response_headers",
        copy_response::FIELD_OPTIONS,
        &mut out,
    );
    table("log", log::OPTIONS, &mut out);
    table("log sampling", log::SAMPLING_OPTIONS, &mut out);
    table("log output file", log::output::FILE_OPTIONS, &mut out);
    table("log output net", log::output::NET_OPTIONS, &mut out);
    table("log format", log::encoder::OPTIONS, &mut out);
    table("log format filter", log::filter::FILTERS, &mut out);
    table("log format filter query", log::filter::ACTIONS, &mut out);
    table("tls", tls::OPTIONS, &mut out);
    table("tls client_auth", tls::client_auth::OPTIONS, &mut out);
    table(
        "tls client_auth verifier",
        tls::client_auth::LOADERS,
        &mut out,
    );
    table("trust_pool", tls::trust::SOURCES, &mut out);
    table("issuer acme", tls::issuer::ACME_OPTIONS, &mut out);
    table("issuer internal", tls::issuer::INTERNAL_OPTIONS, &mut out);
    table("issuer zerossl", tls::issuer::ZEROSSL_OPTIONS, &mut out);
    table("bind", interface::OPTIONS, &mut out);
    table("forward_auth", proxy::forward_auth::OPTIONS, &mut out);
    table("reverse_proxy", proxy::OPTIONS, &mut out);
    table("dynamic", proxy::dynamic::SOURCES, &mut out);
    table("dynamic a", proxy::dynamic::A_OPTIONS, &mut out);
    table("dynamic srv", proxy::dynamic::SRV_OPTIONS, &mut out);
    table("cookie", proxy::balance::COOKIE_OPTIONS, &mut out);
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
        ai::provider::limits::TIMEOUT_OPTIONS,
        &mut out,
    );
    table(
        "ai_gateway provider retry",
        ai::provider::limits::RETRY_OPTIONS,
        &mut out,
    );
    table(
        "ai_gateway provider circuit_breaker",
        ai::provider::limits::BREAKER_OPTIONS,
        &mut out,
    );
    table(
        "ai_gateway provider health",
        ai::provider::capacity::HEALTH_OPTIONS,
        &mut out,
    );
    table("ai_gateway model", ai::model::OPTIONS, &mut out);
    table(
        "ai_gateway model target",
        ai::model::target::OPTIONS,
        &mut out,
    );
    table("ai_gateway policy", ai::policy::OPTIONS, &mut out);
    table("ai_gateway tenant", ai::tenant::OPTIONS, &mut out);
    table("ai_gateway api_key", ai::key::OPTIONS, &mut out);
    table("ai_gateway jwt", ai::jwt::OPTIONS, &mut out);
    table("ai_gateway rate_limit", ai::rate_limit::OPTIONS, &mut out);
    table("ai_gateway rate_limit ip", ai::rate_limit::LIMITS, &mut out);
    out
}

fn table<S>(block: &'static str, rows: &[Row<S>], out: &mut Vec<ReferenceEntry>) {
    out.extend(rows.iter().map(|row| entry(block, row)));
}

fn entry<S>(block: &'static str, row: &Row<S>) -> ReferenceEntry {
    let (doc, available) = match row.run {
        Run::Do(_) => (row.doc, true),
        Run::Later(instead) => (instead, false),
        Run::Never(reason, _) => (reason, false),
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
