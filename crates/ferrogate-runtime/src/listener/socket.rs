//! Listening sockets.

use std::fs::Permissions;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ferrogate_config::model::ServerOptions;
use ferrogate_types::{ListenAddress, UnixMode};
use listenfd::ListenFd;
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, TcpKeepalive, Type};

/// A socket that is bound and listens, but from which nothing was accepted yet.
#[derive(Debug)]
pub(crate) enum BoundSocket {
    /// TCP, with the address the system gave.
    Tcp(std::net::TcpListener, SocketAddr),
    /// A Unix socket, and its file if it was made for it.
    Unix(StdUnixListener, Option<PathBuf>),
}

/// Listening sockets that this process was started with.
///
/// Only those count that `LISTEN_FDS` and `LISTEN_PID` announce (sd_listen_fds(3)): any other descriptor may be one that
/// this process has opened for itself.
pub(crate) struct Inherited(ListenFd);

/// The first descriptor that can be inherited. Source: sd_listen_fds(3), `SD_LISTEN_FDS_START`.
const FIRST: u16 = 3;

impl Inherited {
    pub(crate) fn from_environment() -> Self {
        Self(ListenFd::from_env())
    }

    fn take(&mut self, number: u16) -> io::Result<BoundSocket> {
        let index = number
            .checked_sub(FIRST)
            .map(usize::from)
            .filter(|index| *index < self.0.len())
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, NOT_PASSED))?;
        // A socket of the other family is given back.
        if let Ok(Some(listener)) = self.0.take_unix_listener(index) {
            return Ok(BoundSocket::Unix(listening(listener)?, None));
        }
        let listener = self.0.take_tcp_listener(index)?;
        let listener = listener.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, TAKEN))?;
        let at = listener.local_addr()?;
        Ok(BoundSocket::Tcp(listening(listener)?, at))
    }
}

const NOT_PASSED: &str = "no such socket was passed to this process (`LISTEN_FDS` and `LISTEN_PID` tell which were; \
                          the first one is fd/3)";
const TAKEN: &str = "the socket was taken already";

/// The listener, if it listens.
fn listening<T: AsFd>(listener: T) -> io::Result<T> {
    let socket = SockRef::from(&listener);
    if !socket.is_listener()? {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the socket does not listen",
        ));
    }
    socket.set_nonblocking(true)?;
    Ok(listener)
}

/// A socket could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {reason}")]
pub struct BindError {
    /// Where.
    address: String,
    /// Why, and what to do about it.
    reason: String,
    #[source]
    source: io::Error,
}

/// Connections that may wait to be accepted; the kernel lowers it to its own limit.
const BACKLOG: i32 = 4096;

/// Opens a listening socket.
///
/// The IPv6 wildcard accepts IPv4 as well; where the machine has no IPv6 it becomes the IPv4 wildcard. `probes` are for
/// every connection accepted later.
pub(crate) fn bind(
    address: &ListenAddress,
    probes: Option<&TcpKeepalive>,
    inherited: &mut Inherited,
) -> Result<BoundSocket, BindError> {
    let opened = match address {
        ListenAddress::Tcp(at) => match bind_tcp(*at, false) {
            Err(error) if at.ip().is_unspecified() && at.is_ipv6() && no_ipv6(&error) => {
                let at = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), at.port());
                bind_tcp(at, false)
            }
            other => other,
        },
        ListenAddress::Ipv6Wildcard(port) => {
            bind_tcp(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), *port), true)
        }
        ListenAddress::Unix { path, mode } => bind_unix(path, *mode),
        ListenAddress::Inherited(number) => inherited.take(*number),
    };
    let result = opened.and_then(|socket| {
        if let BoundSocket::Tcp(listener, _) = &socket {
            probe(listener, probes)?;
        }
        Ok(socket)
    });
    result.map_err(|source| BindError {
        address: address.to_string(),
        reason: explain(&source),
        source,
    })
}

/// The probes of a listener; none where they are switched off.
pub(crate) fn keepalive(options: &ServerOptions) -> Option<TcpKeepalive> {
    // Whole seconds that fit into 15 bits. Source: tcp(7), and the kernel's MAX_TCP_KEEPIDLE.
    let seconds = |time: Duration| Duration::from_secs(time.as_secs().clamp(1, 32_767));
    options.keepalive_interval.map(|interval| {
        TcpKeepalive::new()
            .with_time(seconds(options.keepalive_idle))
            .with_interval(seconds(interval))
            .with_retries(options.keepalive_count)
    })
}

/// Has the kernel ask whether silent peers are still there. Accepted connections inherit it: a peer that vanished without
/// a word would be waited for by every stream and tunnel that has no time limit of its own, and by a stop.
fn probe(listener: &std::net::TcpListener, probes: Option<&TcpKeepalive>) -> io::Result<()> {
    let socket = SockRef::from(listener);
    match probes {
        Some(probes) => socket.set_tcp_keepalive(probes),
        None => socket.set_keepalive(false),
    }
}

fn bind_tcp(at: SocketAddr, only_v6: bool) -> io::Result<BoundSocket> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    if at.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    // A restart must not wait for connections of the last run that linger in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.bind(&at.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let listener = std::net::TcpListener::from(socket);
    let bound = listener.local_addr()?;
    Ok(BoundSocket::Tcp(listener, bound))
}

/// A socket file left by a process that is gone is removed; one that somebody answers on is not.
fn bind_unix(path: &Path, mode: Option<UnixMode>) -> io::Result<BoundSocket> {
    if std::os::unix::net::UnixStream::connect(path).is_err() && is_socket(path) {
        std::fs::remove_file(path)?;
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    // Nobody can connect before `listen`, so that nobody comes in under other permissions.
    if let Some(mode) = mode {
        std::fs::set_permissions(path, Permissions::from_mode(mode.bits()))?;
    }
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(BoundSocket::Unix(socket.into(), Some(path.to_owned())))
}

fn is_socket(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket())
}

fn no_ipv6(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Unsupported | io::ErrorKind::AddrNotAvailable
    ) || error.raw_os_error() == Some(97) // EAFNOSUPPORT
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "the address is taken by another process; stop it (`ss -ltnp` shows it) or choose another port".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "permission denied; ports below 1024 need CAP_NET_BIND_SERVICE, and a socket file a writable folder".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => "no network interface has this address".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(address: &ListenAddress) -> Result<BoundSocket, BindError> {
        bind(address, None, &mut Inherited(ListenFd::empty()))
    }

    fn tcp(address: &str, probes: Option<&TcpKeepalive>) -> (std::net::TcpListener, SocketAddr) {
        let address = address.parse().unwrap();
        match bind(&address, probes, &mut Inherited(ListenFd::empty())).unwrap() {
            BoundSocket::Tcp(listener, at) => (listener, at),
            BoundSocket::Unix(..) => panic!("not TCP"),
        }
    }

    #[test]
    fn says_what_to_do_about_a_taken_port() {
        let (_held, at) = tcp("127.0.0.1:0", None);
        let error = open(&ListenAddress::Tcp(at)).unwrap_err().to_string();
        assert!(
            error.contains(&at.to_string()) && error.contains("taken by another process"),
            "{error}"
        );
    }

    #[test]
    fn replaces_a_dead_socket_file_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let unix = |path: &Path| ListenAddress::Unix {
            path: path.to_owned(),
            mode: None,
        };
        let path = dir.path().join("a.sock");
        let first = open(&unix(&path)).unwrap();
        assert!(open(&unix(&path)).is_err(), "somebody answers");
        drop(first);
        assert!(open(&unix(&path)).is_ok(), "nobody answers");
        let file = dir.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert!(open(&unix(&file)).is_err());
        assert!(file.exists());
    }

    #[test]
    fn a_socket_file_has_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.sock");
        let address = format!("unix/{}|0222", path.display());
        let _held = open(&address.parse().unwrap()).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o222);
    }

    #[test]
    fn accepted_connections_are_probed() {
        let check = |options: &ServerOptions, expected: Option<(u64, u64, u32)>| {
            let (listener, at) = tcp("127.0.0.1:0", keepalive(options).as_ref());
            listener.set_nonblocking(false).unwrap();
            let _client = std::net::TcpStream::connect(at).unwrap();
            let (accepted, _) = listener.accept().unwrap();
            let socket = SockRef::from(&accepted);
            assert_eq!(socket.keepalive().unwrap(), expected.is_some());
            if let Some((idle, interval, count)) = expected {
                let seconds = Duration::from_secs;
                assert_eq!(socket.tcp_keepalive_time().unwrap(), seconds(idle));
                assert_eq!(socket.tcp_keepalive_interval().unwrap(), seconds(interval));
                assert_eq!(socket.tcp_keepalive_retries().unwrap(), count);
            }
        };
        check(&ServerOptions::default(), Some((15, 15, 9)));
        let own = |interval, idle| ServerOptions {
            keepalive_interval: interval,
            keepalive_idle: idle,
            keepalive_count: 3,
            ..ServerOptions::default()
        };
        let (short, long) = (Duration::from_millis(20), Duration::from_secs(1 << 20));
        check(&own(Some(short), long), Some((32_767, 1, 3)));
        check(&own(None, long), None);
    }

    #[test]
    fn the_ipv6_wildcard_alone_leaves_ipv4_free() {
        let (_six, at) = tcp("tcp6/[::]:0", None);
        let (_four, _) = tcp(&format!("tcp4/:{}", at.port()), None);
    }

    #[test]
    fn a_socket_that_was_not_passed_is_refused() {
        for number in [0, 2, 3, u16::MAX] {
            let error = open(&ListenAddress::Inherited(number)).unwrap_err();
            assert!(error.to_string().contains("LISTEN_FDS"), "{error}");
        }
    }
}
