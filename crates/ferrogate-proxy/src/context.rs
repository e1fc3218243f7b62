//! What is known of one request while it is under way.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use ferrogate_edge::{Connection, Exchange};
use ferrogate_observability::{InFlight, Metrics, RequestKind};
use ferrogate_types::RequestId;

use crate::Snapshot;
use crate::ai::CallRecord;
use crate::upstream::ProxyRun;

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
    /// What answers it.
    pub(crate) kind: RequestKind,
    /// The proxied upstream, when it is proxied.
    pub(crate) proxy: Option<ProxyRun>,
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
            kind: RequestKind::Static,
            proxy: None,
            call: None,
            error: Cow::Borrowed(""),
            client_gone: false,
            _in_flight: metrics.in_flight(),
        }
    }
}
