//! Upstreams that DNS names.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use crate::Template;

/// Where upstreams are looked up, per attempt.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DynamicUpstreams {
    /// Address records.
    A(DynamicA),
    /// Service records.
    Srv(DynamicSrv),
    /// All of these together.
    Multi(Vec<DynamicUpstreams>),
}

/// Upstreams from address records.
#[derive(Clone, Debug, Serialize)]
pub struct DynamicA {
    /// The name to look up.
    pub name: Template,
    /// The port of every upstream.
    pub port: Template,
    /// How long a lookup is believed; 1 min by default.
    #[serde(serialize_with = "crate::serialize_duration")]
    pub refresh: Duration,
    /// DNS servers to ask instead of the system's.
    pub resolvers: Vec<SocketAddr>,
    /// Connecting to a DNS server.
    #[serde(serialize_with = "crate::serialize_duration_option")]
    pub dial_timeout: Option<Duration>,
    /// IPv4 addresses count.
    pub ipv4: bool,
    /// IPv6 addresses count.
    pub ipv6: bool,
}

/// Upstreams from service records. Source: RFC 2782.
#[derive(Clone, Debug, Serialize)]
pub struct DynamicSrv {
    /// The service, without its underscore; empty when `name` is the full name.
    pub service: Template,
    /// The protocol, without its underscore; empty when `name` is the full name.
    pub proto: Template,
    /// The domain, or the full name.
    pub name: Template,
    /// How long a lookup is believed; 1 min by default.
    #[serde(serialize_with = "crate::serialize_duration")]
    pub refresh: Duration,
    /// DNS servers to ask instead of the system's.
    pub resolvers: Vec<SocketAddr>,
    /// Connecting to a DNS server.
    #[serde(serialize_with = "crate::serialize_duration_option")]
    pub dial_timeout: Option<Duration>,
    /// How long the last good lookup stands in for a failed one; not at all by default.
    #[serde(serialize_with = "crate::serialize_duration_option")]
    pub grace_period: Option<Duration>,
}
