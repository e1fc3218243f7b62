//! The connection a request came in on, as the listener tells it.

use std::sync::Arc;

use ferrogate_edge::{Connection, TlsInfo};
use pingora_core::protocols::Digest;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

/// Packs what a listener knows of a TLS session so that it travels with the connection through Pingora.
///
/// Pingora's own digest of a session has no name, no protocol and no certificate, and its extension can only be set by
/// Pingora; the digest of a proxy in front carries any value, and nothing else sets it on the downstream side.
pub fn tls_digest(tls: Arc<TlsInfo>) -> Result<Arc<ProxyDigest>, pingora_error::BError> {
    let unused = ResponseHeader::build(200, Some(0))?;
    Ok(Arc::new(ProxyDigest::new(
        Box::new(unused),
        Some(Box::new(tls)),
    )))
}

pub(crate) fn connection_of(session: &Session) -> Connection {
    let inet = |address: Option<&pingora_core::protocols::l4::socket::SocketAddr>| {
        address.and_then(|address| address.as_inet()).copied()
    };
    Connection {
        peer: inet(session.client_addr()),
        local: inet(session.server_addr()),
        tls: session.digest().and_then(tls_of).cloned(),
    }
}

fn tls_of(digest: &Digest) -> Option<&Arc<TlsInfo>> {
    let carried = digest.proxy_digest.as_ref()?.user_data.as_ref()?;
    carried.downcast_ref()
}
