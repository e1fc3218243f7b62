//! `health_*`: probes of the upstreams.

use std::time::Duration;

use ferrogate_types::Template;
use ferrogate_types::route::{ActiveHealth, StatusPattern};

use super::Draft;
use super::balance::status_patterns;
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::Place;
use crate::diagnostic::Diagnostic;

/// Probes as they are read.
#[derive(Default)]
pub(crate) struct Health {
    uri: Option<String>,
    port: Option<u16>,
    upstream: Option<String>,
    pub(super) interval: Option<Duration>,
    pub(super) timeout: Option<Duration>,
    pub(super) method: Option<String>,
    pub(super) body: Option<String>,
    headers: Vec<(String, Template)>,
    status: Option<StatusPattern>,
    expect_body: Option<String>,
    pub(super) passes: Option<u32>,
    pub(super) fails: Option<u32>,
    pub(super) follow_redirects: bool,
    /// Where the first setting stands.
    at: Option<Place>,
}

impl Health {
    /// Remembers where something about probes is written.
    pub(super) fn mark(&mut self, at: Place) -> &mut Self {
        self.at.get_or_insert(at);
        self
    }

    /// The probes, if any are made.
    pub(super) fn settle(self, cx: &mut Cx<'_>) -> Option<ActiveHealth> {
        if self.uri.is_none() && self.port.is_none() && self.upstream.is_none() {
            if let Some(at) = self.at {
                cx.say(
                    at,
                    Diagnostic::warning("no-effect", "no health check is made")
                        .label("says how, but not what to ask for")
                        .hint("add `health_uri /PATH`"),
                );
            }
            return None;
        }
        Some(ActiveHealth {
            uri: self.uri.unwrap_or_else(|| "/".to_owned()),
            port: self.port,
            upstream: self.upstream,
            interval: self.interval.unwrap_or(Duration::from_secs(30)),
            timeout: self.timeout.unwrap_or(Duration::from_secs(5)),
            method: self.method.unwrap_or_else(|| "GET".to_owned()),
            body: self.body.unwrap_or_default(),
            headers: self.headers,
            status: self.status,
            expect_body: self.expect_body,
            passes: self.passes.unwrap_or(1),
            fails: self.fails.unwrap_or(1),
            follow_redirects: self.follow_redirects,
        })
    }
}

pub(super) fn uri(cx: &mut Cx<'_>, line: &Line<'_>, proxy: &mut Draft) {
    let Some(word) = line.word(cx) else { return };
    let uri = word.text.starts_with('/') && !word.text.contains(char::is_whitespace);
    let checked = uri
        .then(|| word.text.to_string())
        .ok_or("does not begin with a slash");
    if let Some(uri) = cx.checked(word, "path", checked) {
        proxy.active.mark(line.at()).uri = Some(uri);
    }
}

pub(super) fn path(cx: &mut Cx<'_>, line: &Line<'_>, proxy: &mut Draft) {
    cx.deprecated(line, "health_uri");
    uri(cx, line, proxy);
}

pub(super) fn port(cx: &mut Cx<'_>, line: &Line<'_>, proxy: &mut Draft) {
    proxy.active.mark(line.at()).port = line.port(cx);
}

pub(super) fn upstream(cx: &mut Cx<'_>, line: &Line<'_>, proxy: &mut Draft) {
    let Some(word) = line.word(cx) else { return };
    let good = word
        .text
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    let checked = good
        .then(|| word.text.to_string())
        .ok_or("is not `HOST:PORT`");
    proxy.active.mark(line.at()).upstream = cx.checked(word, "address", checked);
}

pub(super) fn headers(cx: &mut Cx<'_>, line: &Line<'_>, proxy: &mut Draft) {
    proxy.active.mark(line.at());
    let Some(block) = line.block(cx) else { return };
    for segment in &block.segments {
        let line = Line::of(segment, "FIELD VALUE...");
        let field = segment.name.text.trim_end_matches(':');
        for value in line.list(cx, 1..=usize::MAX).unwrap_or_default() {
            let value = cx.template(value);
            proxy.active.headers.push((field.to_owned(), value));
        }
    }
}

pub(super) fn status(cx: &mut Cx<'_>, line: &Line<'_>, proxy: &mut Draft) {
    let words = line.list(cx, 1..=1).unwrap_or_default();
    proxy.active.mark(line.at()).status = status_patterns(cx, words).pop();
}

pub(super) fn body(cx: &mut Cx<'_>, line: &Line<'_>, proxy: &mut Draft) {
    let expression = line.word(cx).and_then(|word| cx.regex(word));
    proxy.active.mark(line.at()).expect_body = expression;
}
