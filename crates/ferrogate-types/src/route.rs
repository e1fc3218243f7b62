//! The route language: what a site's body says, as plain data.
//!
//! The configuration crate writes it, sorted and checked; the edge compiles it. A list of [`Route`]s is run
//! in order: a route whose matcher holds runs its handler, and the first handler that answers ends the list.

mod auth;
mod encode;
mod files;
mod handler;
mod header;
mod matcher;
mod nested;
mod proxy;
mod response;
mod value;

use std::sync::Arc;

use serde::Serialize;

pub use auth::{Account, BasicAuth};
pub use encode::{Encode, EncodeFormat};
pub use files::{Browse, FileMatch, FileServer, Precompressed, TryPolicy};
pub use handler::{BodyTimeouts, CopiedFields, Handler, QueryOp, RedirectCode, RequestBody, UriOp};
pub use header::{HeaderEdits, HeaderOp};
pub use matcher::{
    HeaderMatch, HeaderRegexp, Matcher, MatcherSet, NamedRegexp, ProtocolMatch, Subject,
    TextPattern, VarsRegexp,
};
pub use proxy::{
    ActiveHealth, BufferLimit, Dial, DynamicA, DynamicSrv, DynamicUpstreams, HttpTransport,
    Keepalive, LoadBalancing, LoadBalancingPolicy, PassiveHealth, ProxyProtocol, ReverseProxy,
    UpstreamAddress, UpstreamScheme, UpstreamTls, UpstreamVersions,
};
pub use response::{
    ErrorRoutes, Intercept, ResponseAction, ResponseHandler, ResponseMatcher, StatusPattern,
};
pub use value::{Map, MapInput, MapLine, Tracing, Value};

/// One directive of a block: its condition and what it does.
///
/// Within one list, all [`Handler::Handle`] routes exclude one another, and so do all [`Handler::Rewrite`] and all
/// [`Handler::Root`] routes: only the first whose matcher holds runs.
#[derive(Clone, Debug, Serialize)]
pub struct Route {
    /// The condition; `None` matches every request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matcher: Option<Arc<MatcherSet>>,
    /// What it does.
    pub handler: Handler,
    /// Where it was written.
    pub origin: Origin,
}

/// `&(name) { ... }`: routes that [`Handler::Invoke`] runs.
#[derive(Clone, Debug, Serialize)]
pub struct NamedRoute {
    /// The name.
    pub name: String,
    /// The directives, sorted.
    pub routes: Vec<Route>,
    /// Where it was written.
    pub origin: Origin,
}

/// Where something was written, for `explain` and logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The directive's name.
    pub directive: Arc<str>,
    /// `FILE:LINE`.
    pub place: Arc<str>,
}
