//! Versions, suites, groups and protocols of TLS connections.

use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::diagnostic::Diagnostic;
use crate::model::{ConnectionPolicy, TlsVersion};

/// Suites of TLS 1.2 that are safe and that rustls has.
const SUITES: &[(&str, ())] = &[
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", ()),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", ()),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", ()),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", ()),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", ()),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", ()),
];

/// Key exchange groups that Caddy has.
const GROUPS: &[(&str, ())] = &[
    ("x25519mlkem768", ()),
    ("x25519", ()),
    ("secp256r1", ()),
    ("secp384r1", ()),
    ("secp521r1", ()),
];

const VERSIONS: &[(&str, TlsVersion)] =
    &[("tls1.2", TlsVersion::Tls12), ("tls1.3", TlsVersion::Tls13)];

const PROTOCOLS: &[(&str, ())] = &[("h3", ()), ("h2", ()), ("http/1.1", ())];

/// `protocols MIN [MAX]`
pub(super) fn protocols(cx: &mut Cx<'_>, line: &Line<'_>, policy: &mut ConnectionPolicy) {
    cx.unavailable(
        line.at(),
        "a choice of TLS versions",
        "leave it out: TLS 1.2 and 1.3 are spoken",
    );
    let words = line.list(cx, 1..=2).unwrap_or_default();
    let mut versions = words
        .iter()
        .map(|word| cx.one_of(word, "version of TLS", VERSIONS));
    policy.min_version = versions.next().flatten();
    policy.max_version = versions.next().flatten();
    if let (Some(min), Some(max)) = (policy.min_version, policy.max_version)
        && min > max
    {
        cx.say(
            line.at(),
            Diagnostic::error(
                "invalid-value",
                "the oldest version is newer than the newest",
            )
            .label("write the older version first"),
        );
    }
}

/// `ciphers SUITE...`
pub(super) fn ciphers(cx: &mut Cx<'_>, line: &Line<'_>, policy: &mut ConnectionPolicy) {
    cx.unavailable(
        line.at(),
        "a choice of cipher suites",
        "leave it out: only safe suites are spoken",
    );
    for word in line.list(cx, 1..=usize::MAX).unwrap_or_default() {
        let text: &str = &word.text;
        let weak = text.starts_with("TLS_RSA_") || text.contains("_CBC_");
        let newer = text.starts_with("TLS_AES_") || text.starts_with("TLS_CHACHA20_");
        if weak || newer {
            let (label, hint) = if weak {
                (
                    "no forward secrecy, or no AEAD",
                    "leave it out: rustls has only safe suites",
                )
            } else {
                (
                    "belongs to TLS 1.3",
                    "leave it out: the suites of TLS 1.3 cannot be chosen",
                )
            };
            let shown = cx.shown(word);
            cx.say(
                word.at,
                Diagnostic::error("not-supported", format!("suite `{shown}` is not supported"))
                    .label(label)
                    .hint(hint),
            );
        } else if cx.one_of(word, "cipher suite", SUITES).is_some() {
            policy.ciphers.push(text.to_owned());
        }
    }
}

/// `curves GROUP...`, also those of upstreams.
pub(crate) fn curves(cx: &mut Cx<'_>, line: &Line<'_>) -> Vec<String> {
    names(cx, line, "key exchange group", GROUPS)
}

/// `alpn PROTOCOL...`
pub(super) fn alpn(cx: &mut Cx<'_>, line: &Line<'_>, policy: &mut ConnectionPolicy) {
    cx.unavailable(
        line.at(),
        "a choice of ALPN protocols",
        "use `servers { protocols ... }` in the global options",
    );
    policy.alpn = names(cx, line, "protocol", PROTOCOLS);
}

fn names(
    cx: &mut Cx<'_>,
    line: &Line<'_>,
    what: &str,
    table: &[(&'static str, ())],
) -> Vec<String> {
    let words = line.list(cx, 1..=usize::MAX).unwrap_or_default();
    words
        .iter()
        .filter(|word| cx.one_of(word, what, table).is_some())
        .map(|word| word.text.to_string())
        .collect()
}
