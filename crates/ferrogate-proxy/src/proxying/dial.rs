//! Making connections that Pingora alone would not make.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ferrogate_types::route::ProxyProtocol;
use ferrogate_upstream::dial;
use pingora_core::connectors::l4::Connect;
use pingora_core::protocols::l4::socket::SocketAddr as PeerAddress;
use pingora_core::protocols::l4::stream::Stream;
use pingora_error::{Error, ErrorType, OrErr as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::announce::announcement;

/// How a connection is made: over which addresses, from where, through what, and announced how.
#[derive(Debug)]
pub(super) struct Route {
    /// The addresses of the upstream, or of the proxy in front of it.
    pub(super) addresses: Arc<[SocketAddr]>,
    /// Until the next address is tried beside the one before; `None` = one after the other.
    pub(super) head_start: Option<Duration>,
    /// The address to connect from.
    pub(super) from: Option<IpAddr>,
    /// The proxy on the way, if there is one.
    pub(super) tunnel: Option<Tunnel>,
    /// The client a PROXY protocol header tells of.
    pub(super) announce: Option<Announce>,
}

/// A `CONNECT` through an HTTP proxy. Source: RFC 9110, section 9.3.6.
#[derive(Debug)]
pub(super) struct Tunnel {
    /// `host:port` of the upstream.
    pub(super) target: String,
    /// The value of `Proxy-Authorization`.
    pub(super) credentials: Option<String>,
}

/// The ends of the client's connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Announce {
    pub(super) version: ProxyProtocol,
    pub(super) client: Option<SocketAddr>,
    pub(super) local: Option<SocketAddr>,
}

/// The answer of a proxy to `CONNECT` may be so large.
const MAX_ANSWER: usize = 8 << 10;

#[async_trait]
impl Connect for Route {
    /// The caller bounds the time of all of it.
    async fn connect(&self, _first: &PeerAddress) -> Result<Stream> {
        let (mut stream, _) = dial(&self.addresses, self.head_start, self.from)
            .await
            .or_err(ErrorType::ConnectRefused, "connecting to the upstream")?;
        if let Some(tunnel) = &self.tunnel {
            tunnel.open(&mut stream).await?;
        }
        if let Some(announce) = &self.announce {
            stream
                .write_all(&announcement(announce))
                .await
                .or_err(ErrorType::ConnectError, "writing the PROXY protocol header")?;
        }
        Ok(stream.into())
    }
}

impl Tunnel {
    async fn open(&self, stream: &mut TcpStream) -> Result<()> {
        let target = &self.target;
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some(credentials) = &self.credentials {
            request.push_str("Proxy-Authorization: ");
            request.push_str(credentials);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        let failed = || (ErrorType::ConnectProxyFailure, "speaking to the proxy");
        stream
            .write_all(request.as_bytes())
            .await
            .or_err(failed().0, failed().1)?;
        // One byte at a time, so that nothing of what follows the answer is taken.
        let mut answer = Vec::with_capacity(256);
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() == MAX_ANSWER {
                return Error::e_explain(failed().0, "the proxy's answer is too large");
            }
            answer.push(stream.read_u8().await.or_err(failed().0, failed().1)?);
        }
        let accepted = answer
            .strip_prefix(b"HTTP/1.")
            .and_then(|rest| rest.get(1..5))
            .is_some_and(|status| status.starts_with(b" 2"));
        if accepted {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&answer);
        let line = line.lines().next().unwrap_or_default().to_owned();
        Error::e_explain(failed().0, format!("the proxy answered `{line}`"))
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn route(addresses: &[SocketAddr]) -> Route {
        Route {
            addresses: addresses.into(),
            head_start: Some(Duration::from_millis(50)),
            from: None,
            tunnel: None,
            announce: None,
        }
    }

    #[tokio::test]
    async fn goes_on_to_the_address_that_accepts() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let closed = {
            let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
            gone.local_addr().unwrap()
        };
        let ignored = PeerAddress::Inet(closed);
        assert!(route(&[closed, open]).connect(&ignored).await.is_ok());
        let error = route(&[closed]).connect(&ignored).await.unwrap_err();
        assert_eq!(*error.etype(), ErrorType::ConnectRefused);
    }

    #[tokio::test]
    async fn a_proxy_is_asked_for_a_tunnel() {
        for (answer, accepted) in [
            ("HTTP/1.1 200 OK\r\nX: y\r\n\r\nrest", true),
            ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", false),
            ("SSH-2.0\r\n\r\n", false),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let proxy = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut asked = Vec::new();
                while !asked.ends_with(b"\r\n\r\n") {
                    asked.push(stream.read_u8().await.unwrap());
                }
                stream.write_all(answer.as_bytes()).await.unwrap();
                (String::from_utf8(asked).unwrap(), stream)
            });
            let mut through = route(&[address]);
            through.tunnel = Some(Tunnel {
                target: "up.example:443".to_owned(),
                credentials: Some("Basic eDp5".to_owned()),
            });
            let connected = through.connect(&PeerAddress::Inet(address)).await;
            assert_eq!(connected.is_ok(), accepted, "{answer}");
            let (asked, _stream) = proxy.await.unwrap();
            assert_eq!(
                asked,
                "CONNECT up.example:443 HTTP/1.1\r\nHost: up.example:443\r\nProxy-Authorization: Basic eDp5\r\n\r\n"
            );
        }
    }
}
