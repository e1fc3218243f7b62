//! What a directive does.

use serde::Serialize;

use super::{HeaderEdits, HeaderOp, ReverseProxy, Route};
use crate::Template;

/// What a directive does.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Handler {
    /// `respond`: a static answer.
    Respond {
        /// The status; 200 when absent.
        status: Option<Template>,
        /// The body.
        body: Option<Template>,
        /// End the connection after the answer.
        close: bool,
    },
    /// `error`: fails the request with a status.
    Error {
        /// The status; 500 when absent.
        status: Option<Template>,
        /// The message, for the log.
        message: Option<Template>,
    },
    /// `abort`: ends the connection without an answer.
    Abort,
    /// `redir`.
    Redirect {
        /// The target; unknown placeholders become empty.
        to: Template,
        /// The status.
        code: RedirectCode,
    },
    /// `rewrite`: path, `?query`, `#fragment`; only the parts that are present change.
    Rewrite {
        /// The target; unknown placeholders become empty.
        to: Template,
    },
    /// `uri`.
    Uri(UriOp),
    /// `header`.
    Header(HeaderEdits),
    /// `request_header`.
    RequestHeader(Vec<HeaderOp>),
    /// `vars`: names and values, in order; unknown placeholders become empty.
    Vars(Vec<(String, Template)>),
    /// `handle` (and `handle_path`, whose first inner route strips the prefix): exclusive with its siblings.
    Handle(Vec<Route>),
    /// `route`: inner directives in literal order.
    Route(Vec<Route>),
    /// `reverse_proxy`.
    ReverseProxy(Box<ReverseProxy>),
    /// `ai_gateway`: index into the configuration's gateways.
    AiGateway(usize),
}

/// The status of a redirect.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RedirectCode {
    /// 300 to 399, or 401.
    Status(u16),
    /// A placeholder, resolved per request.
    Template(Template),
    /// A 200 page that redirects by itself.
    Html,
}

/// The `uri` directive.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UriOp {
    /// Removes a path prefix, without regard to case.
    StripPrefix(Template),
    /// Removes a path suffix, without regard to case.
    StripSuffix(Template),
    /// Replaces text in path (escaped form) and query, each separately.
    Replace {
        /// What to look for.
        find: Template,
        /// What to put.
        to: Template,
        /// At most so many times in each part.
        limit: Option<usize>,
    },
    /// Replaces in the path by a regular expression.
    PathRegexp {
        /// The expression; checked at load.
        find: String,
        /// The replacement.
        to: Template,
    },
    /// Edits query parameters: rename, set, add, replace, delete, in this order; then sorted by key.
    Query(Vec<QueryOp>),
}

/// One edit of the query.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QueryOp {
    /// `old>new`
    Rename {
        /// The old key.
        from: Template,
        /// The new key.
        to: Template,
    },
    /// `key value`
    Set {
        /// The key.
        key: Template,
        /// The value.
        value: Template,
    },
    /// `+key value`
    Add {
        /// The key.
        key: Template,
        /// The value.
        value: Template,
    },
    /// `key find replacement`; `*` = all keys.
    Replace {
        /// The key.
        key: Template,
        /// A regular expression; checked at load.
        find: String,
        /// The replacement.
        to: Template,
    },
    /// `-key`
    Delete {
        /// The key.
        key: Template,
    },
}
