//! The way to an upstream.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::{Secret, Template};

/// `transport http`.
#[derive(Clone, Debug, Serialize)]
pub struct HttpTransport {
    /// The read buffer in bytes; kept for `adapt`, buffers grow and shrink by themselves.
    pub read_buffer: Option<u64>,
    /// The write buffer in bytes; kept for `adapt`.
    pub write_buffer: Option<u64>,
    /// The largest header of an answer in bytes.
    pub max_response_header: Option<u64>,
    /// Connecting; 3 s by default.
    #[serde(serialize_with = "crate::serialize_duration")]
    pub dial_timeout: Duration,
    /// Until the next address of a name is tried beside the one before; 300 ms by default, `None` = one after the other.
    #[serde(serialize_with = "crate::serialize_duration_option")]
    pub dial_fallback_delay: Option<Duration>,
    /// How long to wait for `100 Continue` before the body is sent without it.
    #[serde(serialize_with = "crate::serialize_duration_option")]
    pub expect_continue_timeout: Option<Duration>,
    /// DNS servers to ask instead of the system's.
    pub resolvers: Vec<SocketAddr>,
    /// From the request sent to the answer's header.
    #[serde(serialize_with = "crate::serialize_duration_option")]
    pub response_header_timeout: Option<Duration>,
    /// Between two reads.
    #[serde(serialize_with = "crate::serialize_duration_option")]
    pub read_timeout: Option<Duration>,
    /// Between two writes.
    #[serde(serialize_with = "crate::serialize_duration_option")]
    pub write_timeout: Option<Duration>,
    /// How long idle connections are kept.
    pub keepalive: Keepalive,
    /// Between two TCP keep-alive probes; 30 s by default.
    #[serde(serialize_with = "crate::serialize_duration")]
    pub keepalive_interval: Duration,
    /// Idle connections kept in all.
    pub keepalive_idle_conns: Option<u32>,
    /// Idle connections kept for one upstream; 32 by default.
    pub keepalive_idle_conns_per_host: u32,
    /// Connections to one upstream at once; who comes later waits.
    pub max_conns_per_host: Option<u32>,
    /// TLS settings; `None` for plain upstreams.
    pub tls: Option<UpstreamTls>,
    /// HTTP versions; 1.1 and 2 by default, 2 only over TLS.
    pub versions: UpstreamVersions,
    /// Ask for gzip where the client asks for nothing, and decode it.
    pub compression: bool,
    /// A PROXY protocol header before everything else.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// The address to connect from.
    pub local_address: Option<IpAddr>,
    /// An HTTP proxy to connect through, `http://[USER:PASSWORD@]HOST:PORT`.
    pub forward_proxy: Option<Secret>,
}

impl Default for HttpTransport {
    fn default() -> Self {
        Self {
            read_buffer: None,
            write_buffer: None,
            max_response_header: None,
            dial_timeout: Duration::from_secs(3),
            dial_fallback_delay: Some(Duration::from_millis(300)),
            expect_continue_timeout: None,
            resolvers: Vec::new(),
            response_header_timeout: None,
            read_timeout: None,
            write_timeout: None,
            keepalive: Keepalive::For(Duration::from_secs(120)),
            keepalive_interval: Duration::from_secs(30),
            keepalive_idle_conns: None,
            keepalive_idle_conns_per_host: 32,
            max_conns_per_host: None,
            tls: None,
            versions: UpstreamVersions {
                http1: true,
                http2: true,
                h2c: false,
            },
            compression: true,
            proxy_protocol: None,
            local_address: None,
            forward_proxy: None,
        }
    }
}

/// Versions of HTTP an upstream may be spoken to in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct UpstreamVersions {
    /// HTTP/1.1.
    pub http1: bool,
    /// HTTP/2 over TLS.
    pub http2: bool,
    /// HTTP/2 in the clear.
    pub h2c: bool,
}

/// Versions of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProxyProtocol {
    /// Text.
    V1,
    /// Binary.
    V2,
}

/// Reuse of upstream connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Keepalive {
    /// Kept idle for at most so long.
    #[serde(serialize_with = "crate::serialize_duration")]
    For(Duration),
    /// One request for each connection.
    Off,
}

/// TLS to upstreams.
#[derive(Clone, Debug, Default, Serialize)]
pub struct UpstreamTls {
    /// The name sent and checked; the dialled host by default.
    pub server_name: Option<Template>,
    /// Accept any certificate.
    pub insecure_skip_verify: bool,
    /// PEM files of trusted roots; the system's when these and the ones written out are empty.
    pub trust_pool: Vec<PathBuf>,
    /// Trusted roots written out, base64 of their DER form; checked at load.
    pub trust_inline: Vec<String>,
    /// PEM files of the client's certificate and key.
    pub client_auth: Option<(PathBuf, PathBuf)>,
    /// The handshake's time limit; 10 s by default.
    #[serde(serialize_with = "crate::serialize_duration_option")]
    pub handshake_timeout: Option<Duration>,
    /// Key exchange groups in order of preference; the library's own when empty.
    pub curves: Vec<String>,
    /// Ports of upstreams that are spoken to without TLS.
    pub except_ports: Vec<u16>,
}

impl UpstreamTls {
    /// Whether it names certificates or keys of its own.
    pub fn has_material(&self) -> bool {
        !self.trust_pool.is_empty() || !self.trust_inline.is_empty() || self.client_auth.is_some()
    }
}
