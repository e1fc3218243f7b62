//! An HTTP/1.1 connection, driven by whoever uses it.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use crate::error::CallError;
use crate::transport::{Seen, Transport};

/// One connection, for one exchange at a time. Dropping it closes the socket.
pub(crate) struct H1 {
    sender: SendRequest<Full<Bytes>>,
    // Gone once hyper has finished with it; the sender and a body then say why.
    driver: Option<Pin<Box<Driver>>>,
    seen: Seen,
    remote: SocketAddr,
    expires: Instant,
}

type Driver = http1::Connection<TokioIo<Transport>, Full<Bytes>>;

/// A failed exchange.
pub(crate) struct Failed {
    pub(crate) error: CallError,
    /// The request, when it came back unsent.
    pub(crate) unsent: Option<Request<Full<Bytes>>>,
    /// The peer says that it did nothing with the request.
    pub(crate) refused: bool,
}

impl From<CallError> for Failed {
    fn from(error: CallError) -> Self {
        Self {
            error,
            unsent: None,
            refused: false,
        }
    }
}

impl H1 {
    pub(crate) async fn start(
        transport: Transport,
        remote: SocketAddr,
        expires: Instant,
    ) -> Result<Self, CallError> {
        let seen = transport.seen();
        let (sender, driver) = builder()
            .handshake(TokioIo::new(transport))
            .await
            .map_err(CallError::before_head)?;
        Ok(Self {
            sender,
            driver: Some(Box::pin(driver)),
            seen,
            remote,
            expires,
        })
    }

    pub(crate) fn remote(&self) -> SocketAddr {
        self.remote
    }

    pub(crate) fn expires(&self) -> Instant {
        self.expires
    }

    /// Whether bytes of the current answer have arrived.
    pub(crate) fn has_seen_bytes(&self) -> bool {
        self.seen.get()
    }

    /// Sends the request and waits for the answer head.
    ///
    /// Not an `async fn`, which would keep a second place for the request in every waiting call.
    pub(crate) fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> impl Future<Output = Result<Response<Incoming>, Failed>> {
        self.exchange_driven(request, drive)
    }

    /// Like [`H1::exchange`], for a request whose answer may switch protocols: [`H1::into_stream`] has what follows.
    pub(crate) fn exchange_upgrade(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> impl Future<Output = Result<Response<Incoming>, Failed>> {
        self.exchange_driven(request, drive_open)
    }

    // Generic over the driving, a pointer to which would take its place in every waiting call as well.
    async fn exchange_driven(
        &mut self,
        request: Request<Full<Bytes>>,
        drive: impl Fn(&mut Option<Pin<Box<Driver>>>, &mut Context<'_>),
    ) -> Result<Response<Incoming>, Failed> {
        self.seen.clear();
        let mut answer = pin!(self.sender.try_send_request(request));
        let driver = &mut self.driver;
        let result = poll_fn(|cx| {
            // The driver first: it takes the request, writes it, and completes the answer.
            drive(driver, cx);
            answer.as_mut().poll(cx)
        })
        .await;
        result.map_err(|mut failed| Failed {
            unsent: failed.take_message(),
            error: CallError::before_head(failed.into_error()),
            refused: false,
        })
    }

    /// The bare stream after an answer that switched protocols, with what was read beyond that answer; `None` when the
    /// connection broke meanwhile.
    pub(crate) async fn into_stream(self) -> Option<(Transport, Bytes)> {
        let mut driver = Pin::into_inner(self.driver?);
        // What hyper still has to write of the request goes first.
        poll_fn(|cx| driver.poll_without_shutdown(cx)).await.ok()?;
        let parts = driver.into_parts();
        Some((parts.io.into_inner(), parts.read_buf))
    }

    /// Polls the body of this connection's current answer.
    pub(crate) fn poll_frame(
        &mut self,
        body: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        // The body first: asking tells the driver that one more frame may be read.
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        drive(&mut self.driver, cx);
        Pin::new(body).poll_frame(cx)
    }

    /// Whether the connection can carry another exchange. Lets hyper see what the peer did meanwhile, which
    /// costs no system call unless the socket has news.
    pub(crate) fn is_ready(&mut self) -> bool {
        drive(&mut self.driver, &mut Context::from_waker(Waker::noop()));
        self.driver.is_some() && self.sender.is_ready()
    }
}

fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    // Vectored for TLS too: head and body leave in one system call, or in one record.
    builder.writev(true);
    builder.max_headers(MAX_HEADERS);
    builder.max_header_size(MAX_HEAD_BYTES);
    builder.max_buf_size(MAX_HEAD_BYTES);
    builder
}

fn drive(driver: &mut Option<Pin<Box<Driver>>>, cx: &mut Context<'_>) {
    if let Some(running) = driver
        && let Poll::Ready(ended) = running.as_mut().poll(cx)
    {
        if let Err(error) = ended {
            tracing::debug!(%error, "an upstream connection ended");
        }
        *driver = None;
    }
}

/// Drives a connection whose socket outlives hyper's part: it is neither shut down nor dropped at the end.
fn drive_open(driver: &mut Option<Pin<Box<Driver>>>, cx: &mut Context<'_>) {
    if let Some(running) = driver
        && let Poll::Ready(Err(error)) = running.as_mut().get_mut().poll_without_shutdown(cx)
    {
        tracing::debug!(%error, "an upstream connection ended");
        *driver = None;
    }
}

/// Response headers accepted in one head.
pub(crate) const MAX_HEADERS: usize = 128;
/// Bytes accepted in one head; also the largest piece of a body read at once.
pub(crate) const MAX_HEAD_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::io::{self, IoSlice};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::*;

    /// Counts writes and never answers.
    #[derive(Clone, Default)]
    struct Counting(Arc<AtomicUsize>);

    impl AsyncRead for Counting {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Counting {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Poll::Ready(Ok(buf.len()))
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()))
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn head_with_body_leave_in_one_write() {
        for size in [0, 10, 100_000] {
            let io = Counting::default();
            let (mut sender, driver) = builder().handshake(TokioIo::new(io.clone())).await.unwrap();
            let body = Full::new(Bytes::from(vec![b'x'; size]));
            let mut answer = pin!(sender.send_request(Request::post("/").body(body).unwrap()));
            let mut driver = pin!(driver);
            poll_fn(|cx| {
                assert!(driver.as_mut().poll(cx).is_pending());
                assert!(answer.as_mut().poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            assert_eq!(io.0.load(Ordering::Relaxed), 1, "{size}");
        }
    }
}
