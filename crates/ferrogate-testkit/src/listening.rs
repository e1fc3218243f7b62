//! A listener whose connections are served by threads of their own.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;
use socket2::{Domain, Type};

use crate::socket::Socket;

/// A listener at work; it closes everything when it is dropped.
#[derive(Debug)]
pub(crate) struct Listening {
    at: At,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stopped: AtomicBool,
    accepted: AtomicUsize,
    open: Mutex<HashMap<usize, Socket>>,
}

#[derive(Clone, Debug)]
enum At {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Listening {
    /// Listens on a loopback port that the system chooses.
    pub(crate) fn tcp(serve: impl Fn(Socket) + Send + Sync + 'static) -> Self {
        Self::tcp_at(Ipv4Addr::LOCALHOST, serve)
    }

    /// Listens on a port that the system chooses, on all loopback addresses: Linux has sixteen million of them.
    pub(crate) fn tcp_everywhere(serve: impl Fn(Socket) + Send + Sync + 'static) -> Self {
        Self::tcp_at(Ipv4Addr::UNSPECIFIED, serve)
    }

    fn tcp_at(address: Ipv4Addr, serve: impl Fn(Socket) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((address, 0)).expect("a loopback port is free");
        let bound = listener
            .local_addr()
            .expect("a bound socket has an address");
        let at = At::Tcp((Ipv4Addr::LOCALHOST, bound.port()).into());
        Self::run(at, serve, move || {
            let (stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            Ok(Socket::Tcp(stream))
        })
    }

    /// Listens on a Unix socket.
    pub(crate) fn unix(path: &Path, serve: impl Fn(Socket) + Send + Sync + 'static) -> Self {
        let listener = UnixListener::bind(path).expect("the socket's folder is writable");
        Self::run(At::Unix(path.to_owned()), serve, move || {
            Ok(Socket::Unix(listener.accept()?.0))
        })
    }

    fn run(
        at: At,
        serve: impl Fn(Socket) + Send + Sync + 'static,
        accept: impl Fn() -> io::Result<Socket> + Send + 'static,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        let serve = Arc::new(serve);
        let ours = Arc::clone(&shared);
        std::thread::spawn(move || {
            while let Ok(socket) = accept() {
                if ours.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let number = ours.accepted.fetch_add(1, Ordering::SeqCst);
                if let Ok(copy) = socket.try_clone() {
                    ours.open.lock().insert(number, copy);
                }
                let (ours, serve) = (Arc::clone(&ours), Arc::clone(&serve));
                std::thread::spawn(move || {
                    serve(socket);
                    if let Some(copy) = ours.open.lock().remove(&number) {
                        copy.close();
                    }
                });
            }
        });
        Self { at, shared }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        match &self.at {
            At::Tcp(address) => *address,
            At::Unix(path) => panic!("{} is not a TCP address", path.display()),
        }
    }

    /// How many connections it accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Closes every connection; the listener goes on.
    pub(crate) fn hang_up(&self) {
        for (_, socket) in self.shared.open.lock().drain() {
            socket.close();
        }
    }

    /// Closes the listener and every connection.
    pub(crate) fn stop(&self) {
        if self.shared.stopped.swap(true, Ordering::SeqCst) {
            return;
        }
        // One more connection wakes the thread that waits for it; when that fails, nobody waits any more.
        let _woken = match &self.at {
            At::Tcp(address) => TcpStream::connect(address).is_ok(),
            At::Unix(path) => UnixStream::connect(path).is_ok(),
        };
        self.hang_up();
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port on which connections are refused for as long as it is held.
#[derive(Debug)]
pub struct ClosedPort {
    held: socket2::Socket,
}

impl ClosedPort {
    /// Holds a loopback port without listening on it, so that nobody else can.
    pub fn hold() -> Self {
        let held =
            socket2::Socket::new(Domain::IPV4, Type::STREAM, None).expect("sockets are to be had");
        held.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
            .expect("a loopback port is free");
        Self { held }
    }

    /// The address nobody answers at.
    pub fn address(&self) -> SocketAddr {
        self.held
            .local_addr()
            .ok()
            .and_then(|address| address.as_socket())
            .expect("a bound socket has an address")
    }
}
