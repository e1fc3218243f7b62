//! From the names in a configuration to addresses.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use ferrogate_edge::{Lookup, Question};
use ferrogate_types::route::{Dial, UpstreamAddress, UpstreamScheme};
use ferrogate_upstream::{Dns, DnsError, ResolveError, Resolver};
use parking_lot::Mutex;

/// Looks names up: with the system, or with the DNS servers a directive names.
#[derive(Debug)]
pub(crate) struct Names {
    system: Resolver,
    dns: Dns,
    /// Upstreams that were looked up.
    known: Mutex<HashMap<Lookup, Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    at: Instant,
    found: Arc<[(String, u16)]>,
}

/// Why a name has no address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NameError {
    #[error(transparent)]
    System(#[from] ResolveError),
    #[error(transparent)]
    Dns(#[from] DnsError),
}

/// Lookups that are remembered: a placeholder in a name lets clients ask for many.
const KNOWN: usize = 1_024;

impl Names {
    pub(crate) fn new(system: Resolver) -> Self {
        Self {
            system,
            dns: Dns::default(),
            known: Mutex::default(),
        }
    }

    /// The addresses of a host; `servers` are asked, or the system when there are none.
    pub(crate) async fn resolve(
        &self,
        host: &str,
        port: u16,
        servers: &[SocketAddr],
    ) -> Result<Arc<[SocketAddr]>, NameError> {
        if servers.is_empty() {
            return Ok(self.system.resolve(host, port).await?);
        }
        let found = self.dns.addresses(host, servers, true, true).await?;
        Ok(found
            .into_iter()
            .map(|ip| SocketAddr::new(ip, port))
            .collect())
    }

    /// The upstreams a question leads to, from memory while they are fresh.
    pub(crate) async fn look_up(
        &self,
        lookup: &Lookup,
        scheme: UpstreamScheme,
    ) -> Result<Vec<UpstreamAddress>, NameError> {
        let known = self.known.lock().get(lookup).cloned();
        if let Some(known) = &known
            && known.at.elapsed() < lookup.refresh
        {
            return Ok(addresses(&known.found, scheme));
        }
        match self.ask(lookup).await {
            Ok(found) => {
                let found: Arc<[_]> = found.into();
                self.remember(lookup, Arc::clone(&found));
                Ok(addresses(&found, scheme))
            }
            Err(error) => {
                let grace = lookup.refresh + lookup.grace_period.unwrap_or_default();
                match known.filter(|known| known.at.elapsed() < grace) {
                    Some(known) => {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "the last upstreams stay"
                        );
                        Ok(addresses(&known.found, scheme))
                    }
                    None => Err(error),
                }
            }
        }
    }

    async fn ask(&self, lookup: &Lookup) -> Result<Vec<(String, u16)>, NameError> {
        let servers = &lookup.resolvers;
        match &lookup.question {
            Question::Addresses {
                name,
                port,
                ipv4,
                ipv6,
            } => {
                let wanted = |ip: &std::net::IpAddr| if ip.is_ipv4() { *ipv4 } else { *ipv6 };
                let found: Vec<_> = if servers.is_empty() {
                    let found = self.system.resolve(name, *port).await?;
                    found.iter().map(SocketAddr::ip).collect()
                } else {
                    self.dns.addresses(name, servers, *ipv4, *ipv6).await?
                };
                Ok(found
                    .into_iter()
                    .filter(wanted)
                    .map(|ip| (ip.to_string(), *port))
                    .collect())
            }
            Question::Services { name } => {
                let found = self.dns.services(name, servers).await?;
                Ok(found
                    .into_iter()
                    .map(|service| (service.host, service.port))
                    .collect())
            }
        }
    }

    fn remember(&self, lookup: &Lookup, found: Arc<[(String, u16)]>) {
        let mut known = self.known.lock();
        if known.len() >= KNOWN {
            known.retain(|lookup, known| known.at.elapsed() < lookup.refresh);
        }
        if known.len() < KNOWN || known.contains_key(lookup) {
            let at = Instant::now();
            known.insert(lookup.clone(), Known { at, found });
        }
    }
}

fn addresses(found: &[(String, u16)], scheme: UpstreamScheme) -> Vec<UpstreamAddress> {
    found
        .iter()
        .map(|(host, port)| UpstreamAddress {
            scheme,
            dial: Dial::Tcp {
                host: host.clone(),
                port: *port,
            },
        })
        .collect()
}
