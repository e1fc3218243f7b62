//! Health of upstreams.

use std::time::Duration;

use serde::Serialize;

use crate::Template;
use crate::route::StatusPattern;

/// Probes of the upstreams, at the start and then at an interval. All are healthy until a probe says otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct ActiveHealth {
    /// Path and query; `/` by default.
    pub uri: String,
    /// A port other than the upstream's.
    pub port: Option<u16>,
    /// An address other than the upstream's, `host:port`.
    pub upstream: Option<String>,
    /// Between two probes; 30 s by default.
    #[serde(serialize_with = "crate::serialize_duration")]
    pub interval: Duration,
    /// For one probe; 5 s by default.
    #[serde(serialize_with = "crate::serialize_duration")]
    pub timeout: Duration,
    /// `GET` by default.
    pub method: String,
    /// The probe's body; empty by default.
    pub body: String,
    /// The probe's header fields, `host` allowed.
    pub headers: Vec<(String, Template)>,
    /// The healthy status; any 2xx by default.
    pub status: Option<StatusPattern>,
    /// An expression that the body must contain; checked at load.
    pub expect_body: Option<String>,
    /// So many good probes in a row bring an upstream back; 1 by default.
    pub passes: u32,
    /// So many bad probes in a row take it out; 1 by default.
    pub fails: u32,
    /// Follow redirects, up to ten.
    pub follow_redirects: bool,
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

impl Default for PassiveHealth {
    fn default() -> Self {
        Self {
            fail_duration: Duration::ZERO,
            max_fails: 1,
            unhealthy_status: Vec::new(),
            unhealthy_latency: None,
            max_requests: None,
        }
    }
}
