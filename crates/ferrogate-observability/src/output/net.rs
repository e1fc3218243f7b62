//! A log that is sent over a socket.

use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs as _, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::standard::Standard;
use super::{Batch, Lost, Output, OutputError};

/// A socket that entries are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogNet {
    /// `[tcp/|udp/]HOST:PORT` or `unix//PATH`.
    pub address: String,
    /// Connecting.
    pub dial_timeout: Duration,
    /// A destination that is down at the start is no error; entries go to standard error until it is there.
    pub soft_start: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Peer {
    Tcp(String),
    /// One datagram an entry.
    Udp(String),
    Unix(PathBuf),
}

/// How long one write may take: a peer that does not read is as good as one that is away.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// Text that waits for a peer that is away; what comes then is lost and counted.
const PENDING: usize = 4 << 20;
/// Between two tries to connect: at first, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

impl LogNet {
    pub(super) fn check(&self) -> Result<(), OutputError> {
        self.peer().map(drop)
    }

    fn peer(&self) -> Result<Peer, OutputError> {
        let (network, rest) = self
            .address
            .split_once('/')
            .unwrap_or(("tcp", &self.address));
        let is_host_and_port = rest
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        match network {
            "tcp" | "tcp4" | "tcp6" if is_host_and_port => Ok(Peer::Tcp(rest.to_owned())),
            "udp" | "udp4" | "udp6" if is_host_and_port => Ok(Peer::Udp(rest.to_owned())),
            "unix" if !rest.is_empty() => Ok(Peer::Unix(rest.into())),
            _ => Err(OutputError::Address(self.address.clone())),
        }
    }
}

/// A connection.
#[derive(Debug)]
enum Link {
    Tcp(TcpStream),
    Udp(UdpSocket),
    Unix(UnixStream),
}

impl Peer {
    fn dial(&self, limit: Duration) -> io::Result<Link> {
        match self {
            Self::Tcp(address) => {
                let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
                for address in address.to_socket_addrs()? {
                    match TcpStream::connect_timeout(&address, limit) {
                        Ok(stream) => {
                            stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
                            return Ok(Link::Tcp(stream));
                        }
                        Err(error) => failure = error,
                    }
                }
                Err(failure)
            }
            Self::Udp(address) => {
                let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
                for address in address.to_socket_addrs()? {
                    let any = if address.is_ipv4() {
                        "0.0.0.0:0"
                    } else {
                        "[::]:0"
                    };
                    let connected = UdpSocket::bind(any)
                        .and_then(|socket| socket.connect(address).map(|()| socket));
                    match connected {
                        Ok(socket) => return Ok(Link::Udp(socket)),
                        Err(error) => failure = error,
                    }
                }
                Err(failure)
            }
            Self::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
                Ok(Link::Unix(stream))
            }
        }
    }
}

impl Link {
    /// Sends an entry whole.
    fn send(&mut self, entries: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(entries),
            Self::Unix(stream) => stream.write_all(entries),
            Self::Udp(socket) => socket.send(entries).map(drop),
        }
    }

    /// Whether the peer has hung up: the first write after that would succeed, and its text be lost.
    fn is_closed(&self) -> bool {
        let Self::Tcp(stream) = self else {
            return false;
        };
        let peeked = stream
            .set_nonblocking(true)
            .and_then(|()| stream.peek(&mut [0]));
        let restored = stream.set_nonblocking(false);
        let alive = match peeked {
            Ok(bytes) => bytes > 0,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        };
        !alive || restored.is_err()
    }
}

/// Sends entries over a connection, and makes another when it breaks.
pub(super) struct NetOutput {
    peer: Peer,
    spec: LogNet,
    link: Option<Link>,
    /// Entries that wait for a connection.
    pending: Batch,
    /// No try to connect before then.
    again: Instant,
    backoff: Duration,
    /// There was a connection at some time.
    reached: bool,
}

impl NetOutput {
    pub(super) fn open(spec: LogNet) -> Result<Self, OutputError> {
        let peer = spec.peer()?;
        let link = match peer.dial(spec.dial_timeout) {
            Ok(link) => Some(link),
            Err(error) if spec.soft_start => {
                tracing::warn!(%error, log = spec.address, "a log's destination cannot be reached; entries go to standard error until it can");
                None
            }
            Err(source) => {
                return Err(OutputError::Connect {
                    address: spec.address,
                    source,
                });
            }
        };
        Ok(Self {
            peer,
            reached: link.is_some(),
            link,
            pending: Batch::default(),
            again: Instant::now() + BACKOFF.0,
            backoff: BACKOFF.0,
            spec,
        })
    }

    fn connect(&mut self) -> io::Result<()> {
        if self.link.as_ref().is_some_and(Link::is_closed) {
            self.link = None;
            self.again = Instant::now();
        }
        if self.link.is_some() {
            return Ok(());
        }
        if Instant::now() < self.again {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let dialed = self.peer.dial(self.spec.dial_timeout);
        match dialed {
            Ok(link) => {
                self.link = Some(link);
                (self.reached, self.backoff) = (true, BACKOFF.0);
                Ok(())
            }
            Err(error) => {
                self.again = Instant::now() + self.backoff;
                self.backoff = (self.backoff * 2).min(BACKOFF.1);
                Err(error)
            }
        }
    }

    /// Sends what waits; what a broken connection has not taken goes on waiting.
    fn send(&mut self) -> io::Result<()> {
        let Some(link) = &mut self.link else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let mut sent = 0;
        let mut result = Ok(());
        for line in self.pending.lines() {
            result = link.send(line);
            // A datagram that nobody listened for is gone, like any that is lost on the way.
            if result.is_err() && !matches!(link, Link::Udp(_)) {
                break;
            }
            sent += 1;
        }
        self.pending.remove(sent);
        if result.is_err() && !matches!(link, Link::Udp(_)) {
            self.link = None;
            self.again = Instant::now();
        }
        result
    }
}

impl Output for NetOutput {
    fn write(&mut self, batch: &Batch) -> Result<(), Lost> {
        let connected = self.connect();
        if connected.is_err() && !self.reached {
            return Standard::Stderr.write(batch);
        }
        let mut entries = 0;
        for line in batch.lines() {
            if self.pending.len() + line.len() > PENDING {
                entries += 1;
            } else {
                self.pending.text().extend_from_slice(line);
                self.pending.end_line();
            }
        }
        match connected.and_then(|()| self.send()) {
            Ok(()) if entries == 0 => Ok(()),
            Ok(()) => Err(Lost {
                entries,
                error: io::ErrorKind::StorageFull.into(),
            }),
            Err(error) => Err(Lost { entries, error }),
        }
    }

    fn is_waiting(&self) -> bool {
        !self.pending.is_empty() || !self.reached
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::TcpListener;

    use super::*;

    fn spec(address: String, soft_start: bool) -> LogNet {
        LogNet {
            address,
            dial_timeout: Duration::from_secs(5),
            soft_start,
        }
    }

    fn batch(line: &str) -> Batch {
        let mut batch = Batch::default();
        batch.text().extend_from_slice(line.as_bytes());
        batch.end_line();
        batch
    }

    #[test]
    fn addresses() {
        for (address, expected) in [
            ("localhost:514", Some(Peer::Tcp("localhost:514".to_owned()))),
            ("tcp/[::1]:514", Some(Peer::Tcp("[::1]:514".to_owned()))),
            ("udp/a:514", Some(Peer::Udp("a:514".to_owned()))),
            ("unix//run/log", Some(Peer::Unix("/run/log".into()))),
            ("sctp/a:1", None),
            ("nowhere", None),
        ] {
            assert_eq!(
                spec(address.to_owned(), false).peer().ok(),
                expected,
                "{address}"
            );
        }
    }

    #[test]
    fn a_connection_that_broke_is_made_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut output = NetOutput::open(spec(address.to_string(), false)).unwrap();
        let mut buffer = [0; 2];
        for line in ["a\n", "b\n"] {
            output.write(&batch(line)).unwrap();
            let (mut peer, _) = listener.accept().unwrap();
            peer.read_exact(&mut buffer).unwrap();
            assert_eq!(buffer, line.as_bytes());
            // Hung up properly: the next write has to notice before it sends.
            drop(peer);
        }
    }

    #[test]
    fn entries_are_datagrams() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = format!("udp/{}", socket.local_addr().unwrap());
        let mut output = NetOutput::open(spec(address, false)).unwrap();
        let mut both = batch("first\n");
        both.text().extend_from_slice(b"second\n");
        both.end_line();
        output.write(&both).unwrap();
        let mut buffer = [0; 64];
        for expected in ["first\n", "second\n"] {
            let read = socket.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..read], expected.as_bytes());
        }
    }

    #[test]
    fn a_destination_that_is_down() {
        let dir = tempfile::tempdir().unwrap();
        let address = format!("unix/{}/socket", dir.path().display());
        assert!(NetOutput::open(spec(address.clone(), false)).is_err());
        let output = NetOutput::open(spec(address, true)).unwrap();
        assert!(output.is_waiting() && !output.reached);
    }
}
