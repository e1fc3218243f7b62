//! The `reverse_proxy` directive.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::Serialize;

use super::HeaderOp;
use crate::Template;

/// The `reverse_proxy` directive.
#[derive(Clone, Debug, Serialize)]
pub struct ReverseProxy {
    /// The upstreams in the order written; the same address may stand twice. Never empty.
    pub upstreams: Vec<UpstreamAddress>,
    /// Which of them is taken, and how often another is tried.
    pub load_balancing: LoadBalancing,
    /// When an upstream is taken out for a while.
    pub passive_health: PassiveHealth,
    /// Edits of the request sent upstream, per attempt.
    pub header_up: Vec<HeaderOp>,
    /// Edits of the answer.
    pub header_down: Vec<HeaderOp>,
    /// Peers whose `X-Forwarded-*` fields are believed, in addition to the listener's.
    pub trusted_proxies: Vec<IpNet>,
    /// How the upstreams are spoken to.
    pub transport: HttpTransport,
    /// Bytes are always passed on as they arrive; the value is kept for `adapt`.
    pub flush_interval: Option<String>,
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
}

/// Selection and retries.
#[derive(Clone, Debug, Serialize)]
pub struct LoadBalancing {
    /// The policy; `random` by default.
    pub policy: LoadBalancingPolicy,
    /// Attempts after the first.
    pub retries: u32,
    /// How long to go on trying; zero = as `retries` says.
    #[serde(serialize_with = "crate::serialize_duration")]
    pub try_duration: Duration,
    /// The pause between attempts.
    #[serde(serialize_with = "crate::serialize_duration")]
    pub try_interval: Duration,
}

/// How an upstream is chosen among the available ones.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadBalancingPolicy {
    /// Uniform.
    Random,
    /// One after the other; the first pick is the second upstream.
    RoundRobin,
    /// One weight for each upstream, at least one above zero.
    WeightedRoundRobin(Vec<u32>),
    /// The fewest requests in flight, ties at random.
    LeastConn,
    /// The first available one.
    First,
    /// By the peer's address.
    IpHash,
    /// By the client's address.
    ClientIpHash,
    /// By a request header; without it, at random.
    Header(String),
}

/// Passive health checks. Off while `fail_duration` is zero, but for `max_requests`.
#[derive(Clone, Debug, Serialize)]
pub struct PassiveHealth {
    /// How long a failure is remembered.
    #[serde(serialize_with = "crate::serialize_duration")]
    pub fail_duration: Duration,
    /// How many remembered failures take the upstream out.
    pub max_fails: u32,
    /// Answers that count as failures.
    pub unhealthy_status: Vec<StatusPattern>,
    /// Answers slower than this count as failures.
    #[serde(serialize_with = "crate::serialize_duration_option")]
    pub unhealthy_latency: Option<Duration>,
    /// At most so many requests at once.
    pub max_requests: Option<u32>,
}

/// A status or a class of statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusPattern {
    /// One status.
    Code(u16),
    /// `5xx`, by its first digit.
    Class(u8),
}

/// `transport http`.
#[derive(Clone, Debug, Serialize)]
pub struct HttpTransport {
    /// Connecting; 3 s by default.
    #[serde(serialize_with = "crate::serialize_duration")]
    pub dial_timeout: Duration,
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
    /// TLS settings; `None` for plain upstreams.
    pub tls: Option<UpstreamTls>,
    /// HTTP versions, as (1.1, 2); both by default, 2 only over TLS.
    pub versions: (bool, bool),
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
    /// PEM files of trusted roots; the system's when empty.
    pub trust_pool: Vec<PathBuf>,
    /// PEM files of the client's certificate and key.
    pub client_auth: Option<(PathBuf, PathBuf)>,
    /// The handshake's time limit; 10 s by default.
    #[serde(serialize_with = "crate::serialize_duration_option")]
    pub handshake_timeout: Option<Duration>,
}
