//! One attempt: the connection, the request on its way up, the answer's header.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrogate_edge::Lease;
use http::StatusCode;
use pingora_error::{Error, ErrorSource, ErrorType};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;
use tokio::sync::OwnedSemaphorePermit;

use super::answer::upward;
use super::link::Link;
use super::upload::Upload;
use super::{Broken, Trouble, head, peer, unless_gone};
use crate::Shared;
use crate::context::RequestContext;
use crate::head::Request;

/// A client that waits for leave to send its body is given it after this, unless `expect_continue_timeout` says otherwise.
const LEAVE: Duration = Duration::from_secs(1);

/// An answer's header, and what keeps the rest coming.
pub(super) type Answered = (ResponseHeader, Link, Lease, Option<OwnedSemaphorePermit>);

/// One attempt, up to the answer's header. The outer error ends the request, the inner one the attempt.
pub(super) async fn attempt(
    shared: &Arc<Shared>,
    session: &mut Session,
    context: &mut RequestContext,
    outline: &RequestHeader,
    lease: Lease,
    trusted_peer: bool,
    upload: &mut Upload,
) -> Result<Result<Answered, Broken>, Trouble> {
    let connected = {
        let connecting = connect(shared, session, context, &lease).await;
        match connecting {
            Ok(connecting) => unless_gone(session, upload, Box::pin(connecting)).await?,
            Err(error) => Err(error),
        }
    };
    let (mut link, permit) = match connected {
        Ok(connected) => connected,
        Err(error) => {
            lease.failed(Instant::now());
            let (sent, stale) = (false, false);
            return Ok(Err(Broken { error, sent, stale }));
        }
    };
    let header = head::for_upstream(outline, session, context, &lease, trusted_peer, upload);
    let bodiless = upload.is_complete() && upload.length(session) == Some(0);
    let leave = upload.expects().then(|| {
        let wait = lease.route().spec().transport.expect_continue_timeout;
        Instant::now() + wait.unwrap_or(LEAVE)
    });
    let sent_at = Instant::now();
    let exchanged = match link.send_header(header, bodiless).await {
        Ok(()) => await_header(&mut link, session, upload, leave).await?,
        // The client chose a host or target that this protocol cannot carry: no fault of the upstream's.
        Err(error) if *error.etype() == ErrorType::InvalidHTTPHeader => {
            return Err(Trouble::fail(400, error.to_string()));
        }
        Err(error) => Err(error),
    };
    match exchanged {
        Ok(mut header) => {
            let transport = &lease.route().spec().transport;
            if let Err(error) = acceptable(&header, transport.max_response_header) {
                lease.failed(Instant::now());
                let (sent, stale) = (true, false);
                return Ok(Err(Broken { error, sent, stale }));
            }
            link.set_read_timeout(transport.read_timeout);
            let now = Instant::now();
            let latency = now.saturating_duration_since(sent_at);
            lease.observe(header.status.as_u16(), latency, now);
            let notes = context.exchange.upstream_notes_mut();
            notes.latency = Some(latency);
            notes.is_transport_error = Some(false);
            context
                .exchange
                .set_upstream_answer(header.status.as_u16(), &header.headers);
            head::from_upstream(&mut header);
            Ok(Ok((header, link, lease, permit)))
        }
        Err(mut error) => {
            error.retry.decide_reuse(link.is_reused());
            let stale = link.is_reused() && error.retry();
            error.esource = ErrorSource::Upstream;
            if !stale {
                lease.failed(Instant::now());
            }
            let sent = true;
            Ok(Err(Broken { error, sent, stale }))
        }
    }
}

/// Connects, once there is a place for another connection.
async fn connect<'a>(
    shared: &'a Arc<Shared>,
    session: &mut Session,
    context: &RequestContext,
    lease: &Lease,
) -> pingora_error::Result<
    impl Future<Output = pingora_error::Result<(Link, Option<OwnedSemaphorePermit>)>> + use<'a>,
> {
    let route = lease.route();
    let request = Request(session.req_header_mut());
    let server_name = route
        .server_name(&request, &context.connection, &context.exchange)
        .map(std::borrow::Cow::into_owned)
        .filter(|name| !name.is_empty());
    let material = &context.snapshot.upstream_tls;
    let transport = &route.spec().transport;
    let peer = peer::describe(
        shared,
        lease.address(),
        transport,
        server_name,
        material,
        &context.connection,
    )
    .await?;
    let limit = transport.max_conns_per_host;
    let dial = lease.dial().to_owned();
    let patience = transport.dial_timeout;
    Ok(async move {
        let permit = match limit {
            // A stuck upstream must not keep those that wait for it for ever.
            Some(limit) => tokio::time::timeout(patience, shared.places.take(&dial, limit))
                .await
                .map_err(|_| no_place())?,
            None => None,
        };
        let link = Link::open(&shared.connector, peer)
            .await
            .map_err(|mut error| {
                error.esource = ErrorSource::Upstream;
                error
            })?;
        Ok((link, permit))
    })
}

fn no_place() -> Box<Error> {
    let mut error = Error::explain(
        ErrorType::ConnectTimedout,
        "no connection to the upstream became free",
    );
    error.esource = ErrorSource::Upstream;
    error
}

/// Sends the body while it waits for the answer's header, and passes interim answers on.
async fn await_header(
    link: &mut Link,
    session: &mut Session,
    upload: &mut Upload,
    leave: Option<Instant>,
) -> Result<pingora_error::Result<ResponseHeader>, Trouble> {
    let mut leave = leave;
    loop {
        let waits_for_leave = leave.is_some();
        let (receiving, sending) = link.sides();
        let takes_body = sending.takes_body();
        let event = tokio::select! {
            biased;
            header = receiving.read_header() => Event::Header(header),
            () = sending.flush() => continue,
            step = upward(takes_body, upload, session), if !waits_for_leave => Event::Up(step),
            () = sleep_until(leave), if waits_for_leave => Event::Leave,
        };
        match event {
            Event::Header(Ok(header)) if is_interim(&header) => {
                if header.status == StatusCode::CONTINUE {
                    if leave.take().is_some() {
                        upload.give_leave(session).await?;
                    }
                } else {
                    pass_on(session, header).await?;
                }
            }
            Event::Header(header) => return Ok(header),
            Event::Up(piece) => link.send(piece?).await,
            Event::Leave => {
                leave = None;
                upload.give_leave(session).await?;
            }
        }
    }
}

enum Event {
    Header(pingora_error::Result<ResponseHeader>),
    Up(Result<Option<bytes::Bytes>, Trouble>),
    Leave,
}

fn is_interim(header: &ResponseHeader) -> bool {
    header.status.is_informational() && header.status != StatusCode::SWITCHING_PROTOCOLS
}

/// Early hints and the like. HTTP/1.0 knows none. Source: RFC 9110, section 15.2.
async fn pass_on(session: &mut Session, mut header: ResponseHeader) -> Result<(), Trouble> {
    if session.req_header().version < http::Version::HTTP_11 {
        return Ok(());
    }
    head::from_upstream(&mut header);
    session
        .as_downstream_mut()
        .write_response_header(Box::new(header))
        .await
        .map_err(|_| Trouble::ClientGone)
}

/// Whether an answer's header is one to pass on.
fn acceptable(header: &ResponseHeader, limit: Option<u64>) -> pingora_error::Result<()> {
    let Some(limit) = limit else { return Ok(()) };
    let size: usize = header
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if size as u64 <= limit {
        return Ok(());
    }
    let mut error = Error::explain(
        ErrorType::InvalidHTTPHeader,
        format!("the answer's header is larger than {limit} bytes"),
    );
    error.esource = ErrorSource::Upstream;
    Err(error)
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answers_header_may_be_too_large() {
        let mut header = ResponseHeader::build(200, None).unwrap();
        header.append_header("a", "12345").unwrap();
        assert!(acceptable(&header, None).is_ok());
        assert!(acceptable(&header, Some(10)).is_ok());
        assert!(acceptable(&header, Some(9)).is_err());
        assert!(is_interim(&ResponseHeader::build(103, None).unwrap()));
        assert!(!is_interim(&ResponseHeader::build(101, None).unwrap()));
    }
}
