//! The `reverse_proxy` directive, compiled.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrogate_types::route::{Dial, ReverseProxy, UpstreamAddress, UpstreamScheme};
use http::HeaderMap;
use http::header::SET_COOKIE;
use parking_lot::Mutex;

use super::candidate::{Candidate, Candidates, dial_text};
use super::lease::Lease;
use super::lookup::{Lookup, Source};
use super::policy::{Choice, Policy};
use super::probe::Probes;
use super::registry::UpstreamRegistry;
use super::retry::Retries;
use crate::address::IpSet;
use crate::compile::Compiler;
use crate::connection::Connection;
use crate::edit::{Edits, ResponseTarget, UpstreamTarget};
use crate::exchange::Exchange;
use crate::head::{HeaderFields, RequestHead};
use crate::placeholder::View;
use crate::response::{Handled, ResponseHandlers};
use crate::rewrite::Rewrite;
use crate::text::Text;
use crate::trust::TrustedProxies;

/// A `reverse_proxy` ready to choose upstreams and edit headers; sending is the caller's.
#[derive(Debug)]
pub struct ProxyRoute {
    spec: ReverseProxy,
    upstreams: Upstreams,
    policy: Policy,
    retries: Retries,
    header_up: Edits,
    header_down: Edits,
    responses: ResponseHandlers,
    probes: Option<Probes>,
    rewrite: Option<Rewrite>,
    method: Option<Text>,
    trusted: IpSet,
    server_name: Option<Text>,
}

/// What a request of this route may be sent to.
#[derive(Debug)]
struct Upstreams {
    /// Those written as addresses.
    fixed: Candidates,
    /// All those written, in order, when one of them depends on the request: else `fixed` is all.
    written: Option<Box<[Written]>>,
    /// Looked up per attempt.
    sources: Box<[Source]>,
    /// Those that requests or lookups named, with the time of their last use.
    met: Mutex<HashMap<UpstreamAddress, (Arc<Candidate>, Instant)>>,
    registry: Arc<UpstreamRegistry>,
}

#[derive(Debug)]
enum Written {
    Fixed(Arc<Candidate>),
    Text(UpstreamScheme, Text),
}

/// How many upstreams that requests or lookups named are remembered, and for how long after their last use.
const MET: usize = 4_096;
const MET_FOR: Duration = Duration::from_secs(3_600);

impl ProxyRoute {
    pub(crate) fn compile(spec: &ReverseProxy, compiler: &mut Compiler<'_>) -> Self {
        let server_name = spec
            .transport
            .tls
            .as_ref()
            .and_then(|tls| tls.server_name.as_ref());
        let upstreams = Upstreams::compile(spec, compiler);
        let count = spec.dynamic.is_none().then_some(spec.upstreams.len());
        Self {
            policy: Policy::compile(&spec.load_balancing.policy, count, compiler),
            retries: Retries::compile(&spec.load_balancing, compiler),
            upstreams,
            header_up: Edits::compile(&spec.header_up, compiler),
            header_down: Edits::compile(&spec.header_down, compiler),
            responses: ResponseHandlers::compile(&spec.responses, false, compiler),
            probes: spec
                .active_health
                .as_ref()
                .map(|health| Probes::compile(health, compiler)),
            rewrite: spec
                .rewrite
                .as_ref()
                .map(|to| Rewrite::compile(to, compiler)),
            method: spec.method.as_ref().map(|method| compiler.emptying(method)),
            trusted: IpSet::new(&spec.trusted_proxies),
            server_name: server_name.map(|name| compiler.emptying(name)),
            spec: spec.clone(),
        }
    }

    /// The directive as configured: transport, health and retry settings.
    pub fn spec(&self) -> &ReverseProxy {
        &self.spec
    }

    /// The upstreams written as addresses: those that can be probed.
    pub fn fixed(&self) -> &Candidates {
        &self.upstreams.fixed
    }

    /// The active health checks, where there are any.
    pub fn probes(&self) -> Option<&Probes> {
        self.probes.as_ref()
    }

    /// The addresses of the upstreams as written.
    pub fn dials(&self) -> impl Iterator<Item = String> {
        self.spec
            .upstreams
            .iter()
            .map(|address| dial_text(&address.dial))
    }

    /// What has to be looked up before upstreams can be chosen among; usually nothing.
    pub fn lookups(
        &self,
        request: &dyn RequestHead,
        connection: &Connection,
        exchange: &Exchange,
    ) -> Vec<Lookup> {
        let view = view(request, connection, exchange);
        self.upstreams
            .sources
            .iter()
            .filter_map(|source| source.lookup(&view))
            .collect()
    }

    /// The upstreams of a request: those that were looked up, else those written. An upstream written with placeholders that
    /// give no address is left out.
    pub fn candidates(
        &self,
        request: &dyn RequestHead,
        connection: &Connection,
        exchange: &Exchange,
        found: Vec<UpstreamAddress>,
    ) -> Candidates {
        let upstreams = &self.upstreams;
        if !found.is_empty() {
            return found
                .into_iter()
                .map(|address| upstreams.meet(address, &self.spec))
                .collect();
        }
        let Some(written) = &upstreams.written else {
            return Arc::clone(&upstreams.fixed);
        };
        let view = view(request, connection, exchange);
        written
            .iter()
            .filter_map(|written| match written {
                Written::Fixed(candidate) => Some(Arc::clone(candidate)),
                Written::Text(scheme, text) => {
                    let address = address_of(&text.render(&view), *scheme)?;
                    Some(upstreams.meet(address, &self.spec))
                }
            })
            .collect()
    }

    /// Chooses an upstream by policy among the available ones, and tells `{upstream_hostport}`.
    ///
    /// `tried` are the indices of earlier attempts: they are chosen again only when no other is available. `None`: nobody
    /// is, which is a 503 unless [`ProxyRoute::may_retry`] allows to wait. `trusted_peer` comes from [`ProxyRoute::trusts`].
    #[expect(clippy::too_many_arguments, reason = "what a choice depends on")]
    pub fn select(
        self: &Arc<Self>,
        candidates: &Candidates,
        request: &dyn RequestHead,
        connection: &Connection,
        exchange: &mut Exchange,
        trusted_peer: bool,
        tried: &[usize],
        now: Instant,
    ) -> Option<Lease> {
        let any = |at: usize| {
            candidates
                .get(at)
                .is_some_and(|candidate| self.is_available(candidate, now))
        };
        let untried = |at: usize| !tried.contains(&at) && any(at);
        let stages: &[&dyn Fn(usize) -> bool] = if tried.is_empty() {
            &[&any]
        } else {
            &[&untried, &any]
        };
        for usable in stages {
            // Others may take the last place between the choice and the count: then choose again.
            for _ in 0..=candidates.len() {
                let choice = Choice {
                    candidates,
                    usable: *usable,
                    view: view(request, connection, exchange),
                    trusted_peer,
                };
                let Some(picked) = self.policy.pick(&choice) else {
                    break;
                };
                let candidate = candidates.get(picked.index)?;
                if candidate
                    .state()
                    .acquire(self.spec.passive_health.max_requests)
                {
                    exchange.set_upstream(candidate.state().shared_dial());
                    if let Some(cookie) = picked.cookie {
                        exchange.add_response_header(SET_COOKIE, cookie);
                    }
                    let (route, candidate) = (Arc::clone(self), Arc::clone(candidate));
                    return Some(Lease::new(route, candidate, picked.index));
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
        self.retries.next(attempts, started, now)
    }

    /// Whether a request that an upstream may have seen may be sent again: what `lb_retry_match` says, else only `GET`.
    pub fn may_repeat(
        &self,
        request: &dyn RequestHead,
        connection: &Connection,
        exchange: &Exchange,
    ) -> bool {
        self.retries.repeats(view(request, connection, exchange))
    }

    /// Whether `lb_retry_match` wants another attempt in the place of the upstream's answer, as noted in the exchange.
    pub fn refuses_answer(
        &self,
        request: &dyn RequestHead,
        connection: &Connection,
        exchange: &Exchange,
    ) -> bool {
        self.retries.look_at_answers()
            && self
                .retries
                .refuses_answer(view(request, connection, exchange))
    }

    /// What `replace_status` and `handle_response` make of the upstream's answer, as it came; nothing when none of them wants
    /// it.
    ///
    /// # Errors
    ///
    /// The status and message of a request that fails because a placeholder gave no status.
    pub fn on_answer(
        &self,
        request: &dyn RequestHead,
        connection: &Connection,
        exchange: &Exchange,
        status: u16,
        headers: &HeaderMap,
    ) -> Result<Option<Handled>, (u16, String)> {
        let view = view(request, connection, exchange);
        self.responses.decide(status, headers, &view)
    }

    /// Whether the peer's `X-Forwarded-*` fields are believed: by the listener or by the directive's ranges.
    pub fn trusts(&self, connection: &Connection, listener: &TrustedProxies) -> bool {
        let peer = connection.peer_ip();
        listener.contains(peer) || peer.is_some_and(|peer| self.trusted.contains(peer))
    }

    /// The server name to send and check in TLS, where the directive sets one.
    pub fn server_name(
        &self,
        request: &dyn RequestHead,
        connection: &Connection,
        exchange: &Exchange,
    ) -> Option<Cow<'_, str>> {
        let view = view(request, connection, exchange);
        self.server_name.as_ref().map(|name| name.render(&view))
    }

    /// The target for the upstream, where the directive rewrites it.
    pub fn upstream_target(
        &self,
        request: &dyn RequestHead,
        connection: &Connection,
        exchange: &Exchange,
    ) -> Option<String> {
        let view = view(request, connection, exchange);
        self.rewrite.as_ref().map(|rewrite| rewrite.target(&view))
    }

    /// The method for the upstream in capitals, where the directive sets one.
    pub fn upstream_method(
        &self,
        request: &dyn RequestHead,
        connection: &Connection,
        exchange: &Exchange,
    ) -> Option<String> {
        let view = view(request, connection, exchange);
        self.method
            .as_ref()
            .map(|method| method.render(&view).to_ascii_uppercase())
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

    /// Applies `header_down` to an answer's fields; the exchange knows the answer already.
    pub fn apply_header_down(
        &self,
        request: &dyn RequestHead,
        connection: &Connection,
        exchange: &Exchange,
        response: &mut dyn HeaderFields,
    ) {
        self.header_down.apply(&mut ResponseTarget {
            request,
            connection,
            exchange,
            response,
        });
    }

    fn is_available(&self, candidate: &Candidate, now: Instant) -> bool {
        let health = &self.spec.passive_health;
        let state = candidate.state();
        let failed = !health.fail_duration.is_zero()
            && state.has_failed(health.max_fails, health.fail_duration, now);
        !failed
            && candidate.is_healthy()
            && health
                .max_requests
                .is_none_or(|limit| state.in_flight() < limit)
    }
}

impl Upstreams {
    fn compile(spec: &ReverseProxy, compiler: &mut Compiler<'_>) -> Self {
        let registry = Arc::clone(compiler.context().upstreams);
        let max_fails = spec.passive_health.max_fails;
        let written: Vec<Written> = spec
            .upstreams
            .iter()
            .map(|address| match &address.dial {
                Dial::Template(text) => Written::Text(address.scheme, compiler.emptying(text)),
                dial => {
                    let state = registry.state(&dial_text(dial), max_fails);
                    Written::Fixed(Arc::new(Candidate::new(address.clone(), state)))
                }
            })
            .collect();
        let fixed: Candidates = written
            .iter()
            .filter_map(|written| match written {
                Written::Fixed(candidate) => Some(Arc::clone(candidate)),
                Written::Text(..) => None,
            })
            .collect();
        let sources = spec.dynamic.as_ref();
        Self {
            written: (fixed.len() < written.len()).then(|| written.into()),
            fixed,
            sources: sources
                .map(|dynamic| Source::compile(dynamic, compiler))
                .unwrap_or_default()
                .into(),
            met: Mutex::default(),
            registry,
        }
    }

    /// The candidate of an address that is not written down: the same one as long as it is in use, so that its failures
    /// are remembered.
    fn meet(&self, address: UpstreamAddress, spec: &ReverseProxy) -> Arc<Candidate> {
        let now = Instant::now();
        let mut met = self.met.lock();
        if let Some((candidate, used)) = met.get_mut(&address) {
            *used = now;
            return Arc::clone(candidate);
        }
        if met.len() >= MET {
            met.retain(|_, (_, used)| now.saturating_duration_since(*used) < MET_FOR);
        }
        let dial = dial_text(&address.dial);
        let state = self.registry.state(&dial, spec.passive_health.max_fails);
        let candidate = Arc::new(Candidate::new(address.clone(), state));
        // A client may choose the address: what is beyond the bound is used and forgotten.
        if met.len() < MET {
            met.insert(address, (Arc::clone(&candidate), now));
        }
        candidate
    }
}

fn view<'a>(
    request: &'a dyn RequestHead,
    connection: &'a Connection,
    exchange: &'a Exchange,
) -> View<'a> {
    View {
        head: request,
        connection,
        exchange,
        response: None,
    }
}

/// The address a rendered text names: `host`, `host:port`, `[ipv6]:port` or `unix//path`.
pub(super) fn address_of(text: &str, scheme: UpstreamScheme) -> Option<UpstreamAddress> {
    let text = text.trim();
    if let Some(path) = text.strip_prefix("unix/") {
        let dial = Dial::Unix(path.into());
        return path
            .starts_with('/')
            .then_some(UpstreamAddress { scheme, dial });
    }
    let default = if scheme == UpstreamScheme::Https {
        443
    } else {
        80
    };
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        (
            host,
            rest.strip_prefix(':').or(rest.is_empty().then_some("")),
        )
    } else if text.parse::<std::net::Ipv6Addr>().is_ok() {
        (text, Some(""))
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, Some("")),
        }
    };
    let port = match port? {
        "" => default,
        port => port.parse().ok().filter(|port| *port > 0)?,
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    (!host.is_empty() && host.len() <= 253 && host.bytes().all(is_name)).then(|| UpstreamAddress {
        scheme,
        dial: Dial::Tcp {
            host: host.to_owned(),
            port,
        },
    })
}

#[cfg(test)]
mod tests;
