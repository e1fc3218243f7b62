//! `[[upstreams]]`

use std::collections::HashMap;
use std::sync::Arc;

use toml::de::DeTable;

use super::reader::Reader;
use super::root::Draft;
use super::table::{Entry, Key, Shape, Table};
use crate::caddyfile::syntax::{Place, Token};
use crate::diagnostic::Diagnostic;

/// Upstreams by their names.
pub(super) type Upstreams = HashMap<Arc<str>, Upstream>;

/// An upstream as it is read.
#[derive(Default)]
pub(super) struct Upstream {
    pub(super) name: Option<Token>,
    url: Option<Token>,
    urls: Vec<Token>,
    pub(super) disabled: bool,
    /// Scheme, host and port of each URL.
    pub(super) addresses: Vec<Token>,
    /// The path that all URLs have, without a slash at the end.
    pub(super) base_path: String,
}

/// Every key of an upstream.
pub(super) const UPSTREAM: Table<Upstream> = Table {
    title: "[[upstreams]]",
    keys: &[
        Key::new("name", Shape::Text, "What routes call it.", |r, e, u| {
            u.name = Some(r.value(e));
        }),
        Key::new(
            "url",
            Shape::Text,
            "Where it is: scheme, host, port, and a path to put before.",
            |r, e, u| {
                u.url = Some(r.value(e));
            },
        ),
        Key::new(
            "urls",
            Shape::List,
            "Further places, used alike.",
            |r, e, u| u.urls = r.words(e),
        ),
        Key::new(
            "enabled",
            Shape::Flag,
            "Whether it may be used; `true` by default.",
            |_, e, u| {
                u.disabled = e.value.get_ref().as_bool() == Some(false);
            },
        ),
    ],
};

/// `[[upstreams]]`
pub(super) fn read(reader: &mut Reader<'_, '_>, entry: &Entry<'_>, draft: &mut Draft) {
    for (at, table) in reader.tables(entry) {
        let mut upstream = Upstream::default();
        reader.table(&UPSTREAM, table, &mut upstream);
        urls(reader, table, at, &mut upstream);
        let Some(name) = upstream.name.clone() else {
            reader.missing(table, at, "upstreams", "name", "api");
            continue;
        };
        if let Some(first) = draft
            .upstreams
            .get(&name.text)
            .and_then(|first| first.name.as_ref())
        {
            let shown = reader.cx.shown(&name);
            reader.cx.say(
                name.at,
                Diagnostic::error(
                    "duplicate-upstream",
                    format!("upstream `{shown}` is defined twice"),
                )
                .label("second definition")
                .also(first.at.span, "first definition"),
            );
            continue;
        }
        draft.upstreams.insert(name.text.clone(), upstream);
    }
}

/// Takes the URLs apart.
fn urls(reader: &mut Reader<'_, '_>, table: &DeTable<'_>, at: Place, upstream: &mut Upstream) {
    let written: Vec<Token> = upstream
        .url
        .take()
        .into_iter()
        .chain(std::mem::take(&mut upstream.urls))
        .collect();
    let mut first: Option<(Place, String)> = None;
    for url in written
        .into_iter()
        .filter(|url| !url.text.trim().is_empty())
    {
        let (address, path) = split(&url.text);
        if !address.starts_with("http://") && !address.starts_with("https://") {
            // What stands before a colon may be a credential.
            let diagnostic = Diagnostic::error(
                "invalid-url",
                "the URL of an upstream begins with `http://` or `https://`",
            )
            .label("no such beginning")
            .hint("write for instance `url = \"http://127.0.0.1:9000\"`");
            reader.cx.say(url.at, diagnostic);
            upstream
                .addresses
                .push(super::reader::word("http://invalid", url.at));
            continue;
        }
        if path.contains(['?', '#', '{', '}']) {
            reader.cx.say(
                url.at,
                Diagnostic::error(
                    "invalid-url",
                    "the URL of an upstream has no query, fragment or placeholder",
                )
                .label("only a path may follow the host"),
            );
        }
        match &first {
            Some((other, base)) if *base != path => reader.cx.say(
                url.at,
                Diagnostic::error(
                    "mixed-paths",
                    "all URLs of one upstream must have the same path",
                )
                .label(format!("here it is `{path}/`"))
                .also(other.span, format!("here it is `{base}/`")),
            ),
            Some(_) => {}
            None => first = Some((url.at, path.to_owned())),
        }
        upstream.addresses.push(Token {
            text: address.into(),
            ..url.clone()
        });
    }
    upstream.base_path = first.map(|(_, path)| path).unwrap_or_default();
    if upstream.addresses.is_empty() {
        reader.missing(table, at, "upstreams", "url", "http://127.0.0.1:9000");
    }
}

/// Scheme, host and port, then the path without the slash at its end.
fn split(url: &str) -> (&str, &str) {
    let url = url.trim();
    let authority = url.find("://").map_or(0, |at| at + 3);
    let path = url
        .get(authority..)
        .and_then(|rest| rest.find(['/', '?', '#']))
        .map_or(url.len(), |at| authority + at);
    let (address, path) = url.split_at(path);
    (address, path.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_urls_apart() {
        for (url, expected) in [
            ("http://a", ("http://a", "")),
            ("http://a/", ("http://a", "")),
            ("https://a:1/b/c/", ("https://a:1", "/b/c")),
            ("http://a?x", ("http://a", "?x")),
            ("a/b", ("a", "/b")),
        ] {
            assert_eq!(split(url), expected, "{url}");
        }
    }
}
