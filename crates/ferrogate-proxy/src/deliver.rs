//! The sending of an answer: its header through the site's layers, its body through an encoder, piece by piece.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use ferrogate_edge::{Finish, ResponseRoutes};
use ferrogate_types::route::EncodeFormat;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT, SERVER, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, Method, StatusCode, Version};
use pingora_error::{Error, ErrorSource, ErrorType, Result};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use crate::context::RequestContext;
use crate::encoder::Encoder;
use crate::head::{Request, Response};
use crate::made::{Body, Made};
use crate::proxying::BodyTrouble;

/// The id of the request, on every answer.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long, and for how many bytes, an answer waits for the rest of the request's body.
const BODY_TIME: Duration = Duration::from_millis(500);
const BODY_BYTES: usize = 8 << 20;
/// Over HTTP/1.1 only for bodies of at most so many bytes: as many as Go's server takes in to keep the connection.
const SMALL_BODY: u64 = 256 << 10;

/// What became of an answer.
pub(crate) enum Delivered {
    /// It was sent, or there was nobody to send it to.
    Done,
    /// It is held back, and these routes run in its place.
    Intercepted(ResponseRoutes, Box<Made>),
}

/// What the header's way through the layers came to.
pub(crate) enum Finished {
    /// Send it, with the body encoded so.
    Send(Option<EncodeFormat>),
    /// Hold it back.
    Intercept(ResponseRoutes),
}

/// Sends an answer, whoever made it.
///
/// # Errors
///
/// What keeps the header from being made or written. A body that breaks off later ends the connection, so that nobody takes
/// it for complete, and is no error here.
pub(crate) async fn deliver(
    session: &mut Session,
    context: &mut RequestContext,
    mut made: Made,
) -> Result<Delivered> {
    // The first piece of a body of unknown length tells whether it is long enough to be encoded.
    let mut first = None;
    let mut length = known_length(&made);
    if length.is_none() && context.exchange.encodes() && !is_event_stream(&made.header) {
        match made.body.next(session).await {
            Ok(Some(piece)) => {
                length = Some(piece.len() as u64);
                first = Some(piece);
            }
            // Fields may still follow, so that the body stays what it is.
            Ok(None) => length = Some(0),
            Err(trouble) => return fail(context, trouble),
        }
    }
    let encoding = match finish_header(session, context, &mut made.header, length)? {
        Finished::Send(encoding) => encoding,
        Finished::Intercept(routes) => {
            return Ok(Delivered::Intercepted(routes, Box::new(made)));
        }
    };
    if made.close {
        session.set_keepalive(None);
    }
    let silent = is_bodiless(&made.header) || session.req_header().method == Method::HEAD;
    let empty = match &mut made.body {
        Body::Empty => true,
        Body::Upstream(answer) => first.is_none() && answer.is_empty(),
        Body::Full(_) | Body::File(_) => false,
    };
    frame(session, &mut made.header, empty && !silent);
    let unwanted = match &made.body {
        Body::Upstream(answer) => answer.has_whole_request(),
        _ => true,
    };
    if unwanted {
        take_body(session).await;
    }
    let head_only = silent || (empty && !has_trailers(&made.body));
    let written = session
        .write_response_header(Box::new(made.header), head_only)
        .await;
    if let Err(error) = written {
        return Ok(gone(context, &error));
    }
    if head_only {
        // An upstream's answer is complete without a body, and its connection may serve again.
        if let Body::Upstream(answer) = &mut made.body {
            drop(answer.next(session).await);
        }
        // Without a body the end of an HTTP/2 stream has to be said; Pingora does it for answered requests only, and
        // this may be an error on its way out.
        return match session.as_downstream_mut().finish_body().await {
            Ok(()) => Ok(Delivered::Done),
            Err(error) => Ok(gone(context, &error)),
        };
    }
    let encoder = encoding.and_then(|format| match Encoder::new(format) {
        Ok(encoder) => Some(encoder),
        Err(error) => {
            tracing::error!(%error, "no encoder could be made");
            None
        }
    });
    if encoding.is_some() && encoder.is_none() {
        return Ok(cut(session, context, "no encoder could be made").await);
    }
    send_body(session, context, made.body, first, encoder).await
}

/// Sends the body, and ends it as it ended.
async fn send_body(
    session: &mut Session,
    context: &mut RequestContext,
    mut body: Body,
    mut first: Option<Bytes>,
    mut encoder: Option<Encoder>,
) -> Result<Delivered> {
    let flush = body.is_live();
    loop {
        let piece = match first.take() {
            Some(piece) => Some(piece),
            None => match body.next(session).await {
                Ok(piece) => piece,
                Err(BodyTrouble::ClientGone) => {
                    context.client_gone = true;
                    return Ok(cut(session, context, "the client left").await);
                }
                Err(BodyTrouble::Client(_, message)) => {
                    return Ok(cut(session, context, message).await);
                }
                Err(BodyTrouble::Cut(error)) => {
                    return Ok(cut(session, context, error.to_string()).await);
                }
            },
        };
        let Some(piece) = piece else { break };
        let piece = match &mut encoder {
            None => piece,
            Some(encoder) => match encoder.encode(&piece, flush) {
                Ok(encoded) if encoded.is_empty() => continue,
                Ok(encoded) => encoded,
                Err(error) => return Ok(cut(session, context, error.to_string()).await),
            },
        };
        if let Err(error) = session.write_response_body(Some(piece), false).await {
            return Ok(gone(context, &error));
        }
    }
    if let Some(encoder) = encoder {
        let last = match encoder.finish() {
            Ok(last) => last,
            Err(error) => return Ok(cut(session, context, error.to_string()).await),
        };
        if !last.is_empty()
            && let Err(error) = session.write_response_body(Some(last), false).await
        {
            return Ok(gone(context, &error));
        }
    }
    if let Body::Upstream(answer) = &mut body
        && let Some(trailers) = answer.take_trailers()
        && session.is_http2()
    {
        let written = session
            .as_downstream_mut()
            .write_response_trailers(trailers)
            .await;
        return match written {
            Ok(()) => Ok(Delivered::Done),
            Err(error) => Ok(gone(context, &error)),
        };
    }
    match session.write_response_body(None, true).await {
        Ok(()) => Ok(Delivered::Done),
        Err(error) => Ok(gone(context, &error)),
    }
}

/// Puts on what every answer carries, the id and our name, and what the site's layers say.
pub(crate) fn finish_header(
    session: &mut Session,
    context: &mut RequestContext,
    header: &mut ResponseHeader,
    length: Option<u64>,
) -> Result<Finished> {
    header.insert_header(REQUEST_ID, context.id.as_str())?;
    if !header.headers.contains_key(SERVER) {
        header.insert_header(SERVER, "Ferrogate")?;
    }
    let mut status = header.status.as_u16();
    let request = Request(session.req_header_mut());
    let finish = context.exchange.finish_response(
        &request,
        &context.connection,
        &mut status,
        length,
        &mut Response(header),
    );
    if status != header.status.as_u16() {
        header.set_status(status)?;
    }
    match finish {
        Finish::Send { encoding } => Ok(Finished::Send(encoding)),
        Finish::Intercept(routes) => Ok(Finished::Intercept(routes)),
        Finish::Fail { status, message } => {
            let mut error = Error::explain(ErrorType::HTTPStatus(status), message);
            error.esource = ErrorSource::Internal;
            Err(error)
        }
    }
}

/// The length of a body before it is encoded, where it is known.
fn known_length(made: &Made) -> Option<u64> {
    match &made.body {
        Body::Empty => Some(0),
        Body::Full(bytes) => Some(bytes.len() as u64),
        Body::File(_) | Body::Upstream(_) => made
            .header
            .headers
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok()),
    }
}

fn is_event_stream(header: &ResponseHeader) -> bool {
    header
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// 1xx, 204 and 304 have no body by definition. Source: RFC 9110, sections 15.2 to 15.4.
fn is_bodiless(header: &ResponseHeader) -> bool {
    header.status.is_informational()
        || matches!(
            header.status,
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        )
}

/// Says where the message ends, in the client's protocol.
fn frame(session: &mut Session, header: &mut ResponseHeader, empty: bool) {
    header.set_version(Version::HTTP_11);
    if is_bodiless(header) {
        // A 204 has no body to have a length of. Source: RFC 9110, section 8.6.
        if header.status == StatusCode::NO_CONTENT {
            header.remove_header(&CONTENT_LENGTH);
        }
        header.remove_header(&TRANSFER_ENCODING);
        return;
    }
    if header.headers.contains_key(CONTENT_LENGTH) {
        header.remove_header(&TRANSFER_ENCODING);
        return;
    }
    header.remove_header(&TRANSFER_ENCODING);
    if session.is_http2() {
        return;
    }
    if empty {
        set(header, &CONTENT_LENGTH, HeaderValue::from_static("0"));
    } else if session.req_header().version < Version::HTTP_11 {
        // A client of HTTP/1.0 would read the chunks' sizes as content. Source: RFC 9112, section 6.1.
        session.set_keepalive(None);
    } else if session.req_header().method != Method::HEAD {
        set(
            header,
            &TRANSFER_ENCODING,
            HeaderValue::from_static("chunked"),
        );
    }
}

fn set(header: &mut ResponseHeader, name: &HeaderName, value: HeaderValue) {
    if let Err(error) = header.insert_header(name.clone(), value) {
        tracing::warn!(%error, "a header field was not written");
    }
}

fn has_trailers(body: &Body) -> bool {
    matches!(body, Body::Upstream(answer) if answer.has_trailers())
}

/// Takes in what is left of a request's body, within bounds. Over HTTP/1.1 the connection can serve again then. Over HTTP/2
/// the stream is reset when it ends with nobody having read all of it: without an error, as RFC 9113, section 8.1 has it,
/// but curl takes it for one and loses the answer.
async fn take_body(session: &mut Session) {
    if session.as_downstream_mut().is_body_done() {
        return;
    }
    // A connection that ends with the answer needs no room for a next request.
    let ends = session.as_downstream_mut().get_keepalive().is_none();
    if ends && !session.is_http2() {
        return;
    }
    let headers = &session.req_header().headers;
    if headers.contains_key(EXPECT) {
        return;
    }
    let small = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok())
        .is_some_and(|length| length <= SMALL_BODY);
    if !small && !session.is_http2() {
        return;
    }
    let mut left = BODY_BYTES;
    let rest = async {
        let downstream = session.as_downstream_mut();
        while !downstream.is_body_done()
            && let Ok(Some(piece)) = downstream.read_request_body().await
        {
            match left.checked_sub(piece.len()) {
                Some(fewer) => left = fewer,
                None => return,
            }
        }
    };
    if tokio::time::timeout(BODY_TIME, rest).await.is_err() {
        tracing::trace!("the request's body goes on behind its answer");
    }
}

/// The client is not there any more.
fn gone(context: &mut RequestContext, error: &Error) -> Delivered {
    context.client_gone = true;
    if context.error.is_empty() {
        context.error = Cow::Owned(error.to_string());
    }
    Delivered::Done
}

/// Ends the connection, or resets the stream: the only way left to say that the answer is cut.
pub(crate) async fn cut(
    session: &mut Session,
    context: &mut RequestContext,
    why: impl Into<Cow<'static, str>>,
) -> Delivered {
    context.error = why.into();
    session.set_keepalive(None);
    session.as_downstream_mut().shutdown().await;
    Delivered::Done
}

/// Nothing is sent yet: the request can still fail in order.
fn fail(context: &mut RequestContext, trouble: BodyTrouble) -> Result<Delivered> {
    let (status, message) = match trouble {
        BodyTrouble::ClientGone => {
            context.client_gone = true;
            return Ok(Delivered::Done);
        }
        BodyTrouble::Client(status, message) => (status, message),
        BodyTrouble::Cut(error) => (502, error.to_string()),
    };
    let mut error = Error::explain(ErrorType::HTTPStatus(status), message);
    error.esource = ErrorSource::Internal;
    Err(error)
}
