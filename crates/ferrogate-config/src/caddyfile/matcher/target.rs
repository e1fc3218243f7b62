//! Conditions on what a request asks for: method, host, path, query.

use ferrogate_types::Template;
use ferrogate_types::route::Matcher;

use super::types::{MAX_VALUES, too_many};
use super::{Conditions, named_regexp};
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::diagnostic::Diagnostic;

pub(super) fn path(cx: &mut Cx<'_>, line: &Line<'_>, out: &mut Conditions) {
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

/// `path_regexp [NAME] REGEX`, one in each matcher, because there is one path.
pub(super) fn path_regexp(cx: &mut Cx<'_>, line: &Line<'_>, out: &mut Conditions) {
    let Some(args) = line.list(cx, 1..=2) else {
        return;
    };
    let (name, regex) = match args {
        [regex] => (None, regex),
        [name, regex] => (Some(name), regex),
        _ => return,
    };
    if out.iter().any(|m| matches!(m, Matcher::PathRegexp(_))) {
        cx.say(
            line.at(),
            Diagnostic::error("contradiction", "a matcher has one `path_regexp`")
                .label("the second one")
                .hint("write both as `A|B` in one expression, or use two matchers"),
        );
        return;
    }
    out.extend(named_regexp(cx, name, regex).map(Matcher::PathRegexp));
}

pub(super) fn host(cx: &mut Cx<'_>, line: &Line<'_>, out: &mut Conditions) {
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

pub(super) fn method(cx: &mut Cx<'_>, line: &Line<'_>, out: &mut Conditions) {
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

pub(super) fn query(cx: &mut Cx<'_>, line: &Line<'_>, out: &mut Conditions) {
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
