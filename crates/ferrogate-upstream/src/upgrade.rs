//! A connection that goes on in another protocol.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::header::UPGRADE;
use http::{HeaderMap, HeaderValue, Response};
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::answer::Answer;
use crate::error::{CallError, CallErrorKind};
use crate::http1::H1;
use crate::transport::Transport;

/// What an upstream made of the wish to switch protocols.
#[derive(Debug)]
pub enum Switch {
    /// It switched.
    Upgraded(Upgraded),
    /// It answered over HTTP instead.
    Refused(Box<Answer>),
}

/// The stream of the new protocol. Dropped, it closes.
///
/// The first bytes read are those that came with the answer, if any.
pub struct Upgraded {
    /// The fields of the answer that switched, as received.
    pub headers: HeaderMap,
    /// The address that answered.
    pub remote: SocketAddr,
    ahead: Bytes,
    transport: Transport,
}

impl Upgraded {
    /// Takes the stream out of a connection whose answer switched.
    pub(crate) async fn over(
        response: Response<Incoming>,
        connection: H1,
        protocol: &str,
    ) -> Result<Self, CallError> {
        let headers = response.into_parts().0.headers;
        let chosen = headers.get(UPGRADE).map(HeaderValue::as_bytes);
        // A protocol of its own choice would be read as the one that was asked for. RFC 9110 section 7.8.
        if !chosen.is_some_and(|chosen| chosen.eq_ignore_ascii_case(protocol.as_bytes())) {
            let cause = "the upstream switches to a protocol that nobody asked for";
            return Err(CallError::because(CallErrorKind::Protocol, cause).seen(true));
        }
        let remote = connection.remote();
        let stream = connection.into_stream().await;
        let (transport, ahead) = stream
            .ok_or_else(|| CallError::new(CallErrorKind::Reset { answered: true }).seen(true))?;
        Ok(Self {
            headers,
            remote,
            ahead,
            transport,
        })
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.ahead.is_empty() {
            return Pin::new(&mut this.transport).poll_read(cx, buf);
        }
        let part = this
            .ahead
            .split_to(buf.remaining().min(this.ahead.remaining()));
        buf.put_slice(&part);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().transport).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().transport).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().transport).poll_shutdown(cx)
    }
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgraded")
            .field("remote", &self.remote)
            .finish_non_exhaustive()
    }
}
