//! The route language: what a site's body says, as plain data.
//!
//! The configuration crate writes it, sorted and checked; the edge compiles it. A list of [`Route`]s is run
//! in order: a route whose matcher holds runs its handler, and the first handler that answers ends the list.

mod handler;
mod header;
mod matcher;
mod proxy;

use std::sync::Arc;

use serde::Serialize;

pub use handler::{Handler, QueryOp, RedirectCode, UriOp};
pub use header::{HeaderEdits, HeaderOp};
pub use matcher::{HeaderMatch, Matcher, MatcherSet, ProtocolMatch, TextPattern};
pub use proxy::{
    Dial, HttpTransport, Keepalive, LoadBalancing, LoadBalancingPolicy, PassiveHealth,
    ReverseProxy, StatusPattern, UpstreamAddress, UpstreamScheme, UpstreamTls,
};

/// One directive of a block: its condition and what it does.
///
/// Within one list, all [`Handler::Handle`] routes exclude one another, and so do all [`Handler::Rewrite`]
/// routes: only the first whose matcher holds runs.
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

/// Where something was written, for `explain` and logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The directive's name.
    pub directive: Arc<str>,
    /// `FILE:LINE`.
    pub place: Arc<str>,
}
