//! Everything a request is decided from.

use std::sync::Arc;
use std::time::Duration;

use ferrogate_edge::{HostIndex, Program, TrustedProxies};
use ferrogate_observability::{Log, Selector};
use http::HeaderName;

use crate::{ModelGateway, UpstreamTlsMaterial};

/// One configuration, compiled. Never changes; a reload puts another in its place.
#[derive(Debug)]
pub struct Snapshot {
    /// Listeners, by the index their [`Gateway`](crate::Gateway) holds.
    pub listeners: Vec<ListenerState>,
    /// Sites, by the index host rules lead to.
    pub sites: Vec<SiteState>,
    /// Logs, by the names of loggers.
    pub loggers: Loggers,
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
    pub trusted_proxies: TrustedProxies,
    /// Fields that tell the client's address.
    pub client_ip_headers: Vec<HeaderName>,
    /// Between two reads of a request body.
    pub read_timeout: Duration,
    /// Between two writes of an answer.
    pub write_timeout: Duration,
    /// Over TLS the host of a request must be the name of the handshake; else 421.
    pub strict_sni_host: bool,
    /// Fields with unusual names that are let through.
    pub expected_fields: ExpectedFields,
    /// The routes that each request met are logged at DEBUG.
    pub trace: bool,
    /// Labels of hosts in metrics, by the place of their patterns; empty where hosts are not measured one by one.
    pub metric_hosts: Vec<Arc<str>>,
    /// The admin listener: serves the gateway's own paths and nothing else.
    pub admin: bool,
    /// Access logs tell fields with credentials as they are.
    pub log_credentials: bool,
}

/// Request fields whose names have characters that programs behind a gateway confuse with others: CGI and its heirs make
/// one variable of `X-User`, `X_User` and `X.User`, and would believe a field that no proxy has checked.
#[derive(Clone, Debug, Default)]
pub struct ExpectedFields {
    /// Those with `_` that are let through.
    pub underscore: Vec<HeaderName>,
    /// Those with `.` that are let through.
    pub dot: Vec<HeaderName>,
}

/// A site, as requests meet it.
#[derive(Debug)]
pub struct SiteState {
    /// Its routes.
    pub program: Program,
    /// Its access logs; none = no entries, unless a route chooses a logger.
    pub access_logs: Vec<SiteLog>,
}

/// An access log of a site.
#[derive(Clone, Debug)]
pub struct SiteLog {
    /// The logger its entries carry: `http.log.access`, or with its name behind that.
    pub logger: Arc<str>,
    /// Requests of which hosts it takes.
    pub hosts: LogHosts,
    /// Where entries go.
    pub logs: Vec<Arc<Log>>,
}

/// Requests of which hosts an access log takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogHosts {
    /// All of the site.
    All,
    /// Of these, with `*` for one label; in lower case.
    Only(Vec<String>),
    /// None by itself: only where `log_name` chooses its logger.
    None,
}

/// Every log that takes entries by the name of their logger, for `log_name`.
#[derive(Clone, Debug, Default)]
pub struct Loggers(pub Vec<(Selector, Arc<Log>)>);

impl SiteLog {
    /// Whether it takes a request for this host, which may have a port.
    pub(crate) fn takes(&self, host: &str) -> bool {
        match &self.hosts {
            LogHosts::All => true,
            LogHosts::None => false,
            LogHosts::Only(patterns) => {
                let name = without_port(host).to_ascii_lowercase();
                patterns.iter().any(|pattern| fits(pattern, &name))
            }
        }
    }
}

impl Loggers {
    /// The logs that take entries of this logger.
    pub(crate) fn of(&self, logger: &str) -> Vec<Arc<Log>> {
        let fitting = self
            .0
            .iter()
            .filter(|(selector, _)| selector.allows(logger));
        fitting.map(|(_, log)| Arc::clone(log)).collect()
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn fits(pattern: &str, name: &str) -> bool {
    let labels = pattern.split('.').count() == name.split('.').count();
    let mut pairs = pattern.split('.').zip(name.split('.'));
    labels && pairs.all(|(pattern, label)| pattern == "*" || pattern == label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_take_their_hosts() {
        let check = |hosts: LogHosts, host: &str, expected: bool| {
            let log = SiteLog {
                logger: "http.log.access".into(),
                hosts,
                logs: Vec::new(),
            };
            assert_eq!(log.takes(host), expected, "{log:?} {host}");
        };
        let only = |host: &str| LogHosts::Only(vec![host.to_owned()]);
        check(LogHosts::All, "a", true);
        check(LogHosts::None, "a", false);
        check(only("a.example"), "A.example:80", true);
        check(only("a.example"), "b.example", false);
        check(only("*.example"), "b.example", true);
        check(only("*.example"), "c.b.example", false);
        check(only("[::1]"), "[::1]:8080", true);
    }
}
