//! `listener_wrappers`: what is read from a connection before HTTP.

use std::time::Duration;

use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{ProxyProtocolIn, ProxyProtocolPolicy, ServerOptions};

const WRAPPERS: Kind = Kind {
    noun: "listener wrapper",
    place: "in `listener_wrappers`",
};
const KIND: Kind = Kind {
    noun: "option",
    place: "in `proxy_protocol`",
};

/// Every listener wrapper.
pub(crate) const OPTIONS: &[Row<ServerOptions>] = &[
    Row::new(
        "proxy_protocol",
        "proxy_protocol [{ ... }]",
        "A PROXY protocol header.",
        |cx, line, options| options.proxy_protocol = proxy_protocol(cx, line),
    ),
    Row::new(
        "tls",
        "tls",
        "Where TLS stands among them: last.",
        |cx, line, _| {
            line.flag(cx);
        },
    ),
    Row::new(
        "http_redirect",
        "http_redirect",
        "Redirects requests in the clear on the port of HTTPS.",
        |cx, line, options| options.http_redirect = line.flag(cx),
    ),
];

/// Every option of `proxy_protocol`.
pub(crate) const PROXY_PROTOCOL_OPTIONS: &[Row<ProxyProtocolIn>] = &[
    Row::new(
        "timeout",
        "timeout DURATION",
        "For the header; 5s by default.",
        |cx, line, proxy| proxy.timeout = line.duration(cx).unwrap_or(proxy.timeout),
    ),
    Row::many(
        "allow",
        "allow RANGE...",
        "Peers whose header is believed.",
        |cx, line, proxy| {
            let words = line.list(cx, 1..=usize::MAX).unwrap_or_default();
            proxy.allow.extend(cx.ranges(words));
        },
    ),
    Row::many(
        "deny",
        "deny RANGE...",
        "Peers that may send none.",
        |cx, line, proxy| {
            let words = line.list(cx, 1..=usize::MAX).unwrap_or_default();
            proxy.deny.extend(cx.ranges(words));
        },
    ),
    Row::new(
        "fallback_policy",
        "fallback_policy ignore|use|reject|require|skip",
        "What becomes of headers of other peers; ignore by default.",
        |cx, line, proxy| {
            const POLICIES: &[(&str, ProxyProtocolPolicy)] = &[
                ("ignore", ProxyProtocolPolicy::Ignore),
                ("use", ProxyProtocolPolicy::Use),
                ("reject", ProxyProtocolPolicy::Reject),
                ("require", ProxyProtocolPolicy::Require),
                ("skip", ProxyProtocolPolicy::Skip),
            ];
            let Some(word) = line.word(cx) else { return };
            let lower = crate::caddyfile::syntax::Token {
                text: word.text.to_ascii_lowercase().into(),
                ..word.clone()
            };
            if let Some(policy) = cx.one_of(&lower, "policy", POLICIES) {
                proxy.fallback_policy = policy;
            }
        },
    ),
];

/// Reads `listener_wrappers { … }`; what stands behind `tls` would be inside of it.
pub(super) fn read(cx: &mut Cx<'_>, line: &Line<'_>, options: &mut ServerOptions) {
    let Some(block) = line.block(cx) else { return };
    cx.run_block(block, WRAPPERS, OPTIONS, options);
    let mut names = block.segments.iter().map(|segment| &segment.name);
    let inside = names.find(|name| name.is_word("tls")).and(names.next());
    let late_proxy_protocol = block
        .segments
        .iter()
        .map(|segment| &segment.name)
        .skip_while(|name| !name.is_word("http_redirect"))
        .find(|name| name.is_word("proxy_protocol"));
    if let Some(name) = inside.or(late_proxy_protocol) {
        let shown = cx.shown(name);
        cx.say(
            name.at,
            Diagnostic::error("contradiction", format!("`{shown}` comes too late"))
                .label("what it looks for stands before this")
                .hint("the order is `proxy_protocol`, `http_redirect`, `tls`"),
        );
    }
}

fn proxy_protocol(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<ProxyProtocolIn> {
    let (_, block) = line.with_block(cx, 0..=0)?;
    let mut proxy = ProxyProtocolIn {
        timeout: Duration::from_secs(5),
        allow: Vec::new(),
        deny: Vec::new(),
        fallback_policy: ProxyProtocolPolicy::Ignore,
    };
    if let Some(block) = block {
        cx.run_block(block, KIND, PROXY_PROTOCOL_OPTIONS, &mut proxy);
    }
    if proxy.allow.is_empty() && proxy.fallback_policy == ProxyProtocolPolicy::Ignore {
        cx.say(
            line.at(),
            Diagnostic::warning(
                "proxy-protocol-ignored",
                "no peer's header is believed, except on Unix sockets",
            )
            .label("read and thrown away")
            .hint("name the balancers: `proxy_protocol { allow 10.0.0.0/8 }`"),
        );
    }
    Some(proxy)
}
