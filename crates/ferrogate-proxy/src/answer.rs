//! Answers the gateway makes itself.

use std::time::Duration;

use bytes::Bytes;
use ferrogate_edge::Answer;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, SERVER};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use pingora_error::Result;
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use crate::context::RequestContext;
use crate::head::{Request, Response};

/// The id of the request, on every answer.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long, and for how many bytes, an answer over HTTP/2 waits for the rest of the request's body.
const BODY_TIME: Duration = Duration::from_millis(500);
const BODY_BYTES: usize = 8 << 20;

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    /// End the connection after it.
    pub(crate) close: bool,
}

impl From<Answer> for Reply {
    /// One field at most: no allocation for an answer without.
    fn from(answer: Answer) -> Self {
        Self {
            status: answer.status,
            headers: answer.field.into_iter().collect(),
            body: answer.body,
            close: answer.close,
        }
    }
}

impl Reply {
    /// A status with nothing behind it.
    pub(crate) fn bare(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
            close: false,
        }
    }

    /// A short text, for people and probes.
    pub(crate) fn text(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static(content_type))];
        Self {
            status,
            headers,
            body: body.into(),
            close: false,
        }
    }

    /// A JSON body.
    pub(crate) fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self::text(status, "application/json", body)
    }

    /// Refuses a method, naming those that are answered.
    pub(crate) fn not_allowed(allow: &'static str) -> Self {
        let mut reply = Self::bare(405);
        reply.headers.push((ALLOW, HeaderValue::from_static(allow)));
        reply
    }
}

/// The status of the answer that has begun. What Pingora notes as written may be no more than a `100 Continue` or
/// early hints, behind which there is still an answer to give.
pub(crate) fn begun(session: &Session) -> Option<u16> {
    let status = session.response_written()?.status;
    (!status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS)
        .then(|| status.as_u16())
}

/// Sends a whole answer.
pub(crate) async fn send(
    session: &mut Session,
    context: &RequestContext,
    reply: Reply,
) -> Result<()> {
    // Names in lower case, as HTTP/2 has them: keeping a second map of their spelling costs more than the answer.
    let mut header = ResponseHeader::build_no_case(reply.status, Some(reply.headers.len() + 6))?;
    for (name, value) in reply.headers {
        header.append_header(name, value)?;
    }
    // 1xx, 204 and 304 have no body by definition, and no length. Source: RFC 9110, section 8.6.
    let bodiless = reply.status < 200 || matches!(reply.status, 204 | 304);
    let body = if bodiless { Bytes::new() } else { reply.body };
    if !bodiless {
        header.insert_header(CONTENT_LENGTH, body.len())?;
    }
    if reply.close {
        session.set_keepalive(None);
    }
    finish_header(session, context, &mut header)?;
    if session.is_http2() {
        take_body(session).await;
    }
    let head_only = body.is_empty() || session.req_header().method == Method::HEAD;
    session
        .write_response_header(Box::new(header), head_only)
        .await?;
    if !head_only {
        return session.write_response_body(Some(body), true).await;
    }
    // Without a body the end of an HTTP/2 stream has to be said; Pingora does it for answered requests only, and
    // this may be an error on its way out.
    session.as_downstream_mut().finish_body().await
}

/// Takes in what is left of a request's body, within bounds. The stream is reset when it ends with nobody having read
/// all of it: without an error, as RFC 9113, section 8.1 has it, but curl takes it for one and loses the answer.
async fn take_body(session: &mut Session) {
    if session.req_header().headers.contains_key(EXPECT) {
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

/// Puts on what every answer carries: the id, our name, and what the site's `header` directives say.
pub(crate) fn finish_header(
    session: &mut Session,
    context: &RequestContext,
    header: &mut ResponseHeader,
) -> Result<()> {
    header.insert_header(REQUEST_ID, context.id.as_str())?;
    if !header.headers.contains_key(SERVER) {
        header.insert_header(SERVER, "Ferrogate")?;
    }
    let request = Request(session.req_header_mut());
    context
        .exchange
        .apply_response_headers(&request, &context.connection, &mut Response(header));
    Ok(())
}
