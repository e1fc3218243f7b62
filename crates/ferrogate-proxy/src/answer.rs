//! Answers the gateway makes itself, whole.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, StatusCode};
use pingora_error::Result;
use pingora_proxy::Session;

use crate::context::RequestContext;
use crate::deliver::{self, Delivered};
use crate::made::Made;

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    /// End the connection after it.
    pub(crate) close: bool,
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

/// Sends a whole answer, from where no routes can run in its place: an `intercept` that wants it gets it from the context.
pub(crate) async fn send(
    session: &mut Session,
    context: &mut RequestContext,
    reply: Reply,
) -> Result<()> {
    let mut made = Made::full(reply.status, reply.body)?;
    for (name, value) in reply.headers {
        made.header.append_header(name, value)?;
    }
    made.close = reply.close;
    match deliver::deliver(session, context, made).await? {
        Delivered::Done => {}
        Delivered::Intercepted(routes, made) => context.intercepted = Some((routes, made)),
    }
    Ok(())
}
