//! Routes as written to routes that run: conditions, and what is done with a request.

use std::collections::HashMap;
use std::sync::Arc;

use ferrogate_types::Template;
use ferrogate_types::route::{
    Handler, HeaderMatch, Matcher, MatcherSet, Origin, Route, TextPattern,
};

use super::RouteDraft;
use crate::caddyfile::body::Level;
use crate::caddyfile::context::Cx;
use crate::caddyfile::syntax::{Block, Segment, Token};
use crate::diagnostic::Diagnostic;
use crate::suggest::did_you_mean;
use crate::toml::reader::{Reader, block, line as one_line, word};
use crate::toml::upstream::{Upstream, Upstreams};

impl Reader<'_, '_> {
    /// The routes that are switched on, in the order written: the first that matches serves a request.
    pub(in crate::toml) fn routes(
        &mut self,
        drafts: &[RouteDraft],
        upstreams: &Upstreams,
    ) -> Vec<Route> {
        let mut names: HashMap<&str, &Token> = HashMap::new();
        let mut routes = Vec::new();
        for draft in drafts {
            if let Some(name) = &draft.name
                && let Some(first) = names.insert(&name.text, name)
            {
                let shown = self.cx.shown(name);
                self.cx.say(
                    name.at,
                    Diagnostic::error(
                        "duplicate-route",
                        format!("route `{shown}` is defined twice"),
                    )
                    .label("second definition")
                    .also(first.at.span, "first definition"),
                );
            }
            routes.extend(self.route(draft, upstreams).filter(|_| !draft.disabled));
        }
        routes
    }

    fn route(&mut self, draft: &RouteDraft, upstreams: &Upstreams) -> Option<Route> {
        let upstream = self.upstream(draft, upstreams);
        let matchers = self.matchers(draft);
        let (name, upstream) = (draft.name.as_ref()?, upstream?);
        let guarded = Cx::guards(&matchers);
        self.cx.guards += usize::from(guarded);
        let lines = self.lines(draft, upstream);
        let body = self.cx.body(&Block { segments: lines }, Level::Literal);
        self.cx.guards -= usize::from(guarded);
        let matcher = (!matchers.is_empty()).then(|| {
            Arc::new(MatcherSet {
                name: name.text.to_string(),
                matchers,
            })
        });
        let place = self.cx.report.sources().place(draft.at.span);
        Some(Route {
            matcher,
            handler: Handler::Handle(body.into_routes(Level::Literal)),
            origin: Origin {
                directive: "routes".into(),
                place: place.into(),
            },
        })
    }

    fn upstream<'u>(
        &mut self,
        draft: &RouteDraft,
        upstreams: &'u Upstreams,
    ) -> Option<&'u Upstream> {
        let word = draft.upstream.as_ref()?;
        let found = upstreams.get(&word.text);
        let shown = self.cx.shown(word);
        match found {
            None => {
                let hint = match did_you_mean(&word.text, upstreams.keys().map(|name| &**name)) {
                    hint if hint.is_empty() => {
                        format!("define it: `[[upstreams]]` with `name = \"{shown}\"`")
                    }
                    hint => hint,
                };
                self.cx.say(
                    word.at,
                    Diagnostic::error(
                        "unknown-reference",
                        format!("upstream `{shown}` is not defined"),
                    )
                    .label("no such upstream")
                    .hint(hint),
                );
            }
            Some(upstream) if upstream.disabled && !draft.disabled => self.cx.say(
                word.at,
                Diagnostic::error(
                    "disabled-upstream",
                    format!("upstream `{shown}` is switched off"),
                )
                .label("this route would lead nowhere")
                .hint("write `enabled = false` in the route as well"),
            ),
            Some(_) => {}
        }
        found
    }

    fn matchers(&mut self, draft: &RouteDraft) -> Vec<Matcher> {
        let mut matchers = Vec::new();
        if !draft.hosts.is_empty() {
            let hosts = draft
                .hosts
                .iter()
                .map(|host| self.cx.template(&lower(host)));
            matchers.push(Matcher::Host(hosts.collect()));
        }
        let mut paths = Vec::new();
        let mut every_path = draft.path_prefixes.is_empty();
        for prefix in &draft.path_prefixes {
            let Some(path) = self.prefix(prefix, "path_prefixes") else {
                continue;
            };
            every_path |= path.is_empty();
            paths.extend([
                Template::parse(&path),
                Template::parse(&format!("{path}/*")),
            ]);
        }
        if !every_path {
            matchers.push(Matcher::Path(paths));
        }
        let mut fields = Vec::new();
        for (field, value) in &draft.match_headers {
            if self.field(field) {
                let value = TextPattern::Exact(self.cx.template(value));
                fields.push(HeaderMatch {
                    field: field.text.to_ascii_lowercase(),
                    values: vec![value],
                });
            }
        }
        if !fields.is_empty() {
            matchers.push(Matcher::Header(fields));
        }
        matchers
    }

    /// What a route does with a request, in this order.
    fn lines(&mut self, draft: &RouteDraft, upstream: &Upstream) -> Vec<Segment> {
        let mut lines = Vec::new();
        if let Some(prefix) = &draft.strip_prefix
            && let Some(path) = self.prefix(prefix, "strip_prefix")
            && !path.is_empty()
        {
            let path = Token {
                text: path.into(),
                ..prefix.clone()
            };
            lines.push(one_line(
                word("uri", prefix.at),
                vec![word("strip_prefix", prefix.at), path],
            ));
        }
        let added = draft
            .add_prefix
            .as_ref()
            .and_then(|prefix| self.prefix(prefix, "add_prefix"));
        let before = format!("{}{}", upstream.base_path, added.unwrap_or_default());
        let upstream_at = draft
            .upstream
            .as_ref()
            .map_or(draft.at, |upstream| upstream.at);
        if !before.is_empty() {
            let at = draft
                .add_prefix
                .as_ref()
                .map_or(upstream_at, |prefix| prefix.at);
            lines.push(one_line(
                word("rewrite", at),
                vec![word(&format!("{before}{{uri}}"), at)],
            ));
        }
        let mut edits = Vec::new();
        for (direction, pairs) in [
            ("header_up", &draft.request_headers),
            ("header_down", &draft.response_headers),
        ] {
            for (field, value) in pairs {
                if self.field(field) {
                    edits.push(one_line(
                        word(direction, field.at),
                        vec![field.clone(), value.clone()],
                    ));
                }
            }
        }
        lines.push(block(
            word("reverse_proxy", upstream_at),
            upstream.addresses.clone(),
            edits,
        ));
        lines
    }

    /// A path prefix without the slash at its end; empty for `/`.
    fn prefix(&mut self, word: &Token, key: &str) -> Option<String> {
        let text: &str = &word.text;
        let label = if !text.starts_with('/') {
            "must begin with a slash"
        } else if text.contains(['*', '?', '#', '{', '}', '\\'])
            || text.contains(char::is_whitespace)
        {
            "must be a plain path, without `*`, query or placeholders"
        } else {
            return Some(text.trim_end_matches('/').to_owned());
        };
        let shown = self.cx.shown(word);
        self.cx.say(
            word.at,
            Diagnostic::error(
                "invalid-prefix",
                format!("`{key}`: `{shown}` is not a path prefix"),
            )
            .label(label),
        );
        None
    }

    /// Whether a word can name a header field.
    fn field(&mut self, word: &Token) -> bool {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        // A field that begins with an operator of the Caddyfile would be added or deleted instead of set.
        let good = !word.text.is_empty()
            && word.text.bytes().all(token)
            && !word.text.starts_with(['+', '-']);
        if !good {
            let shown = self.cx.shown(word);
            self.cx.say(
                word.at,
                Diagnostic::error("header-field", format!("`{shown}` is not a header field"))
                    .label("not a field name"),
            );
        }
        good
    }
}

/// Host names are compared in lower case.
fn lower(host: &Token) -> Token {
    Token {
        text: host.text.to_ascii_lowercase().into(),
        ..host.clone()
    }
}
