//! `tls`: a site's certificate.

use super::body::Body;
use super::context::Cx;
use super::line::Line;
use super::pem::PemKind;
use super::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::CertificateFiles;

const KIND: Kind = Kind {
    noun: "TLS option",
    place: "in `tls`",
};
const INSTEAD: &str = "give certificate files: `tls CERTIFICATE KEY`";

/// Every option of `tls`; none works yet.
pub(crate) const OPTIONS: &[Row<()>] = &[
    Row::later("protocols", "TLS 1.2 and 1.3 are spoken"),
    Row::later("ciphers", "safe suites are chosen"),
    Row::later("curves", "safe curves are chosen"),
    Row::later(
        "alpn",
        "use `servers { protocols ... }` in the global options",
    ),
    Row::later("load", INSTEAD),
    Row::later("ca", INSTEAD),
    Row::later("ca_root", INSTEAD),
    Row::later("eab", INSTEAD),
    Row::later("key_type", INSTEAD),
    Row::later("dns", INSTEAD),
    Row::later("resolvers", INSTEAD),
    Row::later("propagation_delay", INSTEAD),
    Row::later("propagation_timeout", INSTEAD),
    Row::later("dns_ttl", INSTEAD),
    Row::later("dns_challenge_override_domain", INSTEAD),
    Row::later("on_demand", INSTEAD),
    Row::later("reuse_private_keys", INSTEAD),
    Row::later("force_automate", INSTEAD),
    Row::later("renewal_window_ratio", INSTEAD),
    Row::later("client_auth", ""),
    Row::later("issuer", INSTEAD),
    Row::later("storage", INSTEAD),
    Row::never(
        "get_certificate",
        "certificate managers are plugins of Caddy",
    ),
    Row::never(
        "insecure_secrets_log",
        "it would write the keys of connections to a file",
    ),
];

pub(crate) fn directive(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    body.site.tls_at = Some(line.at());
    let Some((args, block)) = line.with_block(cx, 0..=2) else {
        return;
    };
    if let Some(block) = block {
        cx.run_block(block, KIND, OPTIONS, &mut ());
    }
    match args {
        [certificate, key] => {
            let certificate = cx.pem(certificate, PemKind::Certificate);
            let key = cx.pem(key, PemKind::Key);
            body.site.certificate = certificate
                .zip(key)
                .map(|(certificate, key)| CertificateFiles { certificate, key });
        }
        [mode] => {
            let shown = cx.shown(mode);
            let what = if &*mode.text == "internal" {
                "the internal authority"
            } else {
                "automatic HTTPS"
            };
            cx.say(
                mode.at,
                Diagnostic::error(
                    "not-available",
                    format!("`tls {shown}`: {what} is not available yet"),
                )
                .label("not available yet")
                .hint(INSTEAD),
            );
        }
        _ if block.is_none_or(|block| block.segments.is_empty()) => cx.say(
            line.at(),
            Diagnostic::error("argument-count", "`tls` says nothing")
                .label("no certificate is named")
                .hint(line.syntax()),
        ),
        _ => {}
    }
}
