//! The `reverse_proxy` directive, compiled.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrogate_types::route::{Dial, ReverseProxy, UpstreamAddress};
use http::Method;

use super::lease::Lease;
use super::policy::{Choice, Policy};
use super::registry::UpstreamState;
use crate::address::IpSet;
use crate::compile::Compiler;
use crate::connection::Connection;
use crate::edit::{Edits, ResponseTarget, UpstreamTarget};
use crate::exchange::Exchange;
use crate::head::{HeaderFields, RequestHead};
use crate::placeholder::View;
use crate::text::Text;

/// A `reverse_proxy` ready to choose upstreams and edit headers; sending is the caller's.
#[derive(Debug)]
pub struct ProxyRoute {
    spec: ReverseProxy,
    upstreams: Box<[(UpstreamAddress, Arc<UpstreamState>)]>,
    policy: Policy,
    header_up: Edits,
    header_down: Edits,
    trusted: IpSet,
    server_name: Option<Text>,
}

impl ProxyRoute {
    pub(crate) fn compile(spec: &ReverseProxy, compiler: &mut Compiler<'_>) -> Self {
        let max_fails = spec.passive_health.max_fails;
        let registry = compiler.context().upstreams;
        let upstreams: Box<[_]> = spec
            .upstreams
            .iter()
            .map(|address| {
                (
                    address.clone(),
                    registry.state(&dial_text(&address.dial), max_fails),
                )
            })
            .collect();
        if upstreams.is_empty() {
            compiler.error("names no upstream");
        }
        let server_name = spec
            .transport
            .tls
            .as_ref()
            .and_then(|tls| tls.server_name.as_ref());
        Self {
            policy: Policy::compile(&spec.load_balancing.policy, upstreams.len(), compiler),
            upstreams,
            header_up: Edits::compile(&spec.header_up, compiler),
            header_down: Edits::compile(&spec.header_down, compiler),
            trusted: IpSet::new(&spec.trusted_proxies),
            server_name: server_name.map(|name| compiler.emptying(name)),
            spec: spec.clone(),
        }
    }

    /// The directive as configured: transport, health and retry settings.
    pub fn spec(&self) -> &ReverseProxy {
        &self.spec
    }

    /// The addresses of the upstreams, as text.
    pub fn dials(&self) -> impl Iterator<Item = &str> {
        self.upstreams.iter().map(|(_, state)| state.dial())
    }

    /// Chooses an upstream by policy among the available ones, and tells `{upstream_hostport}`.
    ///
    /// `tried` are the indices of earlier attempts: they are chosen again only when no other is available. `None`: nobody
    /// is, which is a 503 unless [`ProxyRoute::may_retry`] allows to wait.
    pub fn select(
        self: &Arc<Self>,
        request: &dyn RequestHead,
        connection: &Connection,
        exchange: &mut Exchange,
        tried: &[usize],
        now: Instant,
    ) -> Option<Lease> {
        let untried = |at: usize| !tried.contains(&at) && self.is_available(at, now);
        let any = |at: usize| self.is_available(at, now);
        let stages: &[&dyn Fn(usize) -> bool] = if tried.is_empty() {
            &[&any]
        } else {
            &[&untried, &any]
        };
        for usable in stages {
            // Others may take the last place between the choice and the count: then choose again.
            for _ in 0..=self.upstreams.len() {
                let choice = Choice {
                    count: self.upstreams.len(),
                    state: &|at| self.state(at),
                    usable: *usable,
                    request,
                    connection,
                    exchange,
                };
                let Some(index) = self.policy.pick(&choice) else {
                    break;
                };
                let state = self.state(index);
                if state.acquire(self.spec.passive_health.max_requests) {
                    exchange.set_upstream(state.shared_dial());
                    return Some(Lease::new(Arc::clone(self), index));
                }
            }
        }
        None
    }

    /// Whether another attempt may follow, and after which pause.
    ///
    /// `attempts` counts those made, the one that just failed included; `started` is when the first began. `retries` and
    /// `try_duration` both set a limit where they are set; neither set means one attempt.
    pub fn may_retry(&self, attempts: u32, started: Instant, now: Instant) -> Option<Duration> {
        let balancing = &self.spec.load_balancing;
        let (retries, duration) = (balancing.retries, balancing.try_duration);
        let by_count = if retries > 0 {
            attempts <= retries
        } else {
            !duration.is_zero()
        };
        let in_time = duration.is_zero() || now.saturating_duration_since(started) < duration;
        (by_count && in_time).then_some(balancing.try_interval)
    }

    /// Whether a request may be sent again: always when no upstream saw it, else only `GET`.
    pub fn may_repeat(method: &Method, sent: bool) -> bool {
        !sent || *method == Method::GET
    }

    /// Whether the peer's `X-Forwarded-*` fields are believed: by the listener's ranges or the directive's.
    pub fn trusts(&self, connection: &Connection, listener: &IpSet) -> bool {
        connection
            .peer_ip()
            .is_some_and(|peer| listener.contains(peer) || self.trusted.contains(peer))
    }

    /// The server name to send and check in TLS, where the directive sets one.
    pub fn server_name(
        &self,
        request: &dyn RequestHead,
        connection: &Connection,
        exchange: &Exchange,
    ) -> Option<Cow<'_, str>> {
        let view = View {
            head: request,
            connection,
            exchange,
            response: None,
        };
        self.server_name.as_ref().map(|name| name.render(&view))
    }

    /// Applies `header_up` to the fields for the upstream; values refer to the request as received.
    ///
    /// Run it for each attempt, on fresh fields, after [`forward_request_headers`](crate::forward_request_headers()).
    pub fn apply_header_up(
        &self,
        request: &dyn RequestHead,
        connection: &Connection,
        exchange: &Exchange,
        upstream: &mut dyn HeaderFields,
    ) {
        self.header_up.apply(&mut UpstreamTarget {
            request,
            connection,
            exchange,
            upstream,
        });
    }

    /// Notes the upstream's answer for `{rp.*}`, then applies `header_down` to its fields.
    pub fn apply_header_down(
        &self,
        request: &dyn RequestHead,
        connection: &Connection,
        exchange: &mut Exchange,
        status: u16,
        response: &mut dyn HeaderFields,
    ) {
        exchange.set_upstream_answer(status, response.headers());
        self.header_down.apply(&mut ResponseTarget {
            request,
            connection,
            exchange,
            response,
        });
    }

    pub(super) fn address(&self, index: usize) -> &UpstreamAddress {
        &self.upstreams[index].0
    }

    pub(super) fn state(&self, index: usize) -> &UpstreamState {
        &self.upstreams[index].1
    }

    fn is_available(&self, index: usize, now: Instant) -> bool {
        let health = &self.spec.passive_health;
        let state = self.state(index);
        let failed = !health.fail_duration.is_zero()
            && state.has_failed(health.max_fails, health.fail_duration, now);
        !failed
            && health
                .max_requests
                .is_none_or(|limit| state.in_flight() < limit)
    }
}

/// The address as Caddy writes and hashes it.
fn dial_text(dial: &Dial) -> String {
    match dial {
        Dial::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
        Dial::Tcp { host, port } => format!("{host}:{port}"),
        Dial::Unix(path) => format!("unix/{}", path.display()),
    }
}

#[cfg(test)]
mod tests;
