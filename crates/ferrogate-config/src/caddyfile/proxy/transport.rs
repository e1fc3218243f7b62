//! `transport http`: how upstreams are spoken to.

use ferrogate_types::Secret;
use ferrogate_types::route::{
    HttpTransport, Keepalive, ProxyProtocol, UpstreamTls, UpstreamVersions,
};

use super::dynamic::resolvers;
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::{Place, Token};
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;

mod tls;

const KIND: Kind = Kind {
    noun: "transport option",
    place: "in `transport http`",
};

/// A transport as it is read.
#[derive(Default)]
pub(crate) struct Transport {
    /// All but TLS.
    pub(super) http: HttpTransport,
    pub(super) tls: UpstreamTls,
    /// Where TLS was switched on.
    pub(super) tls_at: Option<Place>,
    /// HTTP/2 in the clear was asked for.
    pub(super) h2c: bool,
}

/// Why limits on idle connections change nothing.
const ONE_POOL: &str = "idle connections to all upstreams share one pool, the oldest go first";

/// Every option of `transport http`.
pub(crate) const OPTIONS: &[Row<Transport>] = &[
    Row::new(
        "read_buffer",
        "read_buffer SIZE",
        "Kept; buffers grow by themselves.",
        |cx, line, t| {
            t.http.read_buffer = line.size(cx);
        },
    ),
    Row::new(
        "write_buffer",
        "write_buffer SIZE",
        "Kept; buffers grow by themselves.",
        |cx, line, t| {
            t.http.write_buffer = line.size(cx);
        },
    ),
    Row::new(
        "max_response_header",
        "max_response_header SIZE",
        "The largest header of an answer.",
        |cx, line, t| {
            t.http.max_response_header = line.size(cx);
        },
    ),
    Row::new(
        "dial_timeout",
        "dial_timeout DURATION",
        "Connecting; 3s by default.",
        |cx, line, t| {
            t.http.dial_timeout = line.duration(cx).unwrap_or(t.http.dial_timeout);
        },
    ),
    Row::new(
        "dial_fallback_delay",
        "dial_fallback_delay DURATION|-1",
        "Until the next address is tried beside the one before; 300ms by default.",
        |cx, line, t| {
            if let Some(word) = line.word(cx) {
                // Whatever is negative switches it off.
                t.http.dial_fallback_delay = if word.text.starts_with('-') {
                    None
                } else {
                    cx.duration(word)
                };
            }
        },
    ),
    Row::new(
        "response_header_timeout",
        "response_header_timeout DURATION",
        "Until the answer's header.",
        |cx, line, t| {
            t.http.response_header_timeout = line.duration(cx);
        },
    ),
    Row::new(
        "expect_continue_timeout",
        "expect_continue_timeout DURATION",
        "How long to wait for `100 Continue`.",
        |cx, line, t| {
            t.http.expect_continue_timeout = line.duration(cx);
        },
    ),
    Row::new(
        "read_timeout",
        "read_timeout DURATION",
        "Between two reads.",
        |cx, line, t| {
            t.http.read_timeout = line.duration(cx);
        },
    ),
    Row::new(
        "write_timeout",
        "write_timeout DURATION",
        "Between two writes.",
        |cx, line, t| {
            t.http.write_timeout = line.duration(cx);
        },
    ),
    Row::new(
        "resolvers",
        "resolvers SERVER...",
        "DNS servers to ask.",
        |cx, line, t| {
            t.http.resolvers = resolvers(cx, line);
        },
    ),
    Row::new(
        "keepalive",
        "keepalive DURATION|off",
        "Idle connections; 2m by default.",
        |cx, line, t| {
            if let Some(word) = line.word(cx) {
                let keepalive = if &*word.text == "off" {
                    Some(Keepalive::Off)
                } else {
                    cx.duration(word).map(Keepalive::For)
                };
                t.http.keepalive = keepalive.unwrap_or(t.http.keepalive);
            }
        },
    ),
    Row::new(
        "keepalive_interval",
        "keepalive_interval DURATION",
        "Between two TCP probes; 30s by default.",
        |cx, line, t| {
            t.http.keepalive_interval = line.duration(cx).unwrap_or(t.http.keepalive_interval);
        },
    ),
    Row::new(
        "keepalive_idle_conns",
        "keepalive_idle_conns N",
        "Understood, without effect: 4096 idle connections are kept in all.",
        |cx, line, t| {
            cx.no_effect(line.name().at, ONE_POOL);
            // Zero is Go's word for no limit.
            t.http.keepalive_idle_conns =
                line.number32(cx, 0..=u32::MAX).filter(|count| *count > 0);
        },
    ),
    Row::new(
        "keepalive_idle_conns_per_host",
        "keepalive_idle_conns_per_host N",
        "Understood, without effect: 4096 idle connections are kept in all.",
        |cx, line, t| {
            cx.no_effect(line.name().at, ONE_POOL);
            t.http.keepalive_idle_conns_per_host = line
                .number32(cx, 1..=1_000_000)
                .unwrap_or(t.http.keepalive_idle_conns_per_host);
        },
    ),
    Row::new(
        "max_conns_per_host",
        "max_conns_per_host N",
        "Connections to one upstream at once.",
        |cx, line, t| {
            t.http.max_conns_per_host = line.number32(cx, 0..=u32::MAX).filter(|count| *count > 0);
        },
    ),
    Row::new(
        "versions",
        "versions 1.1 2 h2c",
        "HTTP versions; 1.1 and 2 by default.",
        versions,
    ),
    Row::new(
        "compression",
        "compression off",
        "Asks for no encoding the client did not ask for, which is always so.",
        |cx, line, t| {
            if let Some(word) = line.word(cx)
                && let Some(on) = cx.one_of(word, "value", &[("off", false), ("on", true)])
            {
                t.http.compression = on;
                if on {
                    cx.no_effect(word.at, "upstreams are asked for no encoding of our own");
                }
            }
        },
    ),
    Row::new(
        "proxy_protocol",
        "proxy_protocol v1|v2",
        "A PROXY protocol header.",
        |cx, line, t| {
            const VERSIONS: &[(&str, ProxyProtocol)] =
                &[("v1", ProxyProtocol::V1), ("v2", ProxyProtocol::V2)];
            t.http.proxy_protocol = line
                .word(cx)
                .and_then(|word| cx.one_of(word, "version", VERSIONS));
        },
    ),
    Row::new(
        "local_address",
        "local_address IP",
        "The address to connect from.",
        |cx, line, t| {
            t.http.local_address = line.word(cx).and_then(|word| {
                let ip = word.text.parse().map_err(|_| "is not an IP address");
                cx.checked(word, "address", ip)
            });
        },
    ),
    Row::new(
        "network_proxy",
        "network_proxy none|url URL",
        "An HTTP proxy to connect through.",
        |cx, line, t| match line.list(cx, 1..=2) {
            Some([none]) if &*none.text == "none" => t.http.forward_proxy = None,
            Some([kind, url]) if &*kind.text == "url" => {
                t.http.forward_proxy = forward_proxy(cx, url);
            }
            Some(_) => cx.say(
                line.at(),
                Diagnostic::error("invalid-value", "this network proxy is not known")
                    .label("expected `none` or `url URL`")
                    .hint(line.syntax()),
            ),
            None => {}
        },
    ),
    Row::new(
        "forward_proxy_url",
        "forward_proxy_url URL",
        "An HTTP proxy to connect through.",
        |cx, line, t| {
            cx.deprecated(line, "network_proxy url URL");
            t.http.forward_proxy = line.word(cx).and_then(|word| forward_proxy(cx, word));
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
        tls::server_name,
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
        "tls_insecure_skip_verify",
        "tls_insecure_skip_verify",
        "Accepts any certificate.",
        tls::insecure,
    ),
    Row::new(
        "tls_curves",
        "tls_curves GROUP...",
        "Key exchange groups in order of preference.",
        |cx, line, t| {
            t.tls.curves = crate::caddyfile::tls::connection::curves(cx, line);
            cx.unavailable(
                line.name().at,
                "a choice of key exchange groups for upstreams",
                "leave it out: X25519 and the NIST curves are offered",
            );
            t.tls_at.get_or_insert(line.at());
        },
    ),
    Row::new(
        "tls_renegotiation",
        "tls_renegotiation never",
        "TLS is never negotiated anew.",
        tls::renegotiation,
    ),
    Row::new(
        "tls_except_ports",
        "tls_except_ports PORT...",
        "Ports without TLS.",
        tls::except_ports,
    ),
    Row::many(
        "tls_trust_pool",
        "tls_trust_pool file PEM... | inline BASE64...",
        "Trusted roots.",
        tls::trust_pool,
    ),
    Row::many(
        "tls_trusted_ca_certs",
        "tls_trusted_ca_certs PEM...",
        "The old name of `tls_trust_pool file`.",
        tls::trusted_ca_certs,
    ),
    Row::new(
        "tls_client_auth",
        "tls_client_auth CERTIFICATE KEY",
        "The client's certificate.",
        tls::client_auth,
    ),
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
                .label("there is no FastCGI")
                .hint("run the application behind an HTTP server, and name that one"),
        ),
        _ => {
            cx.one_of(name, "transport", &[("http", ())]);
        }
    }
}

fn versions(cx: &mut Cx<'_>, line: &Line<'_>, transport: &mut Transport) {
    type Set = fn(&mut UpstreamVersions);
    const VERSIONS: &[(&str, Set)] = &[
        ("1.1", |v| v.http1 = true),
        ("2", |v| v.http2 = true),
        ("h2c", |v| v.h2c = true),
    ];
    let mut versions = UpstreamVersions {
        http1: false,
        http2: false,
        h2c: false,
    };
    let words = line.list(cx, 1..=4).unwrap_or_default();
    for word in words {
        if word.is_word("3") {
            cx.say(
                word.at,
                Diagnostic::error("not-supported", "HTTP/3 to upstreams is not supported")
                    .label("leave it out")
                    .hint("write `versions 1.1 2`"),
            );
        } else if let Some(set) = cx.one_of(word, "HTTP version", VERSIONS) {
            set(&mut versions);
        }
    }
    transport.h2c = versions.h2c;
    versions.http2 |= versions.h2c;
    if versions.http1 || versions.http2 {
        transport.http.versions = versions;
    }
}

/// The URL of an HTTP proxy; it may hold credentials.
fn forward_proxy(cx: &mut Cx<'_>, word: &Token) -> Option<Secret> {
    let url = cx.secret(word)?;
    let rest = url.expose().strip_prefix("http://");
    if rest.is_some_and(|rest| !rest.is_empty() && !rest.trim_end_matches('/').contains('/')) {
        return Some(url);
    }
    cx.report.redact(word.at.span);
    cx.say(
        word.at,
        Diagnostic::error("invalid-url", "this is not the URL of an HTTP proxy")
            .label("expected `http://[USER:PASSWORD@]HOST:PORT`"),
    );
    None
}
