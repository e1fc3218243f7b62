//! What is known of the connection a request came in on.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::host::comparable;

/// The downstream connection.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// The other end; `None` on a Unix socket.
    pub peer: Option<SocketAddr>,
    /// This end; `None` on a Unix socket.
    pub local: Option<SocketAddr>,
    /// The TLS session; `None` in the clear.
    pub tls: Option<Arc<TlsInfo>>,
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
    /// The session was resumed.
    pub resumed: bool,
    /// The protocol agreed on: `h2`, `http/1.1`.
    pub protocol: Option<String>,
    /// Encrypted Client Hello was used.
    pub encrypted_hello: bool,
    /// The client's certificate, where it sent one.
    pub client: Option<ClientCertificate>,
}

/// A client's certificate, as placeholders show it.
#[derive(Clone, Debug, Default)]
pub struct ClientCertificate {
    /// SHA-256 of the certificate, hexadecimal.
    pub fingerprint: String,
    /// The public key, hexadecimal.
    pub public_key: String,
    /// SHA-256 of the public key, hexadecimal.
    pub public_key_sha256: String,
    /// The issuer's distinguished name.
    pub issuer: String,
    /// The serial number, decimal.
    pub serial: String,
    /// The subject's distinguished name.
    pub subject: String,
    /// The certificate in PEM.
    pub pem: String,
    /// The certificate in DER, in Base64.
    pub der_base64: String,
    /// DNS names it is for.
    pub dns_names: Vec<String>,
    /// Mail addresses it is for.
    pub emails: Vec<String>,
    /// IP addresses it is for.
    pub ips: Vec<String>,
    /// URIs it is for.
    pub uris: Vec<String>,
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

impl TlsInfo {
    /// Whether the handshake was for the host of this authority, whatever its port and case; a final dot names the same
    /// host. IP addresses are never the name of a handshake (RFC 6066, section 3), so no handshake is for them.
    pub fn is_for(&self, authority: &[u8]) -> bool {
        let name = self.server_name.as_deref().unwrap_or_default();
        !name.is_empty() && comparable(authority).eq_ignore_ascii_case(comparable(name.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_is_for_one_host() {
        for (name, authority, expected) in [
            (Some("a.example"), "a.example", true),
            (Some("a.example"), "A.Example:8443", true),
            (Some("A.EXAMPLE"), "a.example", true),
            (Some("a.example"), "a.example.", true),
            (Some("a.example."), "a.example.:443", true),
            (Some("a.example"), "a.example..", false),
            (Some("a.example"), "b.example", false),
            (Some("a.example"), "a.example.evil", false),
            (Some("a.example"), "xa.example", false),
            (Some("a.example"), "a.example:80:90", false),
            (Some("a.example"), "[a.example]", true),
            (Some("a.example"), "[::1]:443", false),
            (Some("a.example"), "127.0.0.1", false),
            (Some("a.example"), "", false),
            (None, "a.example", false),
            (None, "[::1]:443", false),
            (None, "", false),
            (Some(""), "", false),
        ] {
            let tls = TlsInfo {
                server_name: name.map(str::to_owned),
                ..TlsInfo::default()
            };
            assert_eq!(
                tls.is_for(authority.as_bytes()),
                expected,
                "{name:?} {authority}"
            );
        }
    }
}
