//! The table of matchers.

use ferrogate_types::route::{Matcher, MatcherSet, ProtocolMatch};
use ipnet::IpNet;

use super::{Conditions, expression, field, file, target, variable};
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::table::Row;
use crate::diagnostic::Diagnostic;

/// How deep `not` may nest.
const MAX_NEGATIONS: usize = 16;

/// How many values a matcher that compares them with one another may have.
pub(super) const MAX_VALUES: usize = 5_000;

/// Every type of matcher.
pub(crate) const MATCHERS: &[Row<Conditions>] = &[
    Row::many(
        "path",
        "path PATTERN...",
        "Path patterns; `*` at an end is a wildcard.",
        target::path,
    ),
    Row::many(
        "host",
        "host NAME...",
        "Host names; `*` stands for one label.",
        target::host,
    ),
    Row::many("method", "method VERB...", "HTTP methods.", target::method),
    Row::many(
        "header",
        "header FIELD VALUE | header !FIELD",
        "A request header field, or its absence.",
        field::header,
    ),
    Row::many(
        "query",
        "query KEY=VALUE...",
        "Query parameters; `*` as value means present.",
        target::query,
    ),
    Row::many(
        "not",
        "not MATCHER | not { ... }",
        "The conditions do not all hold.",
        not,
    ),
    Row::many(
        "remote_ip",
        "remote_ip RANGE...",
        "The address of the peer.",
        remote_ip,
    ),
    Row::many(
        "client_ip",
        "client_ip RANGE...",
        "The address of the client, as trusted proxies tell it.",
        client_ip,
    ),
    Row::new(
        "protocol",
        "protocol http|https|grpc|http/VERSION[+]",
        "The protocol of the request.",
        protocol,
    ),
    Row::many(
        "path_regexp",
        "path_regexp [NAME] REGEX",
        "The path fits an expression; its groups are `{re.NAME.1}`.",
        target::path_regexp,
    ),
    Row::many(
        "header_regexp",
        "header_regexp [NAME] FIELD REGEX",
        "A line of a header field fits an expression.",
        field::header_regexp,
    ),
    Row::many(
        "vars",
        "vars NAME|{PLACEHOLDER} VALUE...",
        "A variable or placeholder has one of these values; several lines are alternatives.",
        variable::vars,
    ),
    Row::many(
        "vars_regexp",
        "vars_regexp [NAME] NAME|{PLACEHOLDER} REGEX",
        "A variable or placeholder fits an expression.",
        variable::vars_regexp,
    ),
    Row::many(
        "expression",
        "expression CEL...",
        "An expression in the documented subset of CEL.",
        expression::line,
    ),
    Row::new(
        "file",
        "file [FILE...] [{ ... }]",
        "A file exists; the path of the request, when none is named.",
        file::matcher,
    ),
    Row::new(
        "tls",
        "tls [early_data]",
        "The connection is encrypted.",
        |cx, line, out| {
            let Some(args) = line.list(cx, 0..=1) else {
                return;
            };
            let early_data = match args.first() {
                None => None,
                Some(word) => match cx.one_of(word, "condition on TLS", &[("early_data", true)]) {
                    None => return,
                    early => early,
                },
            };
            out.retain(|m| !matches!(m, Matcher::Tls { .. }));
            out.push(Matcher::Tls { early_data });
        },
    ),
    Row::never(
        "url_pattern",
        "write the parts as `host`, `path` and `query`",
    ),
];

pub(super) fn too_many(cx: &mut Cx<'_>, line: &Line<'_>) {
    cx.say(
        line.at(),
        Diagnostic::error(
            "too-large",
            format!("a matcher has more than {MAX_VALUES} values"),
        )
        .label("too many"),
    );
}

fn not(cx: &mut Cx<'_>, line: &Line<'_>, out: &mut Conditions) {
    if cx.negations >= MAX_NEGATIONS {
        cx.say(
            line.name().at,
            Diagnostic::error("nested-too-deep", "`not` nests too deep")
                .label("one level too many"),
        );
        return;
    }
    cx.negations += 1;
    let mut matchers = Vec::new();
    cx.conditions(line.segment, line.args, &mut matchers);
    cx.negations -= 1;
    out.push(Matcher::Not(MatcherSet {
        name: "not".to_owned(),
        matchers,
    }));
}

fn remote_ip(cx: &mut Cx<'_>, line: &Line<'_>, out: &mut Conditions) {
    let Some(args) = line.list(cx, 1..=usize::MAX) else {
        return;
    };
    let ranges: Vec<IpNet> = cx.ranges(args);
    if let Some(Matcher::RemoteIp(existing)) =
        out.iter_mut().find(|m| matches!(m, Matcher::RemoteIp(_)))
    {
        existing.extend(ranges);
    } else {
        out.push(Matcher::RemoteIp(ranges));
    }
}

fn client_ip(cx: &mut Cx<'_>, line: &Line<'_>, out: &mut Conditions) {
    let Some(args) = line.list(cx, 1..=usize::MAX) else {
        return;
    };
    let ranges: Vec<IpNet> = cx.ranges(args);
    if let Some(Matcher::ClientIp(existing)) =
        out.iter_mut().find(|m| matches!(m, Matcher::ClientIp(_)))
    {
        existing.extend(ranges);
    } else {
        out.push(Matcher::ClientIp(ranges));
    }
}

fn protocol(cx: &mut Cx<'_>, line: &Line<'_>, out: &mut Conditions) {
    const fn version(version: u8, or_newer: bool) -> ProtocolMatch {
        ProtocolMatch::Version { version, or_newer }
    }
    const PROTOCOLS: &[(&str, ProtocolMatch)] = &[
        ("http", ProtocolMatch::Http),
        ("https", ProtocolMatch::Https),
        ("grpc", ProtocolMatch::Grpc),
        ("http/1.0", version(10, false)),
        ("http/1.0+", version(10, true)),
        ("http/1.1", version(11, false)),
        ("http/1.1+", version(11, true)),
        ("http/2", version(20, false)),
        ("http/2+", version(20, true)),
        ("http/3", version(30, false)),
        ("http/3+", version(30, true)),
    ];
    let Some(word) = line.word(cx) else { return };
    out.retain(|m| !matches!(m, Matcher::Protocol(_)));
    out.extend(
        cx.one_of(word, "protocol", PROTOCOLS)
            .map(Matcher::Protocol),
    );
}
