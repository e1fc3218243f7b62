//! `[[routes]]`

use super::reader::Reader;
use super::root::Draft;
use super::table::{Entry, Key, Shape, Table};
use crate::caddyfile::syntax::{Place, Token};
use crate::diagnostic::Diagnostic;

mod lower;

/// How many routes a file may have: they are tried one after the other.
const MAX_ROUTES: usize = 5_000;

/// A route as it is read.
pub(super) struct RouteDraft {
    at: Place,
    name: Option<Token>,
    upstream: Option<Token>,
    hosts: Vec<Token>,
    path_prefixes: Vec<Token>,
    match_headers: Vec<(Token, Token)>,
    strip_prefix: Option<Token>,
    add_prefix: Option<Token>,
    request_headers: Vec<(Token, Token)>,
    response_headers: Vec<(Token, Token)>,
    disabled: bool,
}

/// Every key of a route.
pub(super) const ROUTE: Table<RouteDraft> = Table {
    title: "[[routes]]",
    keys: &[
        Key::new("name", Shape::Text, "Its name.", |r, e, d| {
            d.name = Some(r.value(e));
        }),
        Key::new("upstream", Shape::Text, "Where requests go.", |r, e, d| {
            d.upstream = Some(r.value(e));
        }),
        Key::new(
            "hosts",
            Shape::List,
            "Hosts it serves; all by default.",
            |r, e, d| d.hosts = r.words(e),
        ),
        Key::new(
            "path_prefixes",
            Shape::List,
            "`/a` serves `/a` and what is below it; all by default.",
            |r, e, d| {
                d.path_prefixes = r.words(e);
            },
        ),
        Key::new(
            "match_headers",
            Shape::Pairs,
            "Fields that must have exactly these values.",
            |r, e, d| {
                d.match_headers = r.pairs(e);
            },
        ),
        Key::new(
            "strip_prefix",
            Shape::Text,
            "Taken off the path.",
            |r, e, d| d.strip_prefix = Some(r.value(e)),
        ),
        Key::new(
            "add_prefix",
            Shape::Text,
            "Put before the path, after that.",
            |r, e, d| {
                d.add_prefix = Some(r.value(e));
            },
        ),
        Key::new(
            "request_headers",
            Shape::Pairs,
            "Fields set in the request.",
            |r, e, d| {
                d.request_headers = r.pairs(e);
            },
        ),
        Key::new(
            "response_headers",
            Shape::Pairs,
            "Fields set in the answer.",
            |r, e, d| {
                d.response_headers = r.pairs(e);
            },
        ),
        Key::new(
            "enabled",
            Shape::Flag,
            "Whether it is used; `true` by default.",
            |_, e, d| {
                d.disabled = e.value.get_ref().as_bool() == Some(false);
            },
        ),
    ],
};

/// `[[routes]]`
pub(super) fn read(reader: &mut Reader<'_, '_>, entry: &Entry<'_>, draft: &mut Draft) {
    for (at, table) in reader.tables(entry) {
        let mut route = RouteDraft {
            at,
            name: None,
            upstream: None,
            hosts: Vec::new(),
            path_prefixes: Vec::new(),
            match_headers: Vec::new(),
            strip_prefix: None,
            add_prefix: None,
            request_headers: Vec::new(),
            response_headers: Vec::new(),
            disabled: false,
        };
        reader.table(&ROUTE, table, &mut route);
        if route.name.is_none() {
            reader.missing(table, at, "routes", "name", "api");
        }
        if route.upstream.is_none() {
            reader.missing(table, at, "routes", "upstream", "NAME");
        }
        if draft.routes.len() == MAX_ROUTES {
            reader.cx.say(
                at,
                Diagnostic::error(
                    "too-large",
                    format!("there are more than {MAX_ROUTES} routes"),
                )
                .label("one too many"),
            );
            return;
        }
        draft.routes.push(route);
    }
}
