//! The sending of a request to an upstream: the choice, the connection, the retries.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrogate_edge::{Candidates, Lease, ProxyRoute};
use pingora_error::{Error, ErrorType};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

pub(crate) use self::answer::{BodyTrouble, UpstreamAnswer};
use self::attempt::attempt;
pub use self::material::UpstreamTlsMaterial;
pub(crate) use self::names::Names;
pub(crate) use self::upload::{Upload, client_leaves};
use crate::Shared;
use crate::context::RequestContext;
use crate::head::Request;

mod announce;
mod answer;
mod attempt;
mod dial;
mod head;
pub mod health;
mod link;
mod material;
mod names;
mod peer;
mod places;
pub(crate) mod tunnel;
mod upload;

pub(crate) use self::places::Places;

/// Why there is no answer to send.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The request fails with this status.
    Fail {
        /// The status.
        status: u16,
        /// For the log.
        message: String,
    },
    /// The client left: there is nobody to answer.
    ClientGone,
}

impl Trouble {
    pub(crate) fn fail(status: u16, message: impl Into<String>) -> Self {
        Self::Fail {
            status,
            message: message.into(),
        }
    }
}

/// One try at an upstream that did not end in an answer.
struct Broken {
    error: Box<Error>,
    /// The upstream may have seen the request.
    sent: bool,
    /// A connection from the pool had died before anything came back: that says nothing about the upstream.
    stale: bool,
}

/// The attempts made for a request.
struct Attempts {
    tried: Vec<usize>,
    count: u32,
    /// Connections that had died while they were idle.
    stale: u32,
    begun: Instant,
    pause: Duration,
    failure: Option<Trouble>,
}

/// Without an upstream that can be tried, wait at least so long before looking again: never spin.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// So many idle connections may have died before a failure counts. An HTTP/2 upstream that refuses every stream looks the same, and
/// must not be asked for ever.
const STALE: u32 = 32;
/// Sends the request, as often as the route allows, and returns the answer as soon as its header is there.
pub(crate) async fn run(
    shared: &Arc<Shared>,
    session: &mut Session,
    context: &mut RequestContext,
    route: &Arc<ProxyRoute>,
    trusted_peer: bool,
    mut upload: Upload,
) -> Result<(ResponseHeader, UpstreamAnswer), Trouble> {
    if let Some(limit) = route.spec().request_buffers {
        upload.buffer(session, limit).await?;
    }
    let outline = head::outline(session, context, route, &mut upload)?;
    let mut attempts = Attempts {
        tried: Vec::new(),
        count: 0,
        stale: 0,
        begun: Instant::now(),
        pause: Duration::ZERO,
        failure: None,
    };
    loop {
        let pause = std::mem::take(&mut attempts.pause);
        if !pause.is_zero() {
            sleep_unless_gone(session, &upload, pause).await?;
        }
        attempts.count += 1;
        let candidates = candidates(shared, session, context, route).await;
        let request = Request(session.req_header_mut());
        let lease = route.select(
            &candidates,
            &request,
            &context.connection,
            &mut context.exchange,
            trusted_peer,
            &attempts.tried,
            Instant::now(),
        );
        let Some(lease) = lease else {
            let Some(pause) = route.may_retry(attempts.count, attempts.begun, Instant::now())
            else {
                let nobody = || Trouble::fail(503, "no upstream is available");
                return Err(attempts.failure.unwrap_or_else(nobody));
            };
            attempts.pause = pause.max(LOOK_AGAIN);
            continue;
        };
        lease.dial().clone_into(&mut context.upstream);
        let limit = route.spec().passive_health.max_requests;
        let notes = context.exchange.upstream_notes_mut();
        notes.requests = Some(u64::from(lease.candidate().state().in_flight()));
        notes.max_requests = Some(limit.map_or(0, u64::from));
        notes.fails = Some(recent_failures(&lease, Instant::now()));
        notes.retries = Some(attempts.count - 1);
        upload.rewind();
        let index = lease.index();
        let broken = match attempt(
            shared,
            session,
            context,
            &outline,
            lease,
            trusted_peer,
            &mut upload,
        )
        .await?
        {
            Ok((header, link, lease, permit)) => {
                let again = attempts.may_repeat(route, session, context, &upload, true);
                if let Some(pause) = again
                    && refused(route, session, context)
                {
                    attempts.tried.push(index);
                    attempts.pause = pause;
                    continue;
                }
                let notes = context.exchange.upstream_notes_mut();
                notes.duration = Some(attempts.begun.elapsed());
                let answer = UpstreamAnswer::new(Arc::clone(shared), link, upload, lease, permit);
                return Ok((header, answer));
            }
            Err(broken) => broken,
        };
        let method = &session.req_header().method;
        let once_more = broken.stale && attempts.stale < STALE;
        if once_more && upload.is_replayable() && method.is_idempotent() {
            attempts.stale += 1;
            attempts.count -= 1;
            continue;
        }
        if route.spec().verbose_logs {
            tracing::debug!(upstream = context.upstream, error = %broken.error, "an attempt failed");
        }
        context.exchange.upstream_notes_mut().is_transport_error = Some(true);
        attempts.tried.push(index);
        attempts.failure = Some(Trouble::fail(
            status_of(&broken.error),
            broken.error.to_string(),
        ));
        let Some(pause) = attempts.may_repeat(route, session, context, &upload, broken.sent) else {
            let cause = attempts.failure.take();
            return Err(cause.unwrap_or_else(|| Trouble::fail(502, "no answer")));
        };
        attempts.pause = pause;
    }
}

impl Attempts {
    /// Whether the request may be sent once more, and after which pause.
    fn may_repeat(
        &self,
        route: &ProxyRoute,
        session: &mut Session,
        context: &RequestContext,
        upload: &Upload,
        sent: bool,
    ) -> Option<Duration> {
        let pause = route.may_retry(self.count, self.begun, Instant::now())?;
        let request = Request(session.req_header_mut());
        let safe = !sent || route.may_repeat(&request, &context.connection, &context.exchange);
        (safe && upload.is_replayable()).then_some(pause)
    }
}

/// Whether `lb_retry_match` wants another answer than the one noted in the exchange.
fn refused(route: &ProxyRoute, session: &mut Session, context: &RequestContext) -> bool {
    let request = Request(session.req_header_mut());
    route.refuses_answer(&request, &context.connection, &context.exchange)
}

async fn candidates(
    shared: &Shared,
    session: &mut Session,
    context: &RequestContext,
    route: &ProxyRoute,
) -> Candidates {
    if route.spec().dynamic.is_none() {
        let request = Request(session.req_header_mut());
        return route.candidates(&request, &context.connection, &context.exchange, Vec::new());
    }
    let lookups = {
        let request = Request(session.req_header_mut());
        route.lookups(&request, &context.connection, &context.exchange)
    };
    let scheme = route.spec().dynamic_scheme();
    let mut found = Vec::new();
    for lookup in &lookups {
        match shared.names.look_up(lookup, scheme).await {
            Ok(addresses) => found.extend(addresses),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "looking upstreams up"
                );
            }
        }
    }
    let request = Request(session.req_header_mut());
    route.candidates(&request, &context.connection, &context.exchange, found)
}

/// How many failures are held against an upstream.
fn recent_failures(lease: &Lease, now: Instant) -> u64 {
    let within = lease.route().spec().passive_health.fail_duration;
    lease.candidate().state().recent_failures(within, now) as u64
}

async fn sleep_unless_gone(
    session: &mut Session,
    upload: &Upload,
    pause: Duration,
) -> Result<(), Trouble> {
    unless_gone(session, upload, Box::pin(tokio::time::sleep(pause))).await
}

/// Waits, unless the client leaves meanwhile; noticed only once its body is in, for else that would have to be read.
async fn unless_gone<T>(
    session: &mut Session,
    upload: &Upload,
    work: impl Future<Output = T> + Unpin,
) -> Result<T, Trouble> {
    if !upload.is_complete() {
        return Ok(work.await);
    }
    tokio::select! {
        biased;
        done = work => Ok(done),
        gone = client_leaves(session) => Err(gone),
    }
}

/// What a failed attempt is answered with.
fn status_of(error: &Error) -> u16 {
    use ErrorType::{
        ConnectTimedout, HTTPStatus, ReadTimedout, TLSHandshakeTimedout, WriteTimedout,
    };
    match error.etype() {
        HTTPStatus(status) => *status,
        ConnectTimedout | ReadTimedout | WriteTimedout | TLSHandshakeTimedout => 504,
        _ => 502,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_have_the_status_of_their_kind() {
        for (etype, expected) in [
            (ErrorType::ConnectTimedout, 504),
            (ErrorType::ReadTimedout, 504),
            (ErrorType::ConnectRefused, 502),
            (ErrorType::ConnectionClosed, 502),
            (ErrorType::HTTPStatus(507), 507),
        ] {
            assert_eq!(status_of(&Error::new(etype)), expected);
        }
    }
}
