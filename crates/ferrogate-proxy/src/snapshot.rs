//! Everything a request is decided from.

use std::sync::Arc;
use std::time::Duration;

use ferrogate_edge::{HostIndex, IpSet, Program};
use ferrogate_observability::AccessLog;
use http::HeaderName;

use crate::{ModelGateway, UpstreamTlsMaterial};

/// One configuration, compiled. Never changes; a reload puts another in its place.
#[derive(Debug)]
pub struct Snapshot {
    /// Listeners, by the index their [`Gateway`](crate::Gateway) holds.
    pub listeners: Vec<ListenerState>,
    /// Sites, by the index host rules lead to.
    pub sites: Vec<SiteState>,
    /// Model gateways, by the index routes hold.
    pub gateways: Vec<Arc<ModelGateway>>,
    /// Certificates and keys for TLS to upstreams.
    pub upstream_tls: UpstreamTlsMaterial,
    /// Short text that names this configuration: the start of a hash over its resolved form.
    pub revision: String,
    /// Counts for the status page.
    pub summary: Summary,
}

/// Counts of what a configuration holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    /// Sites.
    pub sites: usize,
    /// Routes, nested ones included.
    pub routes: usize,
    /// Proxied upstreams.
    pub upstreams: usize,
}

/// A listener, as requests meet it.
#[derive(Debug)]
pub struct ListenerState {
    /// From host to site.
    pub hosts: HostIndex,
    /// Proxies whose `X-Forwarded-*` fields are believed.
    pub trusted_proxies: IpSet,
    /// Fields that tell the client's address.
    pub client_ip_headers: Vec<HeaderName>,
    /// Between two reads of a request body.
    pub read_timeout: Duration,
    /// Between two writes of an answer.
    pub write_timeout: Duration,
    /// The admin listener: serves the gateway's own paths and nothing else.
    pub admin: bool,
}

/// A site, as requests meet it.
#[derive(Debug)]
pub struct SiteState {
    /// Its routes.
    pub program: Program,
    /// Its access log.
    pub access_log: Option<SiteLog>,
}

/// A site's access log.
#[derive(Clone, Debug)]
pub struct SiteLog {
    /// Where entries go.
    pub log: Arc<AccessLog>,
    /// Only answers with 5xx are logged: the site asked for a level above INFO.
    pub errors_only: bool,
}
