//! The table of directives.

use super::body::Body;
use super::table::Row;
use super::{ai, handle, header, log, proxy, redirect, respond, rewrite, site, tls, vars};

/// A directive.
pub(crate) struct Directive {
    pub(crate) row: Row<Body>,
    /// What its first argument may be.
    pub(crate) leading: Leading,
}

/// What the first argument of a directive may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leading {
    /// Nothing special, and the directive stands in a site's own block only.
    SiteOnly,
    /// A matcher: `*`, `/path` or `@name`.
    Matcher,
    /// A path, which must be there.
    Path,
}

/// Every directive, in the order in which they take effect within a block.
///
/// The order is Caddy's. `ai_gateway` stands after everything that authenticates or edits the request and before
/// the blocks and terminal responders, because it answers only the paths it knows and passes the rest on.
pub(crate) const DIRECTIVES: &[Directive] = &[
    site_only(Row::new(
        "bind",
        "bind ADDRESS...",
        "Interfaces the site listens on.",
        site::bind,
    )),
    site_only(Row::new(
        "log",
        "log [{ ... }]",
        "Writes an access log.",
        log::directive,
    )),
    site_only(Row::new(
        "tls",
        "tls CERTIFICATE KEY",
        "Serves HTTPS with a certificate from PEM files.",
        tls::directive,
    )),
    later(
        "handle_errors",
        "answer errors where they arise, with `respond`",
    ),
    later("tracing", ""),
    later("map", "use `vars` with matchers"),
    handler(Row::new(
        "vars",
        "vars [MATCHER] NAME VALUE | { NAME VALUE ... }",
        "Sets variables.",
        vars::directive,
    )),
    never("fs", "there are no file systems to choose from"),
    later(
        "root",
        "serve files from a file server behind `reverse_proxy`",
    ),
    later("log_append", ""),
    later("skip_log", ""),
    later("log_skip", ""),
    later("log_name", ""),
    handler(Row::new(
        "header",
        "header [MATCHER] [+|-|?|>]FIELD [VALUE [REPLACEMENT]] | { ... }",
        "Edits response headers.",
        header::response,
    )),
    later(
        "copy_response_headers",
        "use `header_down` in `reverse_proxy`",
    ),
    later(
        "request_body",
        "`max_request_bytes` in `ai_gateway` limits the bodies of model calls",
    ),
    later(
        "timeouts",
        "use `servers { timeouts { ... } }` in the global options",
    ),
    handler(Row::new(
        "redir",
        "redir [MATCHER] TARGET [STATUS|temporary|permanent|html]",
        "Redirects.",
        redirect::directive,
    )),
    later("method", ""),
    handler(Row::new(
        "rewrite",
        "rewrite [MATCHER] TARGET",
        "Changes path and query.",
        rewrite::directive,
    )),
    handler(Row::new(
        "uri",
        "uri [MATCHER] strip_prefix|strip_suffix|replace|path_regexp|query ...",
        "Edits path or query.",
        rewrite::uri,
    )),
    later(
        "try_files",
        "serve files from a file server behind `reverse_proxy`",
    ),
    later(
        "basicauth",
        "restrict the route with `remote_ip`, or use the keys of `ai_gateway`",
    ),
    later(
        "basic_auth",
        "restrict the route with `remote_ip`, or use the keys of `ai_gateway`",
    ),
    later(
        "forward_auth",
        "restrict the route with `remote_ip`, or use the keys of `ai_gateway`",
    ),
    handler(Row::new(
        "request_header",
        "request_header [MATCHER] [+|-]FIELD [VALUE [REPLACEMENT]]",
        "Edits request headers.",
        header::request,
    )),
    later("encode", ""),
    never("push", "browsers have removed HTTP/2 push"),
    later("intercept", ""),
    never("templates", "this gateway serves no content of its own"),
    handler(Row::new(
        "ai_gateway",
        "ai_gateway [MATCHER] [{ ... }]",
        "Serves the model APIs.",
        ai::directive,
    )),
    later(
        "invoke",
        "use a snippet: `(name) { ... }` and `import name`",
    ),
    handler(Row::new(
        "handle",
        "handle [MATCHER] { ... }",
        "A block that excludes its siblings.",
        handle::handle,
    )),
    Directive {
        row: Row::new(
            "handle_path",
            "handle_path PATH { ... }",
            "A `handle` that strips its path.",
            handle::handle_path,
        ),
        leading: Leading::Path,
    },
    handler(Row::new(
        "route",
        "route [MATCHER] { ... }",
        "A block in literal order.",
        handle::route,
    )),
    handler(Row::new(
        "abort",
        "abort [MATCHER]",
        "Closes the connection without an answer.",
        respond::abort,
    )),
    handler(Row::new(
        "error",
        "error [MATCHER] [MESSAGE] [STATUS]",
        "Fails the request.",
        respond::error,
    )),
    later(
        "copy_response",
        "`reverse_proxy` passes answers on by itself",
    ),
    handler(Row::new(
        "respond",
        "respond [MATCHER] [BODY] [STATUS] [{ body TEXT ; close }]",
        "A static answer.",
        respond::respond,
    )),
    later(
        "metrics",
        "`ai_gateway` serves /metrics when its `admin` is on",
    ),
    handler(Row::new(
        "reverse_proxy",
        "reverse_proxy [MATCHER] [UPSTREAM...] [{ ... }]",
        "Passes requests on.",
        proxy::directive,
    )),
    never(
        "php_fastcgi",
        "there is no FastCGI; run PHP behind an HTTP server and `reverse_proxy`",
    ),
    later(
        "file_server",
        "serve files from a file server behind `reverse_proxy`",
    ),
    never("acme_server", "this gateway is no certificate authority"),
];

/// Whether a word names a directive, so that it cannot be a site's address.
pub(crate) fn is_name(word: &str) -> bool {
    DIRECTIVES
        .iter()
        .any(|directive| directive.row.name == word)
}

/// The place of a directive in the order of effect; `handle_path` counts as `handle`.
pub(crate) fn slot(index: usize) -> usize {
    let handle_path = DIRECTIVES
        .get(index)
        .is_some_and(|directive| directive.leading == Leading::Path);
    index - usize::from(handle_path)
}

const fn site_only(row: Row<Body>) -> Directive {
    Directive {
        row,
        leading: Leading::SiteOnly,
    }
}

const fn handler(row: Row<Body>) -> Directive {
    Directive {
        row,
        leading: Leading::Matcher,
    }
}

const fn later(name: &'static str, instead: &'static str) -> Directive {
    handler(Row::later(name, instead))
}

const fn never(name: &'static str, reason: &'static str) -> Directive {
    handler(Row::never(name, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handle_path_shares_the_place_of_handle() {
        let index = |name: &str| {
            DIRECTIVES
                .iter()
                .position(|directive| directive.row.name == name)
                .unwrap()
        };
        assert_eq!(slot(index("handle_path")), slot(index("handle")));
        assert!(slot(index("request_header")) < slot(index("ai_gateway")));
        assert!(slot(index("ai_gateway")) < slot(index("handle")));
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = DIRECTIVES
            .iter()
            .map(|directive| directive.row.name)
            .collect();
        names.sort_unstable();
        names
            .windows(2)
            .for_each(|pair| assert_ne!(pair[0], pair[1]));
    }
}
