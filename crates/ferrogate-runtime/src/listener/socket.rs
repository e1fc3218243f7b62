//! Listening sockets.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ferrogate_types::ListenAddress;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

/// A socket that is bound and listens, but from which nothing was accepted yet.
#[derive(Debug)]
pub(crate) enum BoundSocket {
    /// TCP, with the address the system gave.
    Tcp(std::net::TcpListener, SocketAddr),
    /// A Unix socket and its path.
    Unix(StdUnixListener, PathBuf),
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
/// The IPv6 wildcard accepts IPv4 as well; where the machine has no IPv6 it becomes the IPv4 wildcard.
pub(crate) fn bind(address: &ListenAddress) -> Result<BoundSocket, BindError> {
    let result = match address {
        ListenAddress::Tcp(at) => match bind_tcp(*at) {
            Err(error) if at.ip().is_unspecified() && at.is_ipv6() && no_ipv6(&error) => bind_tcp(
                SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), at.port()),
            ),
            other => other,
        },
        ListenAddress::Unix(path) => bind_unix(path),
    };
    result.map_err(|source| BindError {
        address: address.to_string(),
        reason: explain(&source),
        source,
    })
}

/// Silence on a connection after which the kernel asks whether the peer is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);

fn bind_tcp(at: SocketAddr) -> io::Result<BoundSocket> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    if at.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // A restart must not wait for connections of the last run that linger in TIME_WAIT.
    socket.set_reuse_address(true)?;
    // Accepted connections inherit it: a peer that vanished without a word would be waited for by every stream and
    // tunnel that has no time limit of its own, and by a stop.
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    socket.bind(&at.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let listener = std::net::TcpListener::from(socket);
    let bound = listener.local_addr()?;
    Ok(BoundSocket::Tcp(listener, bound))
}

/// A socket file left by a process that is gone is removed; one that somebody answers on is not.
fn bind_unix(path: &Path) -> io::Result<BoundSocket> {
    if std::os::unix::net::UnixStream::connect(path).is_err() && is_socket(path) {
        std::fs::remove_file(path)?;
    }
    let listener = StdUnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    Ok(BoundSocket::Unix(listener, path.to_owned()))
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

    #[test]
    fn says_what_to_do_about_a_taken_port() {
        let BoundSocket::Tcp(_held, at) = bind(&"127.0.0.1:0".parse().unwrap()).unwrap() else {
            panic!("not TCP")
        };
        let error = bind(&ListenAddress::Tcp(at)).unwrap_err().to_string();
        assert!(
            error.contains(&at.to_string()) && error.contains("taken by another process"),
            "{error}"
        );
    }

    #[test]
    fn replaces_a_dead_socket_file_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.sock");
        let address = ListenAddress::Unix(path.clone());
        let first = bind(&address).unwrap();
        assert!(bind(&address).is_err(), "somebody answers");
        drop(first);
        assert!(bind(&address).is_ok(), "nobody answers");
        let file = dir.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert!(bind(&ListenAddress::Unix(file.clone())).is_err());
        assert!(file.exists());
    }
}
