//! What is known of the upstream a request went to.

use std::sync::Arc;
use std::time::Duration;

/// Facts for `{rp.*}`, noted by whoever proxies. What is not noted is unknown.
#[derive(Clone, Debug, Default)]
pub struct UpstreamNotes {
    /// The address dialled: `host:port`, `[ipv6]:port` or `unix//path`.
    pub dial: Option<Arc<str>>,
    /// Requests in flight there.
    pub requests: Option<u64>,
    /// The most requests it may have in flight; 0 for no limit.
    pub max_requests: Option<u64>,
    /// Remembered failures.
    pub fails: Option<u64>,
    /// From the request sent to the answer's header.
    pub latency: Option<Duration>,
    /// The attempt that succeeded, from its begin to the end of the answer's body.
    pub upstream_duration: Option<Duration>,
    /// All attempts.
    pub duration: Option<Duration>,
    /// Attempts after the first.
    pub retries: Option<u32>,
    /// Whether the last attempt failed before an answer came.
    pub is_transport_error: Option<bool>,
    /// The target of an active health check.
    pub health_target: Option<Arc<str>>,
}

impl UpstreamNotes {
    /// The host and the port of the address; a Unix socket has only a host, its path.
    pub(crate) fn host_and_port(&self) -> Option<(&str, &str)> {
        let dial = self.dial.as_deref()?;
        if dial.starts_with("unix/") {
            return Some((dial.strip_prefix("unix/").unwrap_or(dial), ""));
        }
        let (host, port) = dial.rsplit_once(':').unwrap_or((dial, ""));
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        Some((bare.unwrap_or(host), port))
    }
}
