//! `transport http`: how upstreams are spoken to.

use std::time::Duration;

use ferrogate_types::route::{Keepalive, UpstreamTls};

use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::pem::PemKind;
use crate::caddyfile::syntax::Place;
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;

const KIND: Kind = Kind {
    noun: "transport option",
    place: "in `transport http`",
};

/// A transport as it is read.
#[derive(Default)]
pub(crate) struct Transport {
    pub(super) dial_timeout: Option<Duration>,
    pub(super) response_header_timeout: Option<Duration>,
    pub(super) read_timeout: Option<Duration>,
    pub(super) write_timeout: Option<Duration>,
    pub(super) keepalive: Option<Keepalive>,
    pub(super) tls: UpstreamTls,
    /// Where TLS was switched on.
    pub(super) tls_at: Option<Place>,
    pub(super) versions: Option<Versions>,
}

/// HTTP versions that may be spoken.
#[derive(Clone, Copy, Default)]
pub(super) struct Versions {
    pub(super) http1: bool,
    pub(super) http2: bool,
    pub(super) h2c: bool,
}

/// Every option of `transport http`.
pub(crate) const OPTIONS: &[Row<Transport>] = &[
    Row::new(
        "dial_timeout",
        "dial_timeout DURATION",
        "Connecting; 3s by default.",
        |cx, line, t| {
            t.dial_timeout = line.duration(cx);
        },
    ),
    Row::new(
        "response_header_timeout",
        "response_header_timeout DURATION",
        "Until the answer's header.",
        |cx, line, t| {
            t.response_header_timeout = line.duration(cx);
        },
    ),
    Row::new(
        "read_timeout",
        "read_timeout DURATION",
        "Between two reads.",
        |cx, line, t| {
            t.read_timeout = line.duration(cx);
        },
    ),
    Row::new(
        "write_timeout",
        "write_timeout DURATION",
        "Between two writes.",
        |cx, line, t| {
            t.write_timeout = line.duration(cx);
        },
    ),
    Row::new(
        "keepalive",
        "keepalive DURATION|off",
        "Idle connections; 2m by default.",
        |cx, line, t| {
            if let Some(word) = line.word(cx) {
                t.keepalive = if &*word.text == "off" {
                    Some(Keepalive::Off)
                } else {
                    cx.duration(word).map(Keepalive::For)
                };
            }
        },
    ),
    Row::new("tls", "tls", "TLS, whatever the scheme.", |cx, line, t| {
        if line.flag(cx) {
            t.tls_at.get_or_insert(line.at());
        }
    }),
    Row::new(
        "tls_server_name",
        "tls_server_name NAME",
        "The name sent and checked.",
        |cx, line, t| {
            t.tls.server_name = line.word(cx).map(|word| cx.template(word));
            t.tls_at.get_or_insert(line.at());
        },
    ),
    Row::new(
        "tls_insecure_skip_verify",
        "tls_insecure_skip_verify",
        "Accepts any certificate.",
        |cx, line, t| {
            t.tls.insecure_skip_verify = line.flag(cx);
            t.tls_at.get_or_insert(line.at());
            cx.say(
                line.at(),
                Diagnostic::warning(
                    "insecure-upstream",
                    "the certificate of the upstream is not checked",
                )
                .label("anybody between here and there can read and change everything")
                .hint("trust its authority instead: `tls_trust_pool file CA.pem`"),
            );
        },
    ),
    Row::new(
        "tls_trust_pool",
        "tls_trust_pool file PEM...",
        "Trusted roots.",
        |cx, line, t| {
            let Some((source, files)) = line
                .list(cx, 2..=usize::MAX)
                .and_then(|words| words.split_first())
            else {
                return;
            };
            if &*source.text == "file" {
                t.tls.trust_pool.extend(
                    files
                        .iter()
                        .filter_map(|file| cx.pem(file, PemKind::Certificate)),
                );
                t.tls_at.get_or_insert(line.at());
            } else {
                let shown = cx.shown(source);
                cx.say(
                    source.at,
                    Diagnostic::error(
                        "not-available",
                        format!("trust pool source `{shown}` is not available yet"),
                    )
                    .label("only `file`"),
                );
            }
        },
    ),
    Row::many(
        "tls_trusted_ca_certs",
        "tls_trusted_ca_certs PEM...",
        "Trusted roots.",
        |cx, line, t| {
            let files = line.list(cx, 1..=usize::MAX).unwrap_or_default();
            t.tls.trust_pool.extend(
                files
                    .iter()
                    .filter_map(|file| cx.pem(file, PemKind::Certificate)),
            );
            t.tls_at.get_or_insert(line.at());
        },
    ),
    Row::new(
        "tls_client_auth",
        "tls_client_auth CERTIFICATE KEY",
        "The client's certificate.",
        |cx, line, t| {
            if let Some([certificate, key]) = line.words(cx) {
                let certificate = cx.pem(certificate, PemKind::Certificate);
                t.tls.client_auth = certificate.zip(cx.pem(key, PemKind::Key));
                t.tls_at.get_or_insert(line.at());
            }
        },
    ),
    Row::new(
        "tls_timeout",
        "tls_timeout DURATION",
        "The handshake; 10s by default.",
        |cx, line, t| {
            t.tls.handshake_timeout = line.duration(cx);
            t.tls_at.get_or_insert(line.at());
        },
    ),
    Row::new(
        "versions",
        "versions 1.1 2 h2c",
        "HTTP versions; 1.1 and 2 by default.",
        |cx, line, t| {
            type Set = fn(&mut Versions);
            const VERSIONS: &[(&str, Set)] = &[
                ("1.1", |v| v.http1 = true),
                ("2", |v| v.http2 = true),
                ("h2c", |v| v.h2c = true),
            ];
            let mut versions = Versions::default();
            for word in line.list(cx, 1..=3).unwrap_or_default() {
                if let Some(set) = cx.one_of(word, "HTTP version", VERSIONS) {
                    set(&mut versions);
                }
            }
            versions.http2 |= versions.h2c;
            t.versions = Some(versions);
        },
    ),
    Row::later("read_buffer", ""),
    Row::later("write_buffer", ""),
    Row::later("max_response_header", ""),
    Row::later("dial_fallback_delay", ""),
    Row::later("expect_continue_timeout", ""),
    Row::later("resolvers", "the system's resolver is used"),
    Row::later("tls_curves", ""),
    Row::never(
        "tls_renegotiation",
        "TLS renegotiation is insecure and gone from TLS 1.3",
    ),
    Row::later("tls_except_ports", ""),
    Row::later("keepalive_interval", ""),
    Row::later("keepalive_idle_conns", ""),
    Row::later("keepalive_idle_conns_per_host", ""),
    Row::later("compression", "answers are passed on as they are encoded"),
    Row::later("max_conns_per_host", "use `unhealthy_request_count`"),
    Row::later("proxy_protocol", ""),
    Row::later("local_address", ""),
    Row::later("network_proxy", ""),
    Row::later("forward_proxy_url", ""),
];

/// Reads `transport NAME { … }`.
pub(super) fn read(cx: &mut Cx<'_>, line: &Line<'_>, transport: &mut Transport) {
    let Some(([name], block)) = line.with_block(cx, 1..=1) else {
        return;
    };
    match &*name.text {
        "http" => {
            if let Some(block) = block {
                cx.run_block(block, KIND, OPTIONS, transport);
            }
        }
        "fastcgi" => cx.say(
            name.at,
            Diagnostic::error("not-supported", "transport `fastcgi` is not supported")
                .label("run the application behind an HTTP server"),
        ),
        _ => {
            cx.one_of(name, "transport", &[("http", ())]);
        }
    }
}
