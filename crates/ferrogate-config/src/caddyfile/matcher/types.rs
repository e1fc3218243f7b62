//! The types of matchers.

use ferrogate_types::Template;
use ferrogate_types::route::{HeaderMatch, Matcher, MatcherSet, ProtocolMatch, TextPattern};
use ipnet::IpNet;

use super::Conditions;
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::Token;
use crate::caddyfile::table::Row;
use crate::diagnostic::Diagnostic;

/// How deep `not` may nest.
const MAX_NEGATIONS: usize = 16;

/// How many values a matcher that compares them with one another may have.
const MAX_VALUES: usize = 5_000;

/// Every type of matcher.
pub(crate) const MATCHERS: &[Row<Conditions>] = &[
    Row::many(
        "path",
        "path PATTERN...",
        "Path patterns; `*` at an end is a wildcard.",
        path,
    ),
    Row::many(
        "host",
        "host NAME...",
        "Host names; `*` stands for one label.",
        host,
    ),
    Row::many("method", "method VERB...", "HTTP methods.", method),
    Row::many(
        "header",
        "header FIELD VALUE | header !FIELD",
        "A request header field, or its absence.",
        header,
    ),
    Row::many(
        "query",
        "query KEY=VALUE...",
        "Query parameters; `*` as value means present.",
        query,
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
    Row::later("path_regexp", "use `path` with wildcards"),
    Row::later("header_regexp", "use `header` with wildcards"),
    Row::later("vars", ""),
    Row::later("vars_regexp", ""),
    Row::later(
        "expression",
        "combine `path`, `method`, `header` and `not` in a block",
    ),
    Row::later(
        "file",
        "serve files from a file server behind `reverse_proxy`",
    ),
    Row::later("tls", "use `protocol https`"),
    Row::never(
        "url_pattern",
        "write the parts as `host`, `path` and `query`",
    ),
];

fn path(cx: &mut Cx<'_>, line: &Line<'_>, out: &mut Conditions) {
    let Some(args) = line.list(cx, 1..=usize::MAX) else {
        return;
    };
    for arg in args {
        if !arg.text.starts_with(['/', '*', '{']) {
            let shown = cx.shown(arg);
            cx.say(
                arg.at,
                Diagnostic::warning(
                    "path-slash",
                    format!("path pattern `{shown}` does not begin with a slash"),
                )
                .label("matches no request")
                .hint(format!("write `/{shown}` or `*{shown}`")),
            );
        }
    }
    let patterns: Vec<Template> = args.iter().map(|arg| cx.template(arg)).collect();
    if let Some(Matcher::Path(existing)) = out.iter_mut().find(|m| matches!(m, Matcher::Path(_))) {
        existing.extend(patterns);
    } else {
        out.push(Matcher::Path(patterns));
    }
}

fn host(cx: &mut Cx<'_>, line: &Line<'_>, out: &mut Conditions) {
    let Some(args) = line.list(cx, 1..=usize::MAX) else {
        return;
    };
    let mut hosts = match out
        .iter()
        .position(|m| matches!(m, Matcher::Host(_)))
        .map(|at| out.remove(at))
    {
        Some(Matcher::Host(hosts)) => hosts,
        _ => Vec::new(),
    };
    if hosts.len() + args.len() > MAX_VALUES {
        return too_many(cx, line);
    }
    for arg in args {
        let host = cx.template(arg);
        if hosts
            .iter()
            .any(|other: &Template| other.source().eq_ignore_ascii_case(host.source()))
        {
            let shown = cx.shown(arg);
            cx.say(
                arg.at,
                Diagnostic::error("duplicate-host", format!("host `{shown}` is listed twice"))
                    .label("once is enough"),
            );
        } else {
            hosts.push(host);
        }
    }
    out.push(Matcher::Host(hosts));
}

fn method(cx: &mut Cx<'_>, line: &Line<'_>, out: &mut Conditions) {
    let Some(args) = line.list(cx, 1..=usize::MAX) else {
        return;
    };
    let methods: Vec<String> = args
        .iter()
        .map(|arg| arg.text.to_ascii_uppercase())
        .collect();
    if let Some(Matcher::Method(existing)) =
        out.iter_mut().find(|m| matches!(m, Matcher::Method(_)))
    {
        existing.extend(methods);
    } else {
        out.push(Matcher::Method(methods));
    }
}

fn header(cx: &mut Cx<'_>, line: &Line<'_>, out: &mut Conditions) {
    let Some(args) = line.list(cx, 1..=2) else {
        return;
    };
    let Some((field, value)) = args.split_first() else {
        return;
    };
    let absent = field.text.strip_prefix('!');
    let pattern = match (absent, value.first()) {
        (None, Some(value)) => Some(text_pattern(cx, value)),
        (Some(_), None) => None,
        (Some(_), Some(value)) => {
            cx.say(
                value.at,
                Diagnostic::error("argument-count", "an absent header field has no value")
                    .label("leave this out, or leave the `!` out")
                    .hint(line.syntax()),
            );
            return;
        }
        (None, None) => {
            cx.say(
                field.at,
                Diagnostic::error("argument-count", "a value is missing")
                    .label("which value?")
                    .hint(format!(
                        "`header {} *` holds when the field is there",
                        field.text
                    )),
            );
            return;
        }
    };
    let name = absent
        .unwrap_or(&field.text)
        .trim_end_matches(':')
        .to_ascii_lowercase();
    let position = out
        .iter()
        .position(|m| matches!(m, Matcher::Header(_)))
        .unwrap_or_else(|| {
            out.push(Matcher::Header(Vec::new()));
            out.len() - 1
        });
    let Some(Matcher::Header(fields)) = out.get_mut(position) else {
        return;
    };
    if fields.len() > MAX_VALUES {
        return too_many(cx, line);
    }
    match (fields.iter_mut().find(|other| other.field == name), pattern) {
        (Some(other), Some(pattern)) if !other.values.is_empty() => other.values.push(pattern),
        (Some(_), _) => cx.say(
            field.at,
            Diagnostic::error(
                "contradiction",
                format!("header `{name}` cannot be both absent and present"),
            )
            .label("contradicts an earlier line"),
        ),
        (None, pattern) => fields.push(HeaderMatch {
            field: name,
            values: pattern.into_iter().collect(),
        }),
    }
}

fn too_many(cx: &mut Cx<'_>, line: &Line<'_>) {
    cx.say(
        line.at(),
        Diagnostic::error(
            "too-large",
            format!("a matcher has more than {MAX_VALUES} values"),
        )
        .label("too many"),
    );
}

fn text_pattern(cx: &mut Cx<'_>, word: &Token) -> TextPattern {
    let text: &str = &word.text;
    if text == "*" {
        return TextPattern::Any;
    }
    cx.template(word);
    match (text.strip_prefix('*'), text.strip_suffix('*')) {
        (Some(_), Some(inner)) => TextPattern::Contains(inner.trim_start_matches('*').into()),
        (Some(inner), None) => TextPattern::Suffix(inner.into()),
        (None, Some(inner)) => TextPattern::Prefix(inner.into()),
        (None, None) => TextPattern::Exact(text.into()),
    }
}

fn query(cx: &mut Cx<'_>, line: &Line<'_>, out: &mut Conditions) {
    let Some(args) = line.list(cx, 1..=usize::MAX) else {
        return;
    };
    let before = out.iter().map(|matcher| {
        if let Matcher::Query(pairs) = matcher {
            pairs.len()
        } else {
            0
        }
    });
    if before.sum::<usize>() + args.len() > MAX_VALUES {
        return too_many(cx, line);
    }
    let mut pairs: Vec<(String, Vec<Template>)> = Vec::new();
    for arg in args.iter().filter(|arg| !arg.text.is_empty()) {
        let Some((key, value)) = arg.text.split_once('=') else {
            let shown = cx.shown(arg);
            cx.say(
                arg.at,
                Diagnostic::error(
                    "invalid-value",
                    format!("`{shown}` is not a query condition"),
                )
                .label("expected `key=value`")
                .hint(format!("`{shown}=*` holds when the key is there")),
            );
            continue;
        };
        match pairs.iter_mut().find(|(name, _)| name == key) {
            Some((_, values)) => values.push(value.into()),
            None => pairs.push((key.to_owned(), vec![value.into()])),
        }
    }
    if let Some(Matcher::Query(existing)) = out.iter_mut().find(|m| matches!(m, Matcher::Query(_)))
    {
        for (key, values) in pairs {
            match existing.iter_mut().find(|(name, _)| *name == key) {
                Some((_, known)) => known.extend(values),
                None => existing.push((key, values)),
            }
        }
    } else {
        out.push(Matcher::Query(pairs));
    }
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
