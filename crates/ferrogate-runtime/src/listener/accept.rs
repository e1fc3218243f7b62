//! The accept loop and the life of a connection.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ferrogate_observability::Metrics;
use ferrogate_proxy::Gateway;
use ferrogate_types::RequestId;
use pingora_core::apps::{HttpPersistentSettings, HttpServerApp as _, ServerApp as _};
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::{Shutdown, Stream};
use pingora_core::server::ShutdownWatch;
use pingora_proxy::HttpProxy;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

use super::head::{self, Framing, H2_PREFACE, HeadLimits, Refusal};
use super::proxy_protocol::{Addresses, ProxyProtocol};
use super::socket::BoundSocket;
use super::stream::Downstream;
use super::tracker::Tracker;
use super::wire::Wire;

/// What a listener needs for each connection.
#[derive(Clone)]
pub(crate) struct Acceptor {
    pub(crate) proxy: Arc<HttpProxy<Gateway>>,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) h1: bool,
    pub(crate) h2c: bool,
    pub(crate) proxy_protocol: Option<Arc<ProxyProtocol>>,
    /// A request in the clear on a socket for TLS is redirected.
    pub(crate) http_redirect: bool,
    pub(crate) limits: HeadLimits,
    pub(crate) tracker: Arc<Tracker>,
    pub(crate) metrics: Arc<Metrics>,
}

/// A handshake takes one or two round trips; longer is an idle or hostile client.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long an idle connection may still send one more request after a stop was asked for: a request that was
/// already on its way is answered, with `Connection: close`, instead of being reset.
const LINGER: Duration = Duration::from_millis(500);
/// How long nobody must have come for the queue of a listener that stops to be taken as empty.
const QUIET: Duration = Duration::from_millis(5);
/// How long, and of how many connections, it is emptied; after that time it only has to be empty once.
const LAST_CALL: Duration = Duration::from_millis(200);
const LAST_CONNECTIONS: usize = 10_000;
/// Room for a head, and for a small body behind it: most requests are one read.
const HEAD_BUFFER: usize = 4 << 10;
/// The pause after an accept that failed for want of descriptors or memory.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// Accepts connections until a stop is asked for, each served by a task of its own that `tracker` counts.
pub(crate) async fn serve(
    socket: BoundSocket,
    acceptor: Acceptor,
    mut shutdown: ShutdownWatch,
) -> io::Result<()> {
    let _held = acceptor.tracker.hold();
    let listening = Listening::new(socket)?;
    let mut exhausted = false;
    loop {
        let accepted = tokio::select! {
            biased;
            _stop = shutdown.wait_for(|stop| *stop) => break,
            accepted = listening.accept() => accepted,
        };
        match accepted {
            Ok(accepted) => {
                exhausted = false;
                acceptor.spawn(accepted, &shutdown);
            }
            // The peer gave up before it was accepted: nothing to do with this socket.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                acceptor.metrics.rejected("accept_failed");
                if !exhausted {
                    tracing::error!(%error, "connections cannot be accepted; raise the limit of open files");
                }
                exhausted = true;
                tokio::time::sleep(EXHAUSTED).await;
            }
        }
    }
    // The kernel resets what it has accepted and we have not, and those clients may have sent a request already.
    let until = Instant::now() + LAST_CALL;
    for _ in 0..LAST_CONNECTIONS {
        let patience = until.saturating_duration_since(Instant::now()).min(QUIET);
        let Ok(Ok(accepted)) = timeout(patience, listening.accept()).await else {
            break;
        };
        acceptor.spawn(accepted, &shutdown);
    }
    Ok(())
}

/// A socket under the runtime; the file of a Unix socket goes with it, unless somebody else made it.
enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener, Option<PathBuf>),
}

impl Listening {
    fn new(socket: BoundSocket) -> io::Result<Self> {
        Ok(match socket {
            BoundSocket::Tcp(listener, _) => Self::Tcp(TcpListener::from_std(listener)?),
            BoundSocket::Unix(listener, path) => {
                Self::Unix(UnixListener::from_std(listener)?, path)
            }
        })
    }

    async fn accept(&self) -> io::Result<Wire> {
        Ok(match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Answers are written whole; waiting for more to send would only delay them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY");
                }
                Wire::tcp(stream)
            }
            Self::Unix(listener, _) => Wire::unix(listener.accept().await?.0),
        })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Self::Unix(_, Some(path)) = self
            && let Err(error) = std::fs::remove_file(&*path)
        {
            tracing::debug!(path = %path.display(), %error, "removing the socket file");
        }
    }
}

impl Acceptor {
    /// Serves a connection in a task of its own, which the tracker counts.
    fn spawn(&self, wire: Wire, shutdown: &ShutdownWatch) {
        let tracked = self.tracker.enter();
        let (acceptor, shutdown) = (self.clone(), shutdown.clone());
        tokio::spawn(async move {
            acceptor.connection(wire, shutdown).await;
            drop(tracked);
        });
    }

    async fn connection(&self, mut wire: Wire, shutdown: ShutdownWatch) {
        let mut addresses = None;
        if let Some(rules) = &self.proxy_protocol {
            match rules.take(&mut wire).await {
                Ok(told) => addresses = told,
                Err(error) => {
                    self.metrics.rejected("proxy_protocol");
                    tracing::debug!(error = &error as &dyn std::error::Error, "PROXY protocol");
                    return;
                }
            }
        }
        let stream = match &self.tls {
            None => Downstream::plain(wire, addresses),
            Some(tls) => match self.handshake(tls, wire, addresses, &shutdown).await {
                Some(stream) => stream,
                None => return,
            },
        };
        if stream.is_h2() {
            self.proxy.process_new(Box::new(stream), &shutdown).await;
        } else {
            self.http1(stream, shutdown).await;
        }
    }

    async fn handshake(
        &self,
        tls: &TlsAcceptor,
        mut wire: Wire,
        addresses: Option<Addresses>,
        shutdown: &ShutdownWatch,
    ) -> Option<Downstream> {
        let deadline = Instant::now() + HANDSHAKE;
        if self.http_redirect {
            let mut first = BytesMut::with_capacity(HEAD_BUFFER);
            let Ok(Ok(1..)) = timeout_at(deadline, wire.read_buf(&mut first)).await else {
                self.metrics.rejected("tls_timeout");
                return None;
            };
            // A handshake begins with 22; a method with a letter.
            if first.first().is_some_and(u8::is_ascii_alphabetic) {
                let stream = Downstream::plain(wire, addresses);
                self.redirect(stream, first, shutdown.clone()).await;
                return None;
            }
            wire.unread(first.freeze());
        }
        match timeout_at(deadline, tls.accept(wire)).await {
            Ok(Ok(stream)) => Some(Downstream::tls(stream, addresses)),
            Ok(Err(error)) => {
                self.metrics.rejected("tls_handshake");
                tracing::debug!(%error, "TLS handshake");
                None
            }
            Err(_) => {
                self.metrics.rejected("tls_timeout");
                None
            }
        }
    }

    /// Sends a request in the clear back to where it came from, but over TLS.
    async fn redirect(&self, mut stream: Downstream, early: BytesMut, mut shutdown: ShutdownWatch) {
        let refusal = match self
            .read_head(&mut stream, early, true, &mut shutdown)
            .await
        {
            Head::Request(bytes, end, _) => {
                match head::https_location(bytes.get(..end).unwrap_or_default()) {
                    Some(location) => {
                        self.metrics.rejected("http_redirect");
                        return self
                            .last_words(stream, |id| head::redirect(&location, id))
                            .await;
                    }
                    None => Refusal::Malformed("the request has no Host header"),
                }
            }
            Head::Refused(refusal) => refusal,
            Head::Preface(_) | Head::Closed => return,
        };
        self.refuse(stream, refusal).await;
    }

    async fn http1(&self, stream: Downstream, mut shutdown: ShutdownWatch) {
        let mut stream = stream;
        let mut early = BytesMut::new();
        let mut settings = None;
        let mut first = true;
        loop {
            let (own, rest) = match self
                .read_head(&mut stream, early, first, &mut shutdown)
                .await
            {
                Head::Request(..) if !self.h1 => {
                    self.refuse(stream, Refusal::Version).await;
                    return;
                }
                Head::Request(bytes, end, framing) => own_part(&mut stream, bytes, end, framing),
                Head::Preface(bytes) => {
                    self.proxy
                        .process_new(Box::new(stream.into_h2(bytes)), &shutdown)
                        .await;
                    return;
                }
                Head::Refused(refusal) => {
                    self.refuse(stream, refusal).await;
                    return;
                }
                Head::Closed => return,
            };
            first = false;
            let mut session = ServerSession::new_http1(Box::new(stream));
            session.set_keepalive(Some(self.limits.idle.as_secs().max(1)));
            if let Some(settings) = settings.take() {
                HttpPersistentSettings::apply_to_session(settings, &mut session);
            }
            // The head goes in as if it had been read behind the last request: Pingora parses it from there.
            session.set_pipelined_prefix(own);
            let Some(reused) = self.proxy.process_new_http(session, &shutdown).await else {
                return;
            };
            let (back, kept): (Stream, _) = reused.consume();
            settings = kept;
            match back.into_any().downcast::<Downstream>() {
                Ok(back) => stream = *back,
                Err(_) => return,
            }
            early = rest;
            early.unsplit(stream.take_early());
        }
    }

    async fn read_head(
        &self,
        stream: &mut Downstream,
        early: BytesMut,
        first: bool,
        shutdown: &mut ShutdownWatch,
    ) -> Head {
        let mut bytes = early;
        if bytes.is_empty() {
            // A reader that grows with what it finds would begin with 64 bytes and ask the kernel five times.
            bytes.reserve(HEAD_BUFFER);
            let patience = if first {
                self.limits.timeout
            } else {
                self.limits.idle
            };
            let begun = tokio::select! {
                biased;
                begun = timeout(patience, stream.read_buf(&mut bytes)) => begun,
                () = lingered(shutdown) => return Head::Closed,
            };
            match begun {
                Ok(Ok(1..)) => {}
                // An idle connection that ends, or is ended by us, is the normal case; a new one that never says
                // anything is told why, as nginx and Caddy do.
                Err(_) if first => return Head::Refused(Refusal::Timeout),
                Ok(Ok(0) | Err(_)) | Err(_) => return Head::Closed,
            }
        }
        let deadline = Instant::now() + self.limits.timeout;
        let mut searched = 0;
        loop {
            // RFC 9112, section 2.2: empty lines before a request are skipped.
            while searched == 0
                && bytes
                    .first()
                    .is_some_and(|byte| matches!(byte, b'\r' | b'\n'))
            {
                let _blank = bytes.split_to(1);
            }
            if self.h2c
                && self.tls.is_none()
                && first
                && H2_PREFACE.starts_with(&bytes[..bytes.len().min(H2_PREFACE.len())])
            {
                if bytes.len() >= H2_PREFACE.len() {
                    return Head::Preface(bytes.freeze());
                }
            } else {
                if let Some(end) = head::find_end(&bytes, searched) {
                    if end > self.limits.bytes {
                        return Head::Refused(Refusal::TooLarge);
                    }
                    return match head::screen(bytes.get(..end).unwrap_or_default()) {
                        Ok(framing) => Head::Request(bytes, end, framing),
                        Err(refusal) => Head::Refused(refusal),
                    };
                }
                searched = bytes.len();
            }
            if bytes.len() > self.limits.bytes {
                return Head::Refused(Refusal::TooLarge);
            }
            match timeout_at(deadline, stream.read_buf(&mut bytes)).await {
                Ok(Ok(1..)) => {}
                Ok(Ok(0) | Err(_)) => return Head::Closed,
                Err(_) => return Head::Refused(Refusal::Timeout),
            }
        }
    }

    async fn refuse(&self, stream: Downstream, refusal: Refusal) {
        self.metrics.rejected(refusal.label());
        self.last_words(stream, |id| refusal.answer(id).into_bytes())
            .await;
    }

    /// Sends an answer that is written by hand, and closes the connection.
    async fn last_words(&self, mut stream: Downstream, answer: impl FnOnce(&RequestId) -> Vec<u8>) {
        let id = RequestId::from_random(fastrand::u128(..));
        if let Err(error) = stream.write_all(&answer(&id)).await {
            tracing::debug!(%error, "answering from the listener");
        }
        Shutdown::shutdown(&mut stream).await;
    }
}

enum Head {
    /// A screened head with whatever came behind it, where it ends, and how its body does.
    Request(BytesMut, usize, Framing),
    /// HTTP/2 with prior knowledge.
    Preface(Bytes),
    Refused(Refusal),
    /// The peer is gone, or was idle for too long.
    Closed,
}

/// Cuts what belongs to the request from what was read, limits the stream to the rest of it, and returns both
/// the request's bytes and those of the next one.
fn own_part(
    stream: &mut Downstream,
    mut bytes: BytesMut,
    end: usize,
    framing: Framing,
) -> (BytesMut, BytesMut) {
    let Framing::Length(length) = framing else {
        stream.limit_to(None);
        return (bytes, BytesMut::new());
    };
    let here = usize::try_from(length)
        .unwrap_or(usize::MAX)
        .min(bytes.len() - end);
    stream.limit_to(Some(
        length.saturating_sub(u64::try_from(here).unwrap_or(u64::MAX)),
    ));
    // Splitting where nothing follows would only turn one allocation into a shared one.
    let rest = if end + here == bytes.len() {
        BytesMut::new()
    } else {
        bytes.split_off(end + here)
    };
    (bytes, rest)
}

/// Resolves a little after a stop was asked for.
async fn lingered(shutdown: &mut ShutdownWatch) {
    // An error means that the sender is gone, which is a stop as well.
    let _stop = shutdown.wait_for(|stop| *stop).await.is_ok();
    tokio::time::sleep(LINGER).await;
}
