//! What a directive does.

use std::time::Duration;

use serde::Serialize;

use super::{
    BasicAuth, Encode, FileMatch, FileServer, HeaderEdits, HeaderOp, Intercept, Map, ReverseProxy,
    Route, Tracing, Value,
};
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
    /// `method`: upper-cased when it is set.
    Method(Template),
    /// `uri`.
    Uri(UriOp),
    /// `try_files`: rewrites to the first file found, else to the last candidate.
    TryFiles(FileMatch),
    /// `header`.
    Header(HeaderEdits),
    /// `request_header`.
    RequestHeader(Vec<HeaderOp>),
    /// `vars`: names and values, in order; unknown placeholders become empty.
    Vars(Vec<(String, Value)>),
    /// `map`: values looked up when their placeholders are read.
    Map(Map),
    /// `root`: sets the variable `root`; exclusive with its siblings.
    Root(Template),
    /// `request_body`.
    RequestBody(RequestBody),
    /// `timeouts`.
    Timeouts(BodyTimeouts),
    /// `basic_auth`.
    BasicAuth(BasicAuth),
    /// `encode`.
    Encode(Encode),
    /// `intercept`.
    Intercept(Intercept),
    /// `log_skip`: no access log entry.
    LogSkip,
    /// `log_append`: one more field in the access log entry.
    LogAppend {
        /// The field's name.
        key: String,
        /// Its value; unknown placeholders become empty.
        value: Value,
        /// Evaluated when the directive runs, not after the answer (`<key`).
        early: bool,
    },
    /// `log_name`: the access loggers to use instead of the site's.
    LogName(Vec<String>),
    /// `tracing`.
    Tracing(Tracing),
    /// `handle` (and `handle_path`, whose first inner route strips the prefix): exclusive with its siblings.
    Handle(Vec<Route>),
    /// `route`: inner directives in literal order.
    Route(Vec<Route>),
    /// `invoke`: index into the configuration's named routes.
    Invoke(usize),
    /// `copy_response`: sends the answer that is being handled, with this status if one is given.
    CopyResponse(Option<Template>),
    /// `copy_response_headers`: takes fields over from the answer that is being handled.
    CopyResponseHeaders(CopiedFields),
    /// `metrics`: the metrics page.
    Metrics,
    /// `file_server`.
    FileServer(FileServer),
    /// `reverse_proxy`, and `forward_auth`, which is written in terms of it.
    ReverseProxy(Box<ReverseProxy>),
    /// `ai_gateway`: index into the configuration's gateways.
    AiGateway(usize),
}

/// `request_body { ... }`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RequestBody {
    /// The largest body in bytes; more is a 413.
    pub max_size: Option<u64>,
    /// A body to put in the place of the client's.
    pub set: Option<Template>,
}

/// `timeouts { ... }`: how long a body may stand still.
#[derive(Clone, Debug, Default, Serialize)]
pub struct BodyTimeouts {
    /// Between two reads of the request's body.
    #[serde(serialize_with = "crate::serialize_duration_option")]
    pub read: Option<Duration>,
    /// Between two writes of the answer's.
    #[serde(serialize_with = "crate::serialize_duration_option")]
    pub write: Option<Duration>,
}

/// Which fields `copy_response_headers` takes over. Names in lower case.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CopiedFields {
    /// All.
    All,
    /// Only these.
    Include(Vec<String>),
    /// All but these.
    Exclude(Vec<String>),
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
