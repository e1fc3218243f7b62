//! What a connection to an upstream is like.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferrogate_edge::Connection;
use ferrogate_types::route::{Dial, HttpTransport, Keepalive, UpstreamAddress, UpstreamScheme};
use http::Uri;
use pingora_core::protocols::TcpKeepalive;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::{Error, ErrorSource, ErrorType, Result};

use super::dial::{Announce, Route, Tunnel};
use super::material::UpstreamTlsMaterial;
use crate::Shared;

/// A connection that hangs in the handshake is given up after this, unless `tls_timeout` says otherwise.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Streams on one HTTP/2 connection; Pingora's own default is one.
const H2_STREAMS: usize = 100;
/// Unanswered TCP keep-alive probes after which a connection is dead; Linux's default.
const PROBES: usize = 9;

/// Resolves the upstream's name, off the worker, and describes the connection.
pub(super) async fn describe(
    shared: &Shared,
    address: &UpstreamAddress,
    transport: &HttpTransport,
    server_name: Option<String>,
    material: &UpstreamTlsMaterial,
    downstream: &Connection,
) -> Result<Box<HttpPeer>> {
    let tls = speaks_tls(address.scheme, &address.dial, transport);
    let mut peer = match &address.dial {
        Dial::Unix(path) => {
            let path = path
                .to_str()
                .ok_or_else(|| unreachable_upstream("the socket's path is not UTF-8"))?;
            HttpPeer::new_uds(
                path,
                tls,
                server_name.unwrap_or_else(|| "localhost".to_owned()),
            )?
        }
        Dial::Tcp { host, port } => {
            let name = if tls {
                server_name.unwrap_or_else(|| host.clone())
            } else {
                String::new()
            };
            over_tcp(shared, host, *port, (tls, name), transport, downstream).await?
        }
        // Candidates are made of addresses.
        Dial::Template(_) => return Err(unreachable_upstream("the upstream has no address")),
    };
    set_options(&mut peer, address.scheme, tls, transport, material);
    Ok(Box::new(peer))
}

/// Whether an upstream is spoken to over TLS.
pub(super) fn speaks_tls(scheme: UpstreamScheme, dial: &Dial, transport: &HttpTransport) -> bool {
    let Some(tls) = &transport.tls else {
        return scheme == UpstreamScheme::Https;
    };
    match dial {
        Dial::Tcp { port, .. } => !tls.except_ports.contains(port),
        _ => true,
    }
}

async fn over_tcp(
    shared: &Shared,
    host: &str,
    port: u16,
    (tls, name): (bool, String),
    transport: &HttpTransport,
    downstream: &Connection,
) -> Result<HttpPeer> {
    let (tunnel, next_host, next_port) = match &transport.forward_proxy {
        Some(url) => {
            let (host_of_proxy, port_of_proxy, credentials) = proxy_of(url.expose())?;
            let target = if host.contains(':') {
                format!("[{host}]:{port}")
            } else {
                format!("{host}:{port}")
            };
            let tunnel = Tunnel {
                target,
                credentials,
            };
            (Some(tunnel), Cow::Owned(host_of_proxy), port_of_proxy)
        }
        None => (None, Cow::Borrowed(host), port),
    };
    let addresses = shared
        .names
        .resolve(&next_host, next_port, &transport.resolvers)
        .await
        .map_err(|error| unreachable_upstream(error.to_string()))?;
    let Some(first) = addresses.first().copied() else {
        return Err(unreachable_upstream(format!(
            "`{next_host}` has no address"
        )));
    };
    let announce = transport.proxy_protocol.map(|version| Announce {
        version,
        client: downstream.peer,
        local: downstream.local,
    });
    let mut peer = HttpPeer::new(first, tls, name);
    let plain = addresses.len() == 1
        && tunnel.is_none()
        && announce.is_none()
        && transport.local_address.is_none();
    if !plain {
        peer.group_key = group(tunnel.as_ref(), transport, &addresses);
        peer.options.custom_l4 = Some(Arc::new(Route {
            addresses,
            head_start: transport.dial_fallback_delay,
            from: transport.local_address,
            tunnel,
            announce,
        }));
    }
    Ok(peer)
}

/// Pingora's pool tells peers apart by address and name only: connections made in another way need a group of their own.
fn group(tunnel: Option<&Tunnel>, transport: &HttpTransport, addresses: &[SocketAddr]) -> u64 {
    if tunnel.is_none() && transport.local_address.is_none() && transport.proxy_protocol.is_none() {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    if let Some(tunnel) = tunnel {
        tunnel.target.hash(&mut hasher);
        addresses.hash(&mut hasher);
    }
    transport.local_address.hash(&mut hasher);
    transport.proxy_protocol.is_some().hash(&mut hasher);
    hasher.finish()
}

fn set_options(
    peer: &mut HttpPeer,
    scheme: UpstreamScheme,
    tls: bool,
    transport: &HttpTransport,
    material: &UpstreamTlsMaterial,
) {
    let announces = transport.proxy_protocol.is_some();
    let options = &mut peer.options;
    let settings = transport.tls.as_ref();
    let handshake = settings
        .and_then(|tls| tls.handshake_timeout)
        .unwrap_or(HANDSHAKE);
    options.connection_timeout = Some(transport.dial_timeout);
    options.total_connection_timeout = Some(if tls {
        transport.dial_timeout + handshake
    } else {
        transport.dial_timeout
    });
    options.read_timeout = transport.response_header_timeout.or(transport.read_timeout);
    options.write_timeout = transport.write_timeout;
    options.idle_timeout = Some(match transport.keepalive {
        // A connection that was announced for one client serves no other.
        Keepalive::For(idle) if !announces => idle,
        _ => Duration::ZERO,
    });
    options.tcp_keepalive = Some(TcpKeepalive {
        idle: transport.keepalive_interval,
        interval: transport.keepalive_interval,
        count: PROBES,
        user_timeout: Duration::ZERO,
    });
    options.max_h2_streams = if announces { 1 } else { H2_STREAMS };
    let versions = transport.versions;
    match scheme {
        UpstreamScheme::H2c => options.set_http_version(2, 2),
        _ if !tls && versions.h2c => options.set_http_version(2, 2),
        _ if tls && !versions.http1 => options.set_http_version(2, 2),
        _ if tls && versions.http2 => options.set_http_version(2, 1),
        _ => options.set_http_version(1, 1),
    }
    let Some(settings) = settings.filter(|_| tls) else {
        return;
    };
    options.verify_cert = !settings.insecure_skip_verify;
    options.verify_hostname = !settings.insecure_skip_verify;
    let found = material.find(settings);
    options.ca = found.roots;
    peer.client_cert_key = found.client;
    peer.group_key ^= found.group;
}

/// Host, port and credentials of `http://[USER:PASSWORD@]HOST:PORT`.
fn proxy_of(url: &str) -> Result<(String, u16, Option<String>)> {
    let malformed = || unreachable_upstream("the forward proxy's address is malformed");
    let uri: Uri = url.parse().map_err(|_| malformed())?;
    let authority = uri.authority().ok_or_else(malformed)?;
    let credentials = authority
        .as_str()
        .rsplit_once('@')
        .map(|(user, _)| format!("Basic {}", STANDARD.encode(decoded(user))));
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    Ok((host, authority.port_u16().unwrap_or(80), credentials))
}

fn decoded(text: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(text).collect()
}

pub(super) fn unreachable_upstream(why: impl Into<pingora_error::ImmutStr>) -> Box<Error> {
    let mut error = Error::explain(ErrorType::ConnectError, why);
    error.esource = ErrorSource::Upstream;
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forward_proxy_is_taken_apart() {
        for (url, expected) in [
            ("http://proxy:3128", ("proxy", 3128, None)),
            ("http://proxy", ("proxy", 80, None)),
            ("http://[::1]:8080", ("::1", 8080, None)),
            (
                "http://user:pa%40ss@proxy:1",
                ("proxy", 1, Some("Basic dXNlcjpwYUBzcw==")),
            ),
        ] {
            let (host, port, credentials) = proxy_of(url).unwrap();
            assert_eq!((&*host, port, credentials.as_deref()), expected, "{url}");
        }
        assert!(proxy_of("/path").is_err());
    }

    #[test]
    fn tls_depends_on_scheme_and_port() {
        let dial = |port| Dial::Tcp {
            host: "a".to_owned(),
            port,
        };
        let mut transport = HttpTransport::default();
        assert!(!speaks_tls(UpstreamScheme::Http, &dial(80), &transport));
        assert!(speaks_tls(UpstreamScheme::Https, &dial(443), &transport));
        transport.tls = Some(ferrogate_types::route::UpstreamTls {
            except_ports: vec![8080],
            ..Default::default()
        });
        assert!(speaks_tls(UpstreamScheme::Http, &dial(80), &transport));
        assert!(!speaks_tls(UpstreamScheme::Http, &dial(8080), &transport));
    }
}
