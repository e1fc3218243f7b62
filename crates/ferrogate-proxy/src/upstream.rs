//! Proxied upstreams: the choice, the connection, the headers both ways, the retries.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrogate_edge::{Lease, ProxyRoute, forward_request_headers, strip_response_headers};
use ferrogate_types::route::{Dial, HttpTransport, Keepalive, UpstreamScheme};
use http::HeaderValue;
use http::header::{HOST, VIA};
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::{Error, ErrorSource, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;

pub use self::material::UpstreamTlsMaterial;
use self::walk::AddressWalk;
use crate::Shared;
use crate::answer;
use crate::context::RequestContext;
use crate::gateway::status_of;
use crate::head::{Request, Response, authority};

mod material;
mod walk;

/// The proxying of one request.
pub(crate) struct ProxyRun {
    route: Arc<ProxyRoute>,
    trusted_peer: bool,
    lease: Option<Lease>,
    tried: Vec<usize>,
    attempts: u32,
    begun: Instant,
    pause: Duration,
    /// What the last failure is answered with, should there be no other.
    failure: Option<u16>,
    /// When the request went out, for the latency of the answer.
    sent_at: Option<Instant>,
    dial: String,
}

impl ProxyRun {
    pub(crate) fn new(route: Arc<ProxyRoute>, trusted_peer: bool) -> Self {
        Self {
            route,
            trusted_peer,
            lease: None,
            tried: Vec::new(),
            attempts: 0,
            begun: Instant::now(),
            pause: Duration::ZERO,
            failure: None,
            sent_at: None,
            dial: String::new(),
        }
    }

    /// The upstream that answered or was tried last; empty when none could be chosen.
    pub(crate) fn dial(&self) -> &str {
        &self.dial
    }

    /// Ends an attempt as a failure of the upstream; says whether another may follow.
    fn attempt_failed(&mut self, error: &Error) -> bool {
        let now = Instant::now();
        self.failure = status_of(error);
        if let Some(lease) = self.lease.take() {
            self.tried.push(lease.index());
            lease.failed(now);
        }
        match self.route.may_retry(self.attempts, self.begun, now) {
            Some(pause) => {
                self.pause = pause;
                true
            }
            None => false,
        }
    }
}

/// A connection that hangs in the handshake is given up after this, unless `tls_timeout` says otherwise.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Streams on one HTTP/2 connection; Pingora's own default is one.
const H2_STREAMS: usize = 100;

/// Chooses an upstream and says how to connect to it.
pub(crate) async fn choose(
    shared: &Shared,
    session: &mut Session,
    context: &mut RequestContext,
) -> Result<Box<HttpPeer>> {
    let Some(run) = context.proxy.as_mut() else {
        return Error::e_explain(
            ErrorType::InternalError,
            "a request without a proxied route",
        );
    };
    loop {
        let pause = std::mem::take(&mut run.pause);
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        run.attempts += 1;
        run.sent_at = None;
        let request = Request(session.req_header_mut());
        let route = Arc::clone(&run.route);
        let lease = route.select(
            &request,
            &context.connection,
            &mut context.exchange,
            &run.tried,
            Instant::now(),
        );
        let Some(lease) = lease else {
            let Some(pause) = route.may_retry(run.attempts, run.begun, Instant::now()) else {
                context.error = Cow::Borrowed("no upstream is available");
                return Error::e_explain(
                    ErrorType::HTTPStatus(run.failure.unwrap_or(503)),
                    "no upstream is available",
                );
            };
            // Nobody is available now; somebody may be in a moment. Never spin.
            run.pause = pause.max(Duration::from_millis(10));
            continue;
        };
        run.dial.clear();
        run.dial.push_str(lease.dial());
        let server_name = route
            .server_name(&request, &context.connection, &context.exchange)
            .map(Cow::into_owned)
            .filter(|name| !name.is_empty());
        let peer = connect_to(shared, &lease, server_name, &context.snapshot.upstream_tls).await;
        run.lease = Some(lease);
        match peer {
            Ok(peer) => return Ok(peer),
            Err(error) => {
                if !run.attempt_failed(&error) {
                    return Err(error);
                }
            }
        }
    }
}

/// Resolves the upstream's name, off the worker, and describes the connection.
async fn connect_to(
    shared: &Shared,
    lease: &Lease,
    server_name: Option<String>,
    material: &UpstreamTlsMaterial,
) -> Result<Box<HttpPeer>> {
    let address = lease.address();
    let transport = &lease.route().spec().transport;
    let tls = address.scheme == UpstreamScheme::Https || transport.tls.is_some();
    let mut peer = match &address.dial {
        Dial::Unix(path) => {
            let path = path
                .to_str()
                .ok_or_else(|| unreachable_upstream("the socket's path is not UTF-8"))?;
            HttpPeer::new_uds(
                path,
                tls,
                server_name.unwrap_or_else(|| "localhost".to_owned()),
            )?
        }
        Dial::Tcp { host, port } => {
            let resolved = shared.resolver.resolve(host, *port).await;
            let addresses = resolved.map_err(|error| unreachable_upstream(error.to_string()))?;
            let Some(first) = addresses.first().copied() else {
                return Err(unreachable_upstream(format!("`{host}` has no address")));
            };
            let name = if tls {
                server_name.unwrap_or_else(|| host.clone())
            } else {
                String::new()
            };
            let mut peer = HttpPeer::new(first, tls, name);
            if addresses.len() > 1 {
                // The name's other addresses are tried when the first refuses, within the same time limit.
                peer.options.custom_l4 = Some(Arc::new(AddressWalk::new(addresses)));
            }
            peer
        }
    };
    set_options(&mut peer, address.scheme, transport, material);
    Ok(Box::new(peer))
}

fn set_options(
    peer: &mut HttpPeer,
    scheme: UpstreamScheme,
    transport: &HttpTransport,
    material: &UpstreamTlsMaterial,
) {
    let options = &mut peer.options;
    let tls = transport.tls.as_ref();
    let handshake = tls
        .and_then(|tls| tls.handshake_timeout)
        .unwrap_or(HANDSHAKE);
    options.connection_timeout = Some(transport.dial_timeout);
    options.total_connection_timeout = Some(transport.dial_timeout + handshake);
    options.read_timeout = transport
        .read_timeout
        .max(transport.response_header_timeout);
    options.write_timeout = transport.write_timeout;
    options.idle_timeout = Some(match transport.keepalive {
        Keepalive::For(idle) => idle,
        Keepalive::Off => Duration::ZERO,
    });
    options.max_h2_streams = H2_STREAMS;
    match (scheme, transport.versions) {
        (UpstreamScheme::H2c, _) | (UpstreamScheme::Https, (false, true)) => {
            options.set_http_version(2, 2);
        }
        (UpstreamScheme::Https, (true, true)) => options.set_http_version(2, 1),
        _ => options.set_http_version(1, 1),
    }
    let Some(tls) = tls else { return };
    options.verify_cert = !tls.insecure_skip_verify;
    options.verify_hostname = !tls.insecure_skip_verify;
    let found = material.find(tls);
    options.ca = found.roots;
    peer.client_cert_key = found.client;
    peer.group_key = found.group;
}

fn unreachable_upstream(why: impl Into<pingora_error::ImmutStr>) -> Box<Error> {
    let mut error = Error::explain(ErrorType::ConnectError, why);
    error.esource = ErrorSource::Upstream;
    error
}

/// Nothing was sent: any method may be tried again.
pub(crate) fn connect_failed(context: &mut RequestContext, mut error: Box<Error>) -> Box<Error> {
    error.esource = ErrorSource::Upstream;
    let retry = context
        .proxy
        .as_mut()
        .is_some_and(|run| run.attempt_failed(&error));
    error.set_retry(retry);
    error
}

/// The exchange broke after the connection stood.
pub(crate) fn exchange_failed(
    session: &Session,
    context: &mut RequestContext,
    mut error: Box<Error>,
    reused: bool,
) -> Box<Error> {
    // Undecided, the question "retry?" is a panic in Pingora: decide it before anything asks.
    error.retry.decide_reuse(reused);
    let stale = reused && error.retry();
    let Some(run) = context.proxy.as_mut() else {
        return error;
    };
    if *error.esource() == ErrorSource::Downstream {
        error.set_retry(false);
        return error;
    }
    error.esource = ErrorSource::Upstream;
    let method = &session.req_header().method;
    let answered = answer::begun(session).is_some();
    let replayable = !session.as_ref().retry_buffer_truncated();
    // A pooled connection that the upstream had closed says nothing about the upstream.
    if stale && !answered && replayable && method.is_idempotent() {
        run.lease = None;
        return error;
    }
    let repeatable = ProxyRoute::may_repeat(method, true);
    let again = run.attempt_failed(&error);
    error.set_retry(again && repeatable && replayable && !answered);
    error
}

/// Edits the request for the upstream: forwarded fields, hop-by-hop fields, host, `header_up`.
pub(crate) fn prepare_request(
    session: &mut Session,
    upstream: &mut RequestHeader,
    context: &mut RequestContext,
) {
    let Some(run) = context.proxy.as_mut() else {
        return;
    };
    let authority = authority(session.req_header()).to_vec();
    forward_request_headers(
        &mut Request(upstream),
        &context.connection,
        &authority,
        run.trusted_peer,
    );
    let mut fields = Request(upstream);
    ferrogate_edge::HeaderFields::append_header(
        &mut fields,
        &VIA,
        HeaderValue::from_static("1.1 Ferrogate"),
    );
    if let Some(lease) = &run.lease
        && lease.address().scheme == UpstreamScheme::Https
        && let Ok(host) = HeaderValue::from_str(host_of(lease.dial()))
    {
        // Caddy from 2.11 on: an HTTPS upstream is told its own name.
        ferrogate_edge::HeaderFields::set_header(&mut fields, &HOST, host);
    }
    let request = Request(session.req_header_mut());
    run.route.apply_header_up(
        &request,
        &context.connection,
        &context.exchange,
        &mut fields,
    );
    run.sent_at = Some(Instant::now());
}

/// The host field for an upstream: the port is left out where it is the scheme's own.
fn host_of(dial: &str) -> &str {
    dial.strip_suffix(":443").unwrap_or(dial)
}

/// Judges the answer and edits its fields: hop-by-hop fields, `header_down`.
pub(crate) fn prepare_response(
    session: &mut Session,
    response: &mut ResponseHeader,
    context: &mut RequestContext,
) {
    let Some(run) = context.proxy.as_mut() else {
        return;
    };
    let status = response.status.as_u16();
    let now = Instant::now();
    if let Some(lease) = &run.lease {
        let latency = run
            .sent_at
            .map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        lease.observe(status, latency, now);
    }
    strip_response_headers(&mut Response(response));
    let request = Request(session.req_header_mut());
    let route = Arc::clone(&run.route);
    route.apply_header_down(
        &request,
        &context.connection,
        &mut context.exchange,
        status,
        &mut Response(response),
    );
}
