//! One attempt at an upstream.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrogate_types::route::{StatusPattern, UpstreamAddress};

use super::candidate::Candidate;
use super::route::ProxyRoute;

/// A place at an upstream for one attempt. It counts as in flight until it is dropped.
///
/// Dropping it judges nothing; [`Lease::failed`] and [`Lease::observe`] report what went wrong. A client that leaves is no
/// fault of the upstream: just drop the lease.
#[derive(Debug)]
#[must_use = "a lease that is dropped at once frees its place"]
pub struct Lease {
    route: Arc<ProxyRoute>,
    candidate: Arc<Candidate>,
    index: usize,
}

impl Lease {
    /// Takes a place; the caller has acquired it from the upstream's state.
    pub(super) fn new(route: Arc<ProxyRoute>, candidate: Arc<Candidate>, index: usize) -> Self {
        Self {
            route,
            candidate,
            index,
        }
    }

    /// The route it belongs to.
    pub fn route(&self) -> &Arc<ProxyRoute> {
        &self.route
    }

    /// The upstream's place among the candidates.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The upstream.
    pub fn candidate(&self) -> &Arc<Candidate> {
        &self.candidate
    }

    /// Where to connect, and how.
    pub fn address(&self) -> &UpstreamAddress {
        self.candidate.address()
    }

    /// The address as text: `host:port`, `[ipv6]:port` or `unix//path`.
    pub fn dial(&self) -> &str {
        self.candidate.dial()
    }

    /// Ends the attempt as a failure to connect, send or receive.
    pub fn failed(self, now: Instant) {
        self.note_failure(now);
    }

    /// Judges an answer by `unhealthy_status` and `unhealthy_latency`: `latency` is the time from the request sent to the
    /// answer's header.
    pub fn observe(&self, status: u16, latency: Duration, now: Instant) {
        let health = &self.route.spec().passive_health;
        let bad_status = health.unhealthy_status.iter().any(|pattern| match pattern {
            StatusPattern::Code(code) => *code == status,
            StatusPattern::Class(class) => u16::from(*class) == status / 100,
        });
        if bad_status
            || health
                .unhealthy_latency
                .is_some_and(|limit| latency >= limit)
        {
            self.note_failure(now);
        }
    }

    fn note_failure(&self, now: Instant) {
        if !self.route.spec().passive_health.fail_duration.is_zero() {
            self.candidate.state().note_failure(now);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.candidate.state().release();
    }
}
