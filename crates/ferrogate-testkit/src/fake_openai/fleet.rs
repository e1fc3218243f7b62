//! Many upstreams behind few listeners: one for each call of a large test.

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use socket2::{Domain, Type};

use super::fault::Fault;
use super::shape::Surface;
use super::{good, misbehave};
use crate::Certificate;
use crate::head::Framing;
use crate::listening::{ClosedPort, Listening};
use crate::record::{Received, Record};
use crate::socket::Socket;
use crate::wire::Wire;

/// Upstreams that speak OpenAI's API, each with a name and a fault of its own, behind the same listeners.
///
/// What each was asked is told apart by the first segment of the path, which is its name.
#[derive(Debug)]
pub struct FakeFleet {
    shared: Arc<Shared>,
    listening: Listening,
    /// Speaks HTTP in the clear to whoever says anything.
    clear: Listening,
    untrusted: Listening,
    closed: ClosedPort,
    full: FullPort,
}

/// The members' addresses follow it.
const FIRST_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 0);

#[derive(Debug, Default)]
struct Shared {
    members: Mutex<HashMap<String, Arc<Member>>>,
    /// Members keep no record.
    forgetful: bool,
    /// Answers under way, with a bell for those who wait for them to end.
    under_way: (Mutex<usize>, Condvar),
}

#[derive(Debug)]
struct Member {
    fault: Option<Fault>,
    record: Record,
}

impl FakeFleet {
    /// Starts one without members.
    pub fn start() -> Self {
        Self::with(Shared::default())
    }

    /// Starts one that does not remember what it was asked: for more requests than fit into memory.
    pub fn forgetful() -> Self {
        Self::with(Shared {
            forgetful: true,
            ..Shared::default()
        })
    }

    fn with(shared: Shared) -> Self {
        let shared = Arc::new(shared);
        let ours = Arc::clone(&shared);
        Self {
            shared,
            listening: Listening::tcp_everywhere(move |socket| {
                // A broken connection is the peer's business; tests see it at their end.
                let _ended = ours.serve(socket).is_ok();
            }),
            clear: Listening::tcp(|mut socket| {
                let told = socket.read(&mut [0; 512]).and_then(|_| {
                    socket.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                });
                let _ended = told.is_ok();
            }),
            untrusted: untrusted(),
            closed: ClosedPort::hold(),
            full: FullPort::hold(),
        }
    }

    /// Adds a member that has a fault, or none; its API root comes back, as an SDK takes it.
    ///
    /// Each member has a loopback address of its own: a connection that one of them closes must not be one that the
    /// gateway keeps for another.
    pub fn enlist(&self, name: &str, fault: Option<Fault>) -> String {
        let member = Arc::new(Member {
            fault,
            record: Record::default(),
        });
        let ordinal = {
            let mut members = self.shared.members.lock();
            members.insert(name.to_owned(), member);
            u32::try_from(members.len()).expect("members are counted in hundreds")
        };
        let (scheme, host) = match fault {
            // Nothing is ever called that. Source: RFC 6761, section 6.4.
            Some(Fault::Unresolved) => ("http", "nowhere.invalid".to_owned()),
            Some(Fault::Refused) => ("http", self.closed.address().to_string()),
            Some(Fault::Unreachable) => ("http", self.full.address.to_string()),
            Some(Fault::NotTls) => ("https", self.clear.address().to_string()),
            Some(Fault::Untrusted) => (
                "https",
                format!("localhost:{}", self.untrusted.address().port()),
            ),
            _ => {
                let address = Ipv4Addr::from_bits(FIRST_ADDRESS.to_bits() + ordinal);
                let port = self.listening.address().port();
                ("http", SocketAddr::from((address, port)).to_string())
            }
        };
        format!("{scheme}://{host}/{name}/v1")
    }

    /// What a member was asked so far.
    pub fn requests(&self, name: &str) -> Vec<Received> {
        self.member(name)
            .record
            .look(|events| events.received.clone())
    }

    /// How many connections were made to all members that listen.
    pub fn connections(&self) -> usize {
        self.listening.accepted()
    }

    /// Closes every connection; new ones are accepted.
    pub fn hang_up(&self) {
        self.listening.hang_up();
    }

    /// Waits until no answer is under way; says whether that was so within `limit`.
    pub fn wait_for_rest(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let (count, bell) = &self.shared.under_way;
        let mut count = count.lock();
        while *count > 0 {
            if bell.wait_until(&mut count, deadline).timed_out() {
                return *count == 0;
            }
        }
        true
    }

    /// Lets one stalled answer of a member go on and end well.
    pub fn release(&self, name: &str) {
        self.member(name).record.note(|events| events.released += 1);
    }

    fn member(&self, name: &str) -> Arc<Member> {
        let member = self.shared.members.lock().get(name).map(Arc::clone);
        member.unwrap_or_else(|| panic!("nobody is called {name}"))
    }
}

impl Shared {
    fn serve(&self, socket: Socket) -> io::Result<()> {
        let mut wire = Wire::new(socket);
        while let Some(head) = wire.head()? {
            let mut body = Vec::new();
            wire.body(head.framing().unwrap_or(Framing::Length(0)), &mut body)?;
            let (name, path) = named(head.word(1));
            let member = self.members.lock().get(name).map(Arc::clone);
            let (Some(member), Some(surface)) = (member, Surface::at(&path)) else {
                wire.write(&misbehave::envelope(404, "Not Found", ""))?;
                continue;
            };
            let request: Value = serde_json::from_slice(&body).unwrap_or_default();
            let record = if self.forgetful {
                Record::default()
            } else {
                member.record.clone()
            };
            record.note(|events| events.received.push(Received { head, body }));
            let _under_way = UnderWay::begin(&self.under_way);
            match member.fault {
                None => good(&mut wire, surface, &request, &record)?,
                Some(fault) => {
                    misbehave::answer(&mut wire, fault, surface, &request, &record)?;
                    if fault.ends_connection() {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
}

/// An answer under way.
struct UnderWay<'c>(&'c (Mutex<usize>, Condvar));

impl<'c> UnderWay<'c> {
    fn begin(count: &'c (Mutex<usize>, Condvar)) -> Self {
        *count.0.lock() += 1;
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        *self.0.0.lock() -= 1;
        self.0.1.notify_all();
    }
}

/// The name a path begins with, and the path behind it.
fn named(path: &str) -> (&str, String) {
    let rest = path.strip_prefix('/').unwrap_or(path);
    let (name, behind) = rest.split_once('/').unwrap_or((rest, ""));
    (name, format!("/{behind}"))
}

/// A listener whose certificate nobody trusts.
fn untrusted() -> Listening {
    let certificate = Certificate::new(&["localhost"]);
    let key = PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes())
        .expect("the key is well formed");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(vec![certificate.der()], key)
        })
        .map(Arc::new)
        .expect("the certificate fits its key");
    Listening::tcp(move |socket| {
        let connection =
            ServerConnection::new(Arc::clone(&config)).expect("the settings are whole");
        let mut stream = StreamOwned::new(connection, socket);
        // The handshake fails at the peer, which is the point.
        let _ended = stream.read(&mut [0; 512]).is_ok();
    })
}

/// A port at which connections are neither accepted nor refused for as long as it is held.
#[derive(Debug)]
struct FullPort {
    address: SocketAddr,
    _listener: socket2::Socket,
    _waiting: Vec<TcpStream>,
}

impl FullPort {
    /// Listens without accepting, with the queue filled: Linux drops what asks for more.
    fn hold() -> Self {
        let listener =
            socket2::Socket::new(Domain::IPV4, Type::STREAM, None).expect("sockets are to be had");
        listener
            .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
            .and_then(|()| listener.listen(0))
            .expect("a loopback port is free");
        let address = listener
            .local_addr()
            .ok()
            .and_then(|address| address.as_socket())
            .expect("a bound socket has an address");
        let waiting = (0..64)
            .map_while(|_| TcpStream::connect_timeout(&address, FULL).ok())
            .collect();
        Self {
            address,
            _listener: listener,
            _waiting: waiting,
        }
    }
}

/// After so long without an answer the queue of a port on the same machine is taken to be full.
const FULL: Duration = Duration::from_millis(200);
