//! What is known of the connection a request came in on.

use std::net::{IpAddr, SocketAddr};

/// The downstream connection.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// The other end; `None` on a Unix socket.
    pub peer: Option<SocketAddr>,
    /// This end; `None` on a Unix socket.
    pub local: Option<SocketAddr>,
    /// The TLS session; `None` in the clear.
    pub tls: Option<TlsInfo>,
}

/// A TLS session, as placeholders show it.
#[derive(Clone, Debug, Default)]
pub struct TlsInfo {
    /// `tls1.2` or `tls1.3`, Caddy's names.
    pub version: String,
    /// The IANA name of the cipher suite.
    pub cipher: String,
    /// The server name the client asked for.
    pub server_name: Option<String>,
}

impl Connection {
    /// The peer's address; one that is IPv4 inside IPv6 is given as IPv4.
    pub fn peer_ip(&self) -> Option<IpAddr> {
        self.peer.map(|peer| peer.ip().to_canonical())
    }

    /// `https` over TLS, else `http`.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}
