//! The table of directives.

use super::body::Body;
use super::table::Row;
use super::{
    access_log, ai, basic_auth, copy_response, encode, errors, file_server, handle, header,
    intercept, log, map, matcher, named_routes, proxy, redirect, request_body, respond, rewrite,
    site, tls, vars,
};

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
    /// The same; but a path that stands alone is what the directive is about.
    Target,
    /// Nothing special.
    Plain,
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
        "log [NAME] [{ ... }]",
        "Writes an access log.",
        log::directive,
    )),
    site_only(Row::new(
        "tls",
        "tls [CERTIFICATE KEY|internal|force_automate|EMAIL] [{ ... }]",
        "Certificates and settings of HTTPS.",
        tls::directive,
    )),
    site_only(Row::new(
        "handle_errors",
        "handle_errors [STATUS|CLASS...] { ... }",
        "Runs when a request has failed.",
        errors::directive,
    )),
    handler(Row::new(
        "tracing",
        "tracing [MATCHER] [{ span NAME ; span_attributes { ... } }]",
        "Continues or begins a trace.",
        access_log::tracing,
    )),
    handler(Row::new(
        "map",
        "map [MATCHER] SOURCE {DESTINATION}... { [~]INPUT OUTPUT... ; default VALUE... }",
        "Sets placeholders by the value of another.",
        map::directive,
    )),
    handler(Row::new(
        "vars",
        "vars [MATCHER] NAME VALUE | { NAME VALUE ... }",
        "Sets variables.",
        vars::directive,
    )),
    never(
        "fs",
        "there are no file systems to choose from",
        "leave it out; files are read from the disk",
    ),
    Directive {
        row: Row::new(
            "root",
            "root [MATCHER] PATH",
            "Where files are looked up.",
            file_server::root,
        ),
        leading: Leading::Target,
    },
    handler(Row::new(
        "log_append",
        "log_append [MATCHER] [<]KEY VALUE",
        "One more field in the access log.",
        access_log::append,
    )),
    handler(Row::new(
        "skip_log",
        "skip_log [MATCHER]",
        "The old name of `log_skip`.",
        access_log::skip,
    )),
    handler(Row::new(
        "log_skip",
        "log_skip [MATCHER]",
        "No access log entry.",
        access_log::skip,
    )),
    handler(Row::new(
        "log_name",
        "log_name [MATCHER] NAME...",
        "The access logs to use instead of the site's.",
        access_log::name,
    )),
    handler(Row::new(
        "header",
        "header [MATCHER] [+|-|?|>]FIELD [VALUE [REPLACEMENT]] | { ... }",
        "Edits response headers.",
        header::response,
    )),
    handler(Row::new(
        "copy_response_headers",
        "copy_response_headers [MATCHER] [{ include FIELD... | exclude FIELD... }]",
        "Takes fields over from the answer at hand, in `handle_response`.",
        copy_response::headers,
    )),
    handler(Row::new(
        "request_body",
        "request_body [MATCHER] { ... }",
        "Limits or replaces the request's body.",
        request_body::request_body,
    )),
    handler(Row::new(
        "timeouts",
        "timeouts [MATCHER] { ... }",
        "How long bodies may stand still.",
        request_body::timeouts,
    )),
    handler(Row::new(
        "redir",
        "redir [MATCHER] TARGET [STATUS|temporary|permanent|html]",
        "Redirects.",
        redirect::directive,
    )),
    handler(Row::new(
        "method",
        "method [MATCHER] VERB",
        "Changes the method.",
        rewrite::method,
    )),
    Directive {
        row: Row::new(
            "rewrite",
            "rewrite [MATCHER] TARGET",
            "Changes path and query.",
            rewrite::directive,
        ),
        leading: Leading::Target,
    },
    handler(Row::new(
        "uri",
        "uri [MATCHER] strip_prefix|strip_suffix|replace|path_regexp|query ...",
        "Edits path or query.",
        rewrite::uri,
    )),
    Directive {
        row: Row::new(
            "try_files",
            "try_files FILE... [=STATUS] [{ policy ... }]",
            "Rewrites to the first file that exists.",
            matcher::try_files,
        ),
        leading: Leading::Plain,
    },
    handler(Row::new(
        "basicauth",
        "basicauth [MATCHER] [bcrypt|argon2id [REALM]] { USER HASH ... }",
        "The old name of `basic_auth`.",
        basic_auth::directive,
    )),
    handler(Row::new(
        "basic_auth",
        "basic_auth [MATCHER] [bcrypt|argon2id [REALM]] { USER HASH ... }",
        "Asks for a name and a password.",
        basic_auth::directive,
    )),
    handler(Row::new(
        "forward_auth",
        "forward_auth [MATCHER] UPSTREAM... { uri TARGET ; copy_headers FIELD... ; ... }",
        "Asks another server who may come in.",
        proxy::forward_auth::directive,
    )),
    handler(Row::new(
        "request_header",
        "request_header [MATCHER] [+|-]FIELD [VALUE [REPLACEMENT]]",
        "Edits request headers.",
        header::request,
    )),
    handler(Row::new(
        "encode",
        "encode [MATCHER] [FORMAT...] [{ ... }]",
        "Compresses answers.",
        encode::directive,
    )),
    never(
        "push",
        "browsers have removed HTTP/2 push",
        "announce what is needed with `header Link \"</style.css>; rel=preload\"`",
    ),
    handler(Row::new(
        "intercept",
        "intercept [MATCHER] { @NAME ... ; replace_status ... ; handle_response ... }",
        "Replaces answers of what follows.",
        intercept::directive,
    )),
    never(
        "templates",
        "there is no template engine",
        "render the pages elsewhere and pass requests on with `reverse_proxy`",
    ),
    handler(Row::new(
        "ai_gateway",
        "ai_gateway [MATCHER] [{ ... }]",
        "Serves the model APIs.",
        ai::directive,
    )),
    handler(Row::new(
        "invoke",
        "invoke [MATCHER] NAME",
        "Runs a named route, `&(NAME) { ... }`.",
        named_routes::invoke,
    )),
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
    handler(Row::new(
        "copy_response",
        "copy_response [MATCHER] [STATUS]",
        "Sends the answer at hand, in `handle_response`.",
        copy_response::response,
    )),
    handler(Row::new(
        "respond",
        "respond [MATCHER] [BODY] [STATUS] [{ body TEXT ; close }]",
        "A static answer.",
        respond::respond,
    )),
    handler(Row::new(
        "metrics",
        "metrics [MATCHER] [{ disable_openmetrics }]",
        "The metrics page.",
        respond::metrics,
    )),
    handler(Row::new(
        "reverse_proxy",
        "reverse_proxy [MATCHER] [UPSTREAM...] [{ ... }]",
        "Passes requests on.",
        proxy::directive,
    )),
    never(
        "php_fastcgi",
        "there is no FastCGI",
        "run PHP behind an HTTP server of its own and pass requests on with `reverse_proxy`",
    ),
    handler(Row::new(
        "file_server",
        "file_server [MATCHER] [browse] [{ ... }]",
        "Serves files.",
        file_server::directive,
    )),
    never(
        "acme_server",
        "this gateway is no certificate authority",
        "run one beside it and pass requests on with `reverse_proxy`",
    ),
];

/// Whether a word names a directive, so that it cannot be a site's address.
pub(crate) fn is_name(word: &str) -> bool {
    DIRECTIVES
        .iter()
        .any(|directive| directive.row.name == word)
}

/// The directive whose place a directive has: `handle_path` counts as `handle`.
pub(crate) fn family(index: usize) -> usize {
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

const fn never(name: &'static str, reason: &'static str, instead: &'static str) -> Directive {
    handler(Row::instead(name, reason, instead))
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
        assert_eq!(family(index("handle_path")), family(index("handle")));
        assert!(family(index("request_header")) < family(index("ai_gateway")));
        assert!(family(index("ai_gateway")) < family(index("handle")));
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
