//! Sockets and what holds on them.

use std::time::Duration;

use ferrogate_types::ListenAddress;
use ipnet::IpNet;
use serde::Serialize;

/// A socket to open.
#[derive(Clone, Debug, Serialize)]
pub struct Listener {
    /// Where.
    pub address: ListenAddress,
    /// TLS on this socket; all its sites then have a [`TlsPolicy`](super::TlsPolicy).
    pub tls: bool,
    /// Limits and trust.
    pub options: ServerOptions,
    /// Host patterns in the order they are tried; the first match decides.
    pub hosts: Vec<HostRule>,
}

/// A host pattern and the site it leads to.
#[derive(Clone, Debug, Serialize)]
pub struct HostRule {
    /// Lower case, `*` for one label, perhaps with placeholders; `None` = every host.
    pub host: Option<String>,
    /// Index into [`Config::sites`](super::Config::sites).
    pub site: usize,
}

/// `servers { … }`.
#[derive(Clone, Debug, Serialize)]
pub struct ServerOptions {
    /// What metrics and logs call the listener; its address when absent.
    pub name: Option<String>,
    /// The whole request header must have arrived by then; 60 s by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub read_header_timeout: Duration,
    /// Between two reads of a request body; 60 s by default (Caddy's `read_body_idle`).
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub read_body_timeout: Duration,
    /// Between two writes of an answer; 60 s by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub write_timeout: Duration,
    /// Between two requests on a connection; 5 min by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub idle_timeout: Duration,
    /// Between two TCP keep-alive probes, 15 s by default; `None` = no probes.
    #[serde(serialize_with = "ferrogate_types::serialize_duration_option")]
    pub keepalive_interval: Option<Duration>,
    /// Silence before the first TCP keep-alive probe; 15 s by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub keepalive_idle: Duration,
    /// Probes without an answer that end a connection; 9 by default.
    pub keepalive_count: u32,
    /// The largest request header in bytes; 32 KiB by default.
    pub max_header_size: u64,
    /// Proxies whose `X-Forwarded-*` fields are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Peers on Unix sockets are believed as well.
    pub trusted_proxies_unix: bool,
    /// Fields that tell the client's address, first one wins; `x-forwarded-for` by default.
    pub client_ip_headers: Vec<String>,
    /// HTTP/1.
    pub h1: bool,
    /// HTTP/2 on TLS.
    pub h2: bool,
    /// HTTP/2 in the clear with prior knowledge.
    pub h2c: bool,
    /// HTTP/3; off unless it is asked for.
    pub h3: bool,
    /// Whether the host of a request must be the name of the handshake.
    pub strict_sni_host: StrictSniHost,
    /// `Cookie`, `Authorization` and their kind are logged as they are.
    pub log_credentials: bool,
    /// Log at DEBUG which routes ran.
    pub trace: bool,
    /// Request fields with `_` in their names that are let through, in lower case.
    pub expected_underscore_headers: Vec<String>,
    /// Request fields with `.` in their names that are let through, in lower case.
    pub expected_dot_headers: Vec<String>,
    /// A PROXY protocol header is read before everything else.
    pub proxy_protocol: Option<ProxyProtocolIn>,
    /// A request in the clear on a socket for TLS is redirected to HTTPS.
    pub http_redirect: bool,
}

/// Whether the host of a request must be the name of the handshake; else 421.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StrictSniHost {
    /// Where clients need certificates.
    Auto,
    /// Always.
    On,
    /// Never, even where clients need certificates.
    InsecureOff,
}

/// `listener_wrappers { proxy_protocol { … } }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProxyProtocolIn {
    /// For the whole header; 5 s by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub timeout: Duration,
    /// Peers whose header is believed.
    pub allow: Vec<IpNet>,
    /// Peers that may not send one: their connections are closed if they do. Wins over `allow`.
    pub deny: Vec<IpNet>,
    /// What becomes of headers of other peers. Those on Unix sockets are always believed.
    pub fallback_policy: ProxyProtocolPolicy,
}

/// What becomes of a PROXY protocol header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProxyProtocolPolicy {
    /// Read if there is one, and not believed: the default.
    Ignore,
    /// Read if there is one, and believed.
    Use,
    /// The connection is closed if there is one.
    Reject,
    /// Read and believed; the connection is closed if there is none.
    Require,
    /// Not looked for.
    Skip,
}

impl Default for ServerOptions {
    fn default() -> Self {
        const MINUTE: Duration = Duration::from_mins(1);
        const PROBE: Duration = Duration::from_secs(15);
        Self {
            name: None,
            read_header_timeout: MINUTE,
            read_body_timeout: MINUTE,
            write_timeout: MINUTE,
            idle_timeout: 5 * MINUTE,
            keepalive_interval: Some(PROBE),
            keepalive_idle: PROBE,
            keepalive_count: 9,
            max_header_size: 32 << 10,
            trusted_proxies: Vec::new(),
            trusted_proxies_unix: false,
            client_ip_headers: vec!["x-forwarded-for".to_owned()],
            h1: true,
            h2: true,
            h2c: true,
            h3: false,
            strict_sni_host: StrictSniHost::Auto,
            log_credentials: false,
            trace: false,
            expected_underscore_headers: Vec::new(),
            expected_dot_headers: Vec::new(),
            proxy_protocol: None,
            http_redirect: false,
        }
    }
}
