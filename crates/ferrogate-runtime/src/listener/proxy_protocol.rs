//! The PROXY protocol header of a connection: whether it is read, and whether it is believed.

mod header;

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use bytes::BytesMut;
use ferrogate_config::model::{ProxyProtocolIn, ProxyProtocolPolicy};
use ferrogate_edge::IpSet;
use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, timeout_at};

pub(crate) use self::header::Addresses;
use self::header::{Malformed, Parsed, parse};
use super::wire::Wire;

/// Who may send a header, and how long it may take.
#[derive(Debug)]
pub(crate) struct ProxyProtocol {
    timeout: Duration,
    allow: IpSet,
    deny: IpSet,
    fallback: ProxyProtocolPolicy,
}

/// Why a connection is closed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("there is no PROXY protocol header")]
    Missing,
    #[error("this peer may not send a PROXY protocol header")]
    Forbidden,
    #[error("the PROXY protocol header did not arrive in time")]
    Late,
    #[error("reading the PROXY protocol header")]
    Io(#[from] io::Error),
}

/// Room for a header with addresses.
const BUFFER: usize = 512;

impl ProxyProtocol {
    pub(crate) fn new(settings: &ProxyProtocolIn) -> Self {
        Self {
            timeout: settings.timeout,
            allow: IpSet::new(&settings.allow),
            deny: IpSet::new(&settings.deny),
            fallback: settings.fallback_policy,
        }
    }

    /// What becomes of a peer's header; peers without an address are on a Unix socket.
    fn policy(&self, peer: Option<IpAddr>) -> ProxyProtocolPolicy {
        match peer {
            None => ProxyProtocolPolicy::Use,
            Some(peer) if self.deny.contains(peer) => ProxyProtocolPolicy::Reject,
            Some(peer) if self.allow.contains(peer) => ProxyProtocolPolicy::Use,
            Some(_) => self.fallback,
        }
    }

    /// Takes the header from the beginning of a connection; its addresses, if they are to be believed.
    pub(crate) async fn take(&self, wire: &mut Wire) -> Result<Option<Addresses>, Refused> {
        let peer = match wire.peer() {
            // A peer that has left already has no address, and must not pass for one on a Unix socket.
            None if !wire.is_unix() => return Err(Refused::Io(io::ErrorKind::NotConnected.into())),
            peer => peer.map(|peer| peer.ip()),
        };
        let policy = self.policy(peer);
        if policy == ProxyProtocolPolicy::Skip {
            return Ok(None);
        }
        let deadline = Instant::now() + self.timeout;
        let mut bytes = BytesMut::with_capacity(BUFFER);
        let found = loop {
            match parse(&bytes)? {
                Parsed::Header(length, addresses) => {
                    wire.unread(bytes.split_off(length).freeze());
                    break Some(addresses);
                }
                Parsed::Absent => {
                    wire.unread(bytes.freeze());
                    break None;
                }
                Parsed::Incomplete => {}
            }
            match timeout_at(deadline, wire.read_buf(&mut bytes)).await {
                Ok(Ok(0)) => return Err(Refused::Missing),
                Ok(read) => {
                    read?;
                }
                // A connection opened ahead of its first request: it may stay, unless a header must come first.
                Err(_) if bytes.is_empty() && policy != ProxyProtocolPolicy::Require => break None,
                Err(_) => return Err(Refused::Late),
            }
        };
        match (policy, found) {
            (ProxyProtocolPolicy::Require, None) => Err(Refused::Missing),
            (ProxyProtocolPolicy::Reject, Some(_)) => Err(Refused::Forbidden),
            (ProxyProtocolPolicy::Use | ProxyProtocolPolicy::Require, Some(addresses)) => {
                Ok(addresses)
            }
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    const HEADER: &str = "PROXY TCP4 192.0.2.7 192.0.2.8 5 443\r\n";

    fn rules(allow: &str, deny: &str, fallback: ProxyProtocolPolicy) -> ProxyProtocol {
        let nets = |text: &str| text.parse().ok().into_iter().collect();
        ProxyProtocol::new(&ProxyProtocolIn {
            timeout: Duration::from_secs(20),
            allow: nets(allow),
            deny: nets(deny),
            fallback_policy: fallback,
        })
    }

    /// Sends text from 127.0.0.1; the source that is believed and what the next reader sees.
    async fn outcome(
        rules: &ProxyProtocol,
        sent: &str,
    ) -> Result<(Option<String>, String), Refused> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let mut client = TcpStream::connect(at).await.unwrap();
        client.write_all(sent.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        let mut wire = Wire::tcp(listener.accept().await.unwrap().0);
        let addresses = rules.take(&mut wire).await?;
        let mut rest = String::new();
        wire.read_to_string(&mut rest).await.unwrap();
        Ok((addresses.map(|found| found.source.to_string()), rest))
    }

    #[tokio::test]
    async fn policies_decide() {
        use ProxyProtocolPolicy::{Ignore, Reject, Require, Skip, Use};
        let (here, other) = ("127.0.0.0/8", "10.0.0.0/8");
        let with = format!("{HEADER}GET");
        let believed = || Ok((Some("192.0.2.7:5".to_owned()), "GET".to_owned()));
        let read = || Ok((None, "GET".to_owned()));
        for (allow, deny, fallback, sent, expected) in [
            (here, "", Ignore, &*with, believed()),
            (here, "", Ignore, "GET", read()),
            (other, "", Ignore, &with, read()),
            ("", "", Ignore, &with, read()),
            ("", "", Use, &with, believed()),
            ("", "", Use, "GET", read()),
            ("", "", Reject, &with, Err("may not send")),
            ("", "", Reject, "GET", read()),
            ("", "", Require, &with, believed()),
            ("", "", Require, "GET", Err("there is no")),
            ("", "", Require, "", Err("there is no")),
            ("", "", Skip, &with, Ok((None, with.clone()))),
            (here, here, Use, &with, Err("may not send")),
            (here, here, Use, "GET", read()),
            ("", "", Use, "PROXY TCP9 x\r\n", Err("no family")),
            ("", "", Ignore, "PROXY TCP4", Err("there is no")),
        ] {
            let found = outcome(&rules(allow, deny, fallback), sent).await;
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{fallback:?} {sent:?}"),
                (Err(found), Err(expected)) => {
                    assert!(found.to_string().contains(expected), "{found}");
                }
                (found, _) => panic!("{fallback:?} {sent:?}: {found:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_late_header_is_not_waited_for() {
        let rules = ProxyProtocol {
            timeout: Duration::from_millis(20),
            ..rules("", "", ProxyProtocolPolicy::Use)
        };
        for (sent, late) in [("", false), ("PROX", true)] {
            let (near, mut far) = tokio::net::UnixStream::pair().unwrap();
            far.write_all(sent.as_bytes()).await.unwrap();
            let taken = rules.take(&mut Wire::unix(near)).await;
            assert_eq!(matches!(taken, Err(Refused::Late)), late, "{sent:?}");
            assert_eq!(matches!(taken, Ok(None)), !late, "{sent:?}");
            drop(far);
        }
    }
}
