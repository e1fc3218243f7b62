//! `dynamic`: upstreams that DNS names.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ferrogate_types::Template;
use ferrogate_types::route::{DynamicA, DynamicSrv, DynamicUpstreams};

use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;

const SOURCE: Kind = Kind {
    noun: "source of upstreams",
    place: "in `dynamic multi`",
};
const A: Kind = Kind {
    noun: "option",
    place: "in `dynamic a`",
};
const SRV: Kind = Kind {
    noun: "option",
    place: "in `dynamic srv`",
};

const MINUTE: Duration = Duration::from_mins(1);

/// Every source of upstreams.
pub(crate) const SOURCES: &[Row<Vec<DynamicUpstreams>>] = &[
    Row::many(
        "a",
        "a [NAME PORT] [{ ... }]",
        "Address records.",
        |cx, line, sources| sources.extend(a(cx, line)),
    ),
    Row::many(
        "srv",
        "srv [FULL_NAME] [{ ... }]",
        "Service records.",
        |cx, line, sources| sources.extend(srv(cx, line)),
    ),
    Row::many(
        "multi",
        "multi { SOURCE ... }",
        "Several of these together.",
        |cx, line, sources| {
            let mut inner = Vec::new();
            line.options(cx, SOURCE, SOURCES, &mut inner);
            sources.push(DynamicUpstreams::Multi(inner));
        },
    ),
];

/// Every option of `dynamic a`.
pub(crate) const A_OPTIONS: &[Row<DynamicA>] = &[
    Row::new(
        "name",
        "name NAME",
        "The name to look up.",
        |cx, line, a| {
            if let Some(word) = line.word(cx) {
                a.name = cx.template(word);
            }
        },
    ),
    Row::new(
        "port",
        "port PORT",
        "The port of every upstream; 80 by default.",
        |cx, line, a| {
            if let Some(word) = line.word(cx) {
                a.port = cx.template(word);
            }
        },
    ),
    Row::new(
        "refresh",
        "refresh DURATION",
        "How long a lookup is believed; 1m by default.",
        |cx, line, a| {
            a.refresh = line.duration(cx).unwrap_or(a.refresh);
        },
    ),
    Row::new(
        "resolvers",
        "resolvers SERVER...",
        "DNS servers to ask.",
        |cx, line, a| {
            a.resolvers = resolvers(cx, line);
        },
    ),
    Row::new(
        "dial_timeout",
        "dial_timeout DURATION",
        "Connecting to a DNS server.",
        |cx, line, a| {
            a.dial_timeout = line.duration(cx);
        },
    ),
    Row::new(
        "dial_fallback_delay",
        "dial_fallback_delay DURATION",
        "DNS servers have one address.",
        |cx, line, _| {
            if line.duration(cx).is_some() {
                cx.no_effect(
                    line.at(),
                    "a DNS server has one address, so nothing is tried beside it",
                );
            }
        },
    ),
    Row::new(
        "versions",
        "versions ipv4|ipv6...",
        "Which addresses count; both by default.",
        |cx, line, a| {
            type Set = fn(&mut DynamicA);
            const VERSIONS: &[(&str, Set)] =
                &[("ipv4", |a| a.ipv4 = true), ("ipv6", |a| a.ipv6 = true)];
            let words = line.list(cx, 1..=2).unwrap_or_default();
            (a.ipv4, a.ipv6) = (false, false);
            for word in words {
                if let Some(set) = cx.one_of(word, "version of IP", VERSIONS) {
                    set(a);
                }
            }
        },
    ),
];

/// Every option of `dynamic srv`.
pub(crate) const SRV_OPTIONS: &[Row<DynamicSrv>] = &[
    Row::new(
        "service",
        "service NAME",
        "The service.",
        |cx, line, srv| {
            if let Some(word) = line.word(cx) {
                srv.service = cx.template(word);
            }
        },
    ),
    Row::new("proto", "proto NAME", "The protocol.", |cx, line, srv| {
        if let Some(word) = line.word(cx) {
            srv.proto = cx.template(word);
        }
    }),
    Row::new("name", "name NAME", "The domain.", |cx, line, srv| {
        if let Some(word) = line.word(cx) {
            srv.name = cx.template(word);
        }
    }),
    Row::new(
        "refresh",
        "refresh DURATION",
        "How long a lookup is believed; 1m by default.",
        |cx, line, srv| {
            srv.refresh = line.duration(cx).unwrap_or(srv.refresh);
        },
    ),
    Row::new(
        "resolvers",
        "resolvers SERVER...",
        "DNS servers to ask.",
        |cx, line, srv| {
            srv.resolvers = resolvers(cx, line);
        },
    ),
    Row::new(
        "dial_timeout",
        "dial_timeout DURATION",
        "Connecting to a DNS server.",
        |cx, line, srv| {
            srv.dial_timeout = line.duration(cx);
        },
    ),
    Row::new(
        "dial_fallback_delay",
        "dial_fallback_delay DURATION",
        "DNS servers have one address.",
        |cx, line, _| {
            if line.duration(cx).is_some() {
                cx.no_effect(
                    line.at(),
                    "a DNS server has one address, so nothing is tried beside it",
                );
            }
        },
    ),
    Row::new(
        "grace_period",
        "grace_period DURATION",
        "How long an old lookup stands in for a failed one.",
        |cx, line, srv| {
            srv.grace_period = line.duration(cx);
        },
    ),
];

/// Reads `dynamic SOURCE …`.
pub(super) fn read(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<DynamicUpstreams> {
    let (args, block) = line.with_block(cx, 1..=3)?;
    let (name, rest) = args.split_first()?;
    let segment = crate::caddyfile::syntax::Segment {
        name: name.clone(),
        args: rest.to_vec(),
        block: block.cloned(),
    };
    let block = crate::caddyfile::syntax::Block {
        segments: vec![segment],
    };
    let mut sources = Vec::new();
    cx.run_block(
        &block,
        Kind {
            place: "after `dynamic`",
            ..SOURCE
        },
        SOURCES,
        &mut sources,
    );
    sources.pop()
}

fn a(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<DynamicUpstreams> {
    let (args, block) = line.with_block(cx, 0..=2)?;
    let errors = cx.report.error_count();
    let mut a = DynamicA {
        name: args.first().map_or_else(empty, |word| cx.template(word)),
        port: args
            .get(1)
            .map_or_else(|| Template::parse("80"), |word| cx.template(word)),
        refresh: MINUTE,
        resolvers: Vec::new(),
        dial_timeout: None,
        ipv4: true,
        ipv6: true,
    };
    if let Some(block) = block {
        cx.run_block(block, A, A_OPTIONS, &mut a);
    }
    let port = a.port.source();
    let number = port.parse::<u16>().is_ok_and(|port| port > 0) || port.contains('{');
    if errors == cx.report.error_count() && !number {
        cx.say(
            line.at(),
            Diagnostic::error(
                "invalid-value",
                format!("port `{port}` is not a number from 1 to 65535"),
            )
            .label("not a port"),
        );
    }
    named(cx, line, &a.name, errors).then_some(DynamicUpstreams::A(a))
}

fn srv(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<DynamicUpstreams> {
    let (args, block) = line.with_block(cx, 0..=1)?;
    let errors = cx.report.error_count();
    let mut srv = DynamicSrv {
        service: empty(),
        proto: empty(),
        name: args.first().map_or_else(empty, |word| cx.template(word)),
        refresh: MINUTE,
        resolvers: Vec::new(),
        dial_timeout: None,
        grace_period: None,
    };
    if let Some(block) = block {
        cx.run_block(block, SRV, SRV_OPTIONS, &mut srv);
    }
    if srv.service.source().is_empty() != srv.proto.source().is_empty()
        && errors == cx.report.error_count()
    {
        cx.say(
            line.at(),
            Diagnostic::error("missing-key", "`service` and `proto` belong together")
                .label("one of them is missing"),
        );
    }
    named(cx, line, &srv.name, errors).then_some(DynamicUpstreams::Srv(srv))
}

fn empty() -> Template {
    Template::parse("")
}

/// Whether there is a name to look up; complains unless something was complained of already.
fn named(cx: &mut Cx<'_>, line: &Line<'_>, name: &Template, errors: usize) -> bool {
    if !name.source().is_empty() {
        return true;
    }
    if errors == cx.report.error_count() {
        cx.say(
            line.at(),
            Diagnostic::error("missing-key", "there is no name to look up")
                .label("which name?")
                .hint(line.syntax()),
        );
    }
    false
}

/// DNS servers: IP addresses, with a port if it is not 53.
pub(super) fn resolvers(cx: &mut Cx<'_>, line: &Line<'_>) -> Vec<SocketAddr> {
    let words = line.list(cx, 1..=16).unwrap_or_default();
    let mut servers = Vec::new();
    for word in words {
        let text: &str = &word.text;
        let text = ["udp/", "tcp/"]
            .iter()
            .find_map(|network| text.strip_prefix(network))
            .unwrap_or(text);
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        let server = text.parse::<SocketAddr>().ok().or_else(|| {
            bare.parse::<IpAddr>()
                .ok()
                .map(|ip| SocketAddr::new(ip, 53))
        });
        let server = server.ok_or("is not an IP address, perhaps with a port");
        servers.extend(cx.checked(word, "DNS server", server));
    }
    servers
}
