//! The `reverse_proxy` directive.

mod balance;
mod dynamic;
mod health;
mod transport;

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::Serialize;

pub use self::balance::{LoadBalancing, LoadBalancingPolicy};
pub use self::dynamic::{DynamicA, DynamicSrv, DynamicUpstreams};
pub use self::health::{ActiveHealth, PassiveHealth};
pub use self::transport::{HttpTransport, Keepalive, ProxyProtocol, UpstreamTls, UpstreamVersions};
use super::{HeaderOp, ResponseHandler};
use crate::Template;

/// The `reverse_proxy` directive.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ReverseProxy {
    /// The upstreams in the order written; the same address may stand twice. Without any, and without `dynamic`, every
    /// request is a 503.
    pub upstreams: Vec<UpstreamAddress>,
    /// Upstreams looked up per attempt; the ones above stand in when the lookup fails.
    pub dynamic: Option<DynamicUpstreams>,
    /// Which of them is taken, and how often another is tried.
    pub load_balancing: LoadBalancing,
    /// Probes of the upstreams.
    pub active_health: Option<ActiveHealth>,
    /// When an upstream is taken out for a while.
    pub passive_health: PassiveHealth,
    /// Edits of the request sent upstream, per attempt.
    pub header_up: Vec<HeaderOp>,
    /// Edits of the answer.
    pub header_down: Vec<HeaderOp>,
    /// Peers whose `X-Forwarded-*` fields are believed, in addition to the listener's.
    pub trusted_proxies: Vec<IpNet>,
    /// Rewrites the target of the request sent upstream only.
    pub rewrite: Option<Template>,
    /// The method of the request sent upstream only; `GET` and `HEAD` drop the body.
    pub method: Option<Template>,
    /// Read up to so much of the request's body before it is sent on.
    pub request_buffers: Option<BufferLimit>,
    /// Read up to so much of the answer's body before it is sent on.
    pub response_buffers: Option<BufferLimit>,
    /// An upgraded connection is closed after this.
    #[serde(serialize_with = "crate::serialize_duration_option")]
    pub stream_timeout: Option<Duration>,
    /// When the configuration changes, upgraded connections stay open for so long.
    #[serde(serialize_with = "crate::serialize_duration_option")]
    pub stream_close_delay: Option<Duration>,
    /// The buffer between both ends of an upgraded connection, in bytes; kept for `adapt`.
    pub stream_buffer_size: Option<u64>,
    /// Log what is read and written on upgraded connections and failed attempts, at DEBUG.
    pub verbose_logs: bool,
    /// What is done with answers that match, first match first.
    pub responses: Vec<ResponseHandler>,
    /// How the upstreams are spoken to.
    pub transport: HttpTransport,
    /// Bytes are always passed on as they arrive; the value is kept for `adapt`.
    pub flush_interval: Option<String>,
}

impl ReverseProxy {
    /// How upstreams that are looked up are spoken to.
    pub fn dynamic_scheme(&self) -> UpstreamScheme {
        if self.transport.tls.is_some() {
            UpstreamScheme::Https
        } else {
            UpstreamScheme::Http
        }
    }
}

/// How much of a body is read before it is sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BufferLimit {
    /// At most so many bytes.
    Bytes(u64),
    /// All of it.
    Unlimited,
}

/// Where an upstream is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct UpstreamAddress {
    /// How it is spoken to.
    pub scheme: UpstreamScheme,
    /// What is dialled.
    pub dial: Dial,
}

/// How an upstream is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamScheme {
    /// HTTP/1.1 in the clear.
    Http,
    /// TLS, HTTP/2 where offered.
    Https,
    /// HTTP/2 in the clear with prior knowledge.
    H2c,
}

/// What is dialled.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dial {
    /// A name or address, and a port.
    Tcp {
        /// A DNS name or an IP address without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A Unix socket.
    Unix(PathBuf),
    /// Resolved per request to `host:port` or `unix//path`; a port that is missing is 80, or 443 with TLS.
    Template(Template),
}
