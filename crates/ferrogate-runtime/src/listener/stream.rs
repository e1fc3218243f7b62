//! A downstream connection as Pingora takes it.

use std::io;
use std::os::fd::{AsRawFd as _, RawFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Buf as _, Bytes, BytesMut};
use ferrogate_proxy::tls_digest;
use pingora_core::protocols::l4::socket::SocketAddr::Inet;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::tls::{ALPN, SslDigest};
use pingora_core::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    TimingDigest, UniqueID,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

use super::proxy_protocol::Addresses;
use super::session;
use super::wire::{ReadWrite, Wire};

/// A connection whose writes wait for a flush, so that a header and a small body leave in one packet.
#[derive(Debug)]
pub(crate) struct Downstream {
    transport: Transport,
    /// Bytes already read that the next reader sees first.
    unread: Bytes,
    /// Bytes written but not sent.
    unsent: BytesMut,
    /// How many bytes of the request under way may still be read; `None` = as many as come.
    allowance: Option<u64>,
    /// Bytes of a next request, sent before this one was answered.
    early: BytesMut,
    socket: Arc<SocketDigest>,
    tls: Option<Arc<SslDigest>>,
    /// What the TLS session tells, on its way through Pingora.
    facts: Option<Arc<ProxyDigest>>,
    h2: bool,
}

#[derive(Debug)]
enum Transport {
    Plain(Wire),
    Tls(Box<TlsStream<Wire>>),
}

/// Bytes of pipelined requests that are taken in ahead.
const EARLY: usize = 64 << 10;

/// How long, and for how many bytes, a closed connection is read on.
const LINGER: Duration = Duration::from_millis(500);
const LINGER_BYTES: usize = 1 << 20;

/// Writes up to this size wait for a flush; larger ones go out behind what waits.
const COALESCE: usize = 8 << 10;

impl Downstream {
    /// A connection in the clear; `addresses` are those a proxy in front told, in place of the socket's own.
    pub(crate) fn plain(wire: Wire, addresses: Option<Addresses>) -> Self {
        let fd = wire.as_raw_fd();
        Self::new(Transport::Plain(wire), fd, addresses)
    }

    /// A connection whose handshake is done.
    pub(crate) fn tls(stream: TlsStream<Wire>, addresses: Option<Addresses>) -> Self {
        let (wire, session) = stream.get_ref();
        let fd = wire.as_raw_fd();
        let facts = session::facts(session);
        let mut downstream = Self::new(Transport::Tls(Box::new(stream)), fd, addresses);
        downstream.h2 = facts.protocol.as_deref() == Some("h2");
        downstream.tls = Some(Arc::new(session::digest(&facts)));
        downstream.facts = tls_digest(Arc::new(facts))
            .inspect_err(|error| tracing::warn!(%error, "the facts of a TLS session were lost"))
            .ok();
        downstream
    }

    fn new(transport: Transport, fd: RawFd, addresses: Option<Addresses>) -> Self {
        let socket = SocketDigest::from_raw_fd(fd);
        if let Some(Addresses {
            source,
            destination,
        }) = addresses
        {
            // Nobody has asked a new digest yet, so that nothing is in these cells.
            let _new = socket.peer_addr.set(Some(Inet(source))).is_ok();
            let _new = socket.local_addr.set(Some(Inet(destination))).is_ok();
        }
        Self {
            transport,
            unread: Bytes::new(),
            unsent: BytesMut::new(),
            allowance: None,
            early: BytesMut::new(),
            socket: Arc::new(socket),
            tls: None,
            facts: None,
            h2: false,
        }
    }

    /// Whether HTTP/2 was agreed on.
    pub(crate) fn is_h2(&self) -> bool {
        self.h2
    }

    /// Marks a connection in the clear as HTTP/2 and gives back the bytes that showed it.
    pub(crate) fn into_h2(mut self, unread: Bytes) -> Self {
        self.h2 = true;
        self.unread = unread;
        self
    }

    /// Limits what the reader of one request may see to the rest of its body; `None` for a length that is not
    /// known. Pingora probes the connection for a client that left, and would take the first byte of a pipelined
    /// request for a protocol error.
    pub(crate) fn limit_to(&mut self, allowance: Option<u64>) {
        self.allowance = allowance;
    }

    /// Lifts the limit and hands out what came early.
    pub(crate) fn take_early(&mut self) -> BytesMut {
        self.allowance = None;
        std::mem::take(&mut self.early)
    }

    /// Reads at most `left` bytes.
    fn poll_body(
        &mut self,
        left: u64,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.remaining());
        let mut limited = ReadBuf::new(buffer.initialize_unfilled_to(room));
        ready!(self.transport().poll_read(context, &mut limited))?;
        let count = limited.filled().len();
        buffer.advance(count);
        self.allowance = Some(left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX)));
        Poll::Ready(Ok(()))
    }

    /// Waits for the end of the connection; what comes before it belongs to the next request and is kept.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.early.len() >= EARLY {
                // Nothing more is taken in until this request is answered; its end wakes the reader.
                return Poll::Pending;
            }
            let mut scrap = [0; 1024];
            let mut bytes = ReadBuf::new(&mut scrap);
            ready!(self.transport().poll_read(context, &mut bytes))?;
            if bytes.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.early.extend_from_slice(bytes.filled());
        }
    }

    fn transport(&mut self) -> Pin<&mut (dyn ReadWrite + Unpin)> {
        match &mut self.transport {
            Transport::Plain(wire) => Pin::new(wire),
            Transport::Tls(stream) => Pin::new(stream.as_mut()),
        }
    }

    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let unsent = std::mem::take(&mut self.unsent);
            let result = self.transport().poll_write(context, &unsent);
            self.unsent = unsent;
            match ready!(result)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                sent => self.unsent.advance(sent),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Downstream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Whoever reads has nothing more to write for now: what waits for a flush must not wait for the answer's end.
        if !self.unsent.is_empty()
            && let Poll::Ready(Err(error)) = self.poll_send(context)
        {
            return Poll::Ready(Err(error));
        }
        if self.unread.is_empty() {
            return match self.allowance {
                None => self.transport().poll_read(context, buffer),
                Some(0) => self.poll_end(context),
                Some(left) => self.poll_body(left, context, buffer),
            };
        }
        let count = self.unread.len().min(buffer.remaining());
        buffer.put_slice(&self.unread.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Downstream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.unsent.len() + bytes.len() <= COALESCE {
            self.unsent.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        ready!(self.poll_send(context))?;
        if bytes.len() <= COALESCE {
            self.unsent.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        self.transport().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(context))?;
        self.transport().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(context))?;
        self.transport().poll_shutdown(context)
    }
}

impl Drop for Downstream {
    /// An answer that breaks off is dropped with its connection; what there is of it is still sent, so that the
    /// client sees a cut answer and not none.
    fn drop(&mut self) {
        if self.unsent.is_empty() {
            return;
        }
        let sent = match &self.transport {
            Transport::Plain(wire) => wire.try_write(&self.unsent),
            // A record would have to be made and sent; the missing end of the session says as much.
            Transport::Tls(_) => Ok(0),
        };
        if let Err(error) = sent {
            tracing::trace!(%error, "the rest of a cut answer was not sent");
        }
    }
}

#[async_trait]
impl Shutdown for Downstream {
    async fn shutdown(&mut self) {
        // The peer may be gone; there is nobody left to tell.
        if let Err(error) = tokio::io::AsyncWriteExt::shutdown(self).await {
            tracing::debug!(%error, "closing a connection");
            return;
        }
        // Closing with unread bytes would make the kernel reset the connection, and with it destroy an answer the
        // peer has not read yet: what still comes is read and thrown away for a moment. Nginx's lingering close.
        let rest = async {
            let mut scrap = [0; 4096];
            let mut left = LINGER_BYTES;
            while let Ok(count @ 1..) = self.read(&mut scrap).await {
                left = left.saturating_sub(count);
                if left == 0 {
                    break;
                }
            }
        };
        if tokio::time::timeout(LINGER, rest).await.is_err() {
            tracing::trace!("a peer kept its side open");
        }
    }
}

impl UniqueID for Downstream {
    fn id(&self) -> RawFd {
        match &self.transport {
            Transport::Plain(wire) => wire.as_raw_fd(),
            Transport::Tls(stream) => stream.get_ref().0.as_raw_fd(),
        }
    }
}

impl Ssl for Downstream {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.tls.clone()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.h2.then_some(ALPN::H2)
    }
}

impl GetTimingDigest for Downstream {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Downstream {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.facts.clone()
    }
}

impl GetSocketDigest for Downstream {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(Arc::clone(&self.socket))
    }
}

impl Peek for Downstream {}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixStream;

    use super::*;

    #[tokio::test]
    async fn writes_leave_together_at_the_flush_and_unread_bytes_come_first() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let mut stream =
            Downstream::plain(Wire::unix(near), None).into_h2(Bytes::from_static(b"seen "));
        far.write_all(b"new").await.unwrap();
        let mut text = [0; 8];
        stream.read_exact(&mut text).await.unwrap();
        assert_eq!(&text, b"seen new");

        stream.write_all(b"header ").await.unwrap();
        stream.write_all(b"body").await.unwrap();
        assert_eq!(
            far.try_read(&mut [0; 1]).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
        stream.flush().await.unwrap();
        let mut received = [0; 64];
        let count = far.read(&mut received).await.unwrap();
        assert_eq!(&received[..count], b"header body");
    }

    #[tokio::test]
    async fn a_reader_sees_its_own_request_only() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let mut stream = Downstream::plain(Wire::unix(near), None);
        stream.limit_to(Some(4));
        far.write_all(b"bodyGET /next").await.unwrap();
        let mut body = [0; 16];
        assert_eq!(stream.read(&mut body).await.unwrap(), 4);
        let probe = tokio::time::timeout(Duration::from_millis(20), stream.read(&mut body)).await;
        assert!(probe.is_err(), "the next request is not this one's body");
        assert_eq!(&stream.take_early()[..], b"GET /next");
        stream.limit_to(Some(0));
        drop(far);
        assert_eq!(stream.read(&mut body).await.unwrap(), 0, "the end is seen");
    }

    #[tokio::test]
    async fn what_waits_for_a_flush_is_sent_when_the_reader_waits() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let mut stream = Downstream::plain(Wire::unix(near), None);
        stream.write_all(b"half").await.unwrap();
        let waits = tokio::time::timeout(Duration::from_millis(20), stream.read(&mut [0; 1])).await;
        assert!(waits.is_err());
        let mut received = [0; 4];
        far.read_exact(&mut received).await.unwrap();
        stream.write_all(b" cut").await.unwrap();
        drop(stream);
        far.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b" cut");
    }

    #[tokio::test]
    async fn large_writes_keep_their_order() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let mut stream = Downstream::plain(Wire::unix(near), None);
        let reader = tokio::spawn(async move {
            let mut all = Vec::new();
            far.read_to_end(&mut all).await.unwrap();
            all
        });
        let mut expected = Vec::new();
        for size in [10, 20_000, 8_000, 8_192, 1, 70_000] {
            let part = vec![b'a' + u8::try_from(size % 20).unwrap(); size];
            stream.write_all(&part).await.unwrap();
            expected.extend(part);
        }
        Shutdown::shutdown(&mut stream).await;
        assert_eq!(reader.await.unwrap(), expected);
    }
}
