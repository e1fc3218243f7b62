//! What is known of one request while it is under way.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use ferrogate_edge::{Connection, Exchange, ResponseRoutes};
use ferrogate_observability::{InFlight, Metrics, RequestKind};
use ferrogate_types::RequestId;
use http::HeaderMap;

use crate::Snapshot;
use crate::ai::CallRecord;
use crate::made::Made;

/// What is known of one request.
pub struct RequestContext {
    /// The configuration it is decided from.
    pub(crate) snapshot: Arc<Snapshot>,
    /// When its header had arrived.
    pub(crate) started: Instant,
    /// Its id.
    pub(crate) id: RequestId,
    /// The connection it came in on.
    pub(crate) connection: Connection,
    /// What the edge remembers of it.
    pub(crate) exchange: Exchange,
    /// The site that handles it.
    pub(crate) site: Option<usize>,
    /// The host pattern it came under, where hosts are measured one by one.
    pub(crate) host_rule: Option<usize>,
    /// Its fields as they came, where an access log wants them.
    pub(crate) received: Option<HeaderMap>,
    /// What answers it.
    pub(crate) kind: RequestKind,
    /// The upstream that answered or was tried last; empty when there was none.
    pub(crate) upstream: String,
    /// An answer that an `intercept` holds back, and the routes that run in its place.
    pub(crate) intercepted: Option<(ResponseRoutes, Box<Made>)>,
    /// The model call, when it is one.
    pub(crate) call: Option<CallRecord>,
    /// What ended it early, for the log.
    pub(crate) error: Cow<'static, str>,
    /// The caller left before it had its answer.
    pub(crate) client_gone: bool,
    /// Counts it as under way, whatever becomes of it.
    _in_flight: InFlight,
}

impl RequestContext {
    /// A request of which nothing is known yet.
    pub(crate) fn new(snapshot: Arc<Snapshot>, metrics: &Metrics) -> Self {
        let started = Instant::now();
        Self {
            snapshot,
            started,
            id: RequestId::from_random(fastrand::u128(..)),
            connection: Connection::default(),
            exchange: Exchange::new(started, None),
            site: None,
            host_rule: None,
            received: None,
            kind: RequestKind::Static,
            upstream: String::new(),
            intercepted: None,
            call: None,
            error: Cow::Borrowed(""),
            client_gone: false,
            _in_flight: metrics.in_flight(),
        }
    }
}
