//! An HTTP/2 connection, shared by several calls.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::task::JoinHandle;

use crate::error::{CallError, CallErrorKind, find};
use crate::http1::{Failed, MAX_HEAD_BYTES, MAX_HEADERS};
use crate::transport::Transport;

/// One connection. It closes when neither the pool nor a stream holds it.
pub(crate) struct H2 {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
    streams: AtomicUsize,
    // What the peer allows, as of the last time the driver ran, which is at least once per request.
    max_streams: Arc<AtomicUsize>,
    // No new streams: the peer refused one or said goodbye.
    retired: AtomicBool,
    remote: SocketAddr,
    born: Instant,
    used_ms: AtomicU64,
    expires: Instant,
}

/// The place of one call on a connection. Dropping it gives the place back.
pub(crate) struct Place(Arc<H2>);

impl H2 {
    /// Takes the connection up, in a task on the current runtime.
    pub(crate) async fn start(
        transport: Transport,
        remote: SocketAddr,
        expires: Instant,
    ) -> Result<Arc<Self>, CallError> {
        let (sender, mut driver) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX))
            // Only while calls wait: some peers take pings on an idle connection for abuse.
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_PATIENCE)
            .handshake(TokioIo::new(transport))
            .await
            .map_err(CallError::before_head)?;
        let max_streams = Arc::new(AtomicUsize::new(driver.current_max_send_streams()));
        let published = Arc::clone(&max_streams);
        // A task of its own, because no single call may drive what others share. `driver` owns it: the last
        // holder of the connection aborts it, and with it go the tasks that hyper starts under it.
        let driver = tokio::spawn(async move {
            let ended = poll_fn(|cx| {
                let polled = Pin::new(&mut driver).poll(cx);
                published.store(driver.current_max_send_streams(), Ordering::Relaxed);
                polled
            })
            .await;
            if let Err(error) = ended {
                tracing::debug!(%error, "an upstream connection ended");
            }
        });
        Ok(Arc::new(Self {
            sender,
            driver,
            streams: AtomicUsize::new(0),
            max_streams,
            retired: AtomicBool::new(false),
            remote,
            born: Instant::now(),
            used_ms: AtomicU64::new(0),
            expires,
        }))
    }

    /// Takes a place unless the connection is closed, too old or full.
    pub(crate) fn reserve(self: &Arc<Self>, now: Instant) -> Option<Place> {
        let open = self.is_open(now)
            && self.streams.load(Ordering::Relaxed) < self.max_streams.load(Ordering::Relaxed);
        open.then(|| self.occupy())
    }

    /// Takes a place whatever the peer's limit; hyper queues the stream if need be.
    pub(crate) fn occupy(self: &Arc<Self>) -> Place {
        self.streams.fetch_add(1, Ordering::Relaxed);
        Place(Arc::clone(self))
    }

    /// Whether new streams may be opened.
    pub(crate) fn is_open(&self, now: Instant) -> bool {
        !self.sender.is_closed() && !self.retired.load(Ordering::Relaxed) && now < self.expires
    }

    /// Whether nobody has used the connection for `limit`.
    pub(crate) fn is_idle(&self, now: Instant, limit: Duration) -> bool {
        let used = self.born + Duration::from_millis(self.used_ms.load(Ordering::Relaxed));
        self.streams.load(Ordering::Relaxed) == 0 && now.saturating_duration_since(used) >= limit
    }
}

impl Drop for H2 {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Place {
    pub(crate) fn remote(&self) -> SocketAddr {
        self.0.remote
    }

    /// Sends the request and waits for the answer head.
    pub(crate) async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Failed> {
        let mut sender = self.0.sender.clone();
        match sender.try_send_request(request).await {
            Ok(answer) if answer.headers().len() > MAX_HEADERS => {
                let cause = "the answer has too many headers";
                Err(CallError::because(CallErrorKind::Protocol, cause)
                    .seen(true)
                    .into())
            }
            Ok(answer) => Ok(answer),
            Err(mut failed) => {
                let unsent = failed.take_message();
                let error = failed.into_error();
                let refused = find::<h2::Error>(&error).is_some_and(|cause| self.is_refusal(cause));
                Err(Failed {
                    error: CallError::before_head(error),
                    unsent,
                    refused,
                })
            }
        }
    }

    /// Whether the peer did nothing with the stream: it refused it, or said a graceful goodbye that does not
    /// include it. RFC 9113 section 8.7. Either way the connection takes no more streams.
    fn is_refusal(&self, cause: &h2::Error) -> bool {
        // Only the peer's word counts: h2 itself refuses answers whose head is too large, with the same reason.
        let refused = cause.is_remote() && cause.reason() == Some(h2::Reason::REFUSED_STREAM);
        let goodbye = cause.is_remote() && cause.is_go_away();
        if refused || goodbye {
            self.0.retired.store(true, Ordering::Relaxed);
        }
        refused || (goodbye && cause.reason() == Some(h2::Reason::NO_ERROR))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let used = u64::try_from(self.0.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.used_ms.fetch_max(used, Ordering::Relaxed);
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Bytes a peer may send ahead of the reader of one answer.
const STREAM_WINDOW: u32 = 1 << 20;
/// Bytes a peer may send ahead of all readers of a connection.
const CONNECTION_WINDOW: u32 = 4 << 20;
const PING_INTERVAL: Duration = Duration::from_secs(15);
const PING_PATIENCE: Duration = Duration::from_secs(10);
