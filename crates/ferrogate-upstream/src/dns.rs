//! Questions to DNS servers themselves: service records, and names asked of servers other than the system's.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use parking_lot::Mutex;

/// A client of DNS servers; answers are kept for their time to live. Cheap to clone; clones share clients.
#[derive(Clone, Default)]
pub struct Dns {
    clients: Arc<Mutex<HashMap<Vec<SocketAddr>, Arc<TokioResolver>>>>,
}

/// A service record. Source: RFC 2782.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The host, without a final dot.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Lower is asked first.
    pub priority: u16,
    /// The share among those of one priority.
    pub weight: u16,
}

/// Why DNS gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("DNS has no answer for `{name}`")]
pub struct DnsError {
    name: String,
    #[source]
    source: Arc<NetError>,
}

impl Dns {
    /// The addresses of a name, IPv4 first; `servers` are asked, or the system's when empty. Literal addresses are returned
    /// as they are.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn addresses(
        &self,
        name: &str,
        servers: &[SocketAddr],
        ipv4: bool,
        ipv6: bool,
    ) -> Result<Vec<IpAddr>, DnsError> {
        if let Ok(ip) = name.parse::<IpAddr>() {
            return Ok(vec![ip]);
        }
        let client = self.client(name, servers)?;
        let mut found = Vec::new();
        let mut failure = None;
        let families = [(ipv4, RecordType::A), (ipv6, RecordType::AAAA)];
        for (_, kind) in families.iter().filter(|(wanted, _)| *wanted) {
            match client.lookup(absolute(name), *kind).await {
                Ok(answer) => {
                    found.extend(
                        answer
                            .answers()
                            .iter()
                            .filter_map(|record| match &record.data {
                                RData::A(address) => Some(IpAddr::V4(address.0)),
                                RData::AAAA(address) => Some(IpAddr::V6(address.0)),
                                _ => None,
                            }),
                    );
                }
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) if found.is_empty() => Err(DnsError::new(name, error)),
            _ => Ok(found),
        }
    }

    /// The service records of a full name (`_http._tcp.example.com`), by priority, heavier ones first.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn services(
        &self,
        name: &str,
        servers: &[SocketAddr],
    ) -> Result<Vec<Service>, DnsError> {
        let answer = self
            .client(name, servers)?
            .lookup(absolute(name), RecordType::SRV)
            .await
            .map_err(|error| DnsError::new(name, error))?;
        let mut services: Vec<Service> = answer
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::SRV(service) => Some(Service {
                    host: service.target.to_utf8().trim_end_matches('.').to_owned(),
                    port: service.port,
                    priority: service.priority,
                    weight: service.weight,
                }),
                _ => None,
            })
            .collect();
        services.sort_by_key(|service| (service.priority, std::cmp::Reverse(service.weight)));
        Ok(services)
    }

    fn client(&self, name: &str, servers: &[SocketAddr]) -> Result<Arc<TokioResolver>, DnsError> {
        let mut clients = self.clients.lock();
        if let Some(client) = clients.get(servers) {
            return Ok(Arc::clone(client));
        }
        let builder = if servers.is_empty() {
            TokioResolver::builder_tokio()
        } else {
            let servers = servers.iter().copied().map(server).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            let runtime = TokioRuntimeProvider::default();
            Ok(TokioResolver::builder_with_config(config, runtime))
        };
        let client = builder
            .and_then(hickory_resolver::ResolverBuilder::build)
            .map_err(|error| DnsError::new(name, error))?;
        let client = Arc::new(client);
        clients.insert(servers.to_vec(), Arc::clone(&client));
        Ok(client)
    }
}

impl fmt::Debug for Dns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dns").finish_non_exhaustive()
    }
}

impl DnsError {
    fn new(name: &str, error: NetError) -> Self {
        Self {
            name: name.to_owned(),
            source: Arc::new(error),
        }
    }
}

/// The name with its final dot, so that no search list is tried.
fn absolute(name: &str) -> String {
    if name.ends_with('.') {
        name.to_owned()
    } else {
        format!("{name}.")
    }
}

fn server(address: SocketAddr) -> NameServerConfig {
    let at = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = vec![at(ConnectionConfig::udp()), at(ConnectionConfig::tcp())];
    NameServerConfig::new(address.ip(), true, connections)
}

#[cfg(test)]
mod tests {
    use tokio::net::UdpSocket;

    use super::*;

    /// Answers every question with one record, given as type and data.
    async fn serve(kind: u16, data: Vec<u8>) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut question = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut question).await {
                let asked = &question[..length];
                let end = 12 + asked[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
                let wanted = u16::from_be_bytes([asked[end - 4], asked[end - 3]]);
                let count = u8::from(wanted == kind);
                let mut answer = asked[..2].to_vec();
                answer.extend([0x81, 0x80, 0, 1, 0, count, 0, 0, 0, 0]);
                answer.extend(&asked[12..end]);
                if count == 1 {
                    answer.extend([0xc0, 12]);
                    answer.extend(kind.to_be_bytes());
                    answer.extend([0, 1, 0, 0, 0, 60]);
                    answer.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
                    answer.extend(&data);
                }
                socket.send_to(&answer, from).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn addresses_come_from_the_server_that_is_named() {
        let server = serve(1, vec![192, 0, 2, 7]).await;
        let dns = Dns::default();
        let found = dns.addresses("up.example", &[server], true, true).await;
        assert_eq!(found.unwrap(), ["192.0.2.7".parse::<IpAddr>().unwrap()]);
        let none = dns.addresses("up.example", &[server], false, true).await;
        assert!(none.is_err());
        let literal = dns.addresses("::1", &[server], true, true).await.unwrap();
        assert_eq!(literal, ["::1".parse::<IpAddr>().unwrap()]);
    }

    #[tokio::test]
    async fn services_have_host_and_port() {
        let mut data = vec![0, 10, 0, 5, 0x1f, 0x90];
        data.extend(b"\x02up\x07example\x00");
        let server = serve(33, data).await;
        let found = Dns::default()
            .services("_http._tcp.example", &[server])
            .await
            .unwrap();
        let expected = Service {
            host: "up.example".to_owned(),
            port: 8080,
            priority: 10,
            weight: 5,
        };
        assert_eq!(found, [expected]);
    }
}
