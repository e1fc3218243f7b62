//! A downstream connection as Pingora takes it.

use std::io;
use std::os::fd::{AsRawFd as _, RawFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Buf as _, Bytes, BytesMut};
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::tls::{ALPN, SslDigest};
use pingora_core::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    TimingDigest, UniqueID,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

/// A connection whose writes wait for a flush, so that a header and a small body leave in one packet.
#[derive(Debug)]
pub(crate) struct Downstream {
    transport: Transport,
    /// Bytes already read that the next reader sees first.
    unread: Bytes,
    /// Bytes written but not sent.
    unsent: BytesMut,
    socket: Arc<SocketDigest>,
    tls: Option<Arc<SslDigest>>,
    h2: bool,
}

#[derive(Debug)]
enum Transport {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// How long, and for how many bytes, a closed connection is read on.
const LINGER: Duration = Duration::from_millis(500);
const LINGER_BYTES: usize = 1 << 20;

/// Writes up to this size wait for a flush; larger ones go out behind what waits.
const COALESCE: usize = 8 << 10;

impl Downstream {
    pub(crate) fn tcp(stream: TcpStream) -> Self {
        let fd = stream.as_raw_fd();
        Self::new(Transport::Tcp(stream), fd)
    }

    pub(crate) fn unix(stream: UnixStream) -> Self {
        let fd = stream.as_raw_fd();
        Self::new(Transport::Unix(stream), fd)
    }

    /// A connection whose handshake is done.
    pub(crate) fn tls(stream: TlsStream<TcpStream>) -> Self {
        let (tcp, session) = stream.get_ref();
        let fd = tcp.as_raw_fd();
        let version = match session.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_2) => "tls1.2",
            _ => "tls1.3",
        };
        let cipher = session
            .negotiated_cipher_suite()
            .map(|suite| format!("{:?}", suite.suite()).replace("TLS13_", "TLS_"))
            .unwrap_or_default();
        let h2 = session.alpn_protocol() == Some(b"h2");
        let digest = SslDigest::new(cipher, version.to_owned(), None, None, Vec::new());
        Self {
            tls: Some(Arc::new(digest)),
            h2,
            ..Self::new(Transport::Tls(Box::new(stream)), fd)
        }
    }

    fn new(transport: Transport, fd: RawFd) -> Self {
        Self {
            transport,
            unread: Bytes::new(),
            unsent: BytesMut::new(),
            socket: Arc::new(SocketDigest::from_raw_fd(fd)),
            tls: None,
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

    fn transport(&mut self) -> Pin<&mut (dyn ReadWrite + Unpin)> {
        match &mut self.transport {
            Transport::Tcp(stream) => Pin::new(stream),
            Transport::Unix(stream) => Pin::new(stream),
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

trait ReadWrite: AsyncRead + AsyncWrite {}
impl<T: AsyncRead + AsyncWrite> ReadWrite for T {}

impl AsyncRead for Downstream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            return self.transport().poll_read(context, buffer);
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
            Transport::Tcp(stream) => stream.as_raw_fd(),
            Transport::Unix(stream) => stream.as_raw_fd(),
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
        None
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

    use super::*;

    #[tokio::test]
    async fn writes_leave_together_at_the_flush_and_unread_bytes_come_first() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let mut stream = Downstream::unix(near).into_h2(Bytes::from_static(b"seen "));
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
    async fn large_writes_keep_their_order() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let mut stream = Downstream::unix(near);
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
