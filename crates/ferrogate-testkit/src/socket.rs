//! A connected socket of either family.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use socket2::SockRef;

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(stream) => stream.try_clone().map(Self::Tcp),
            Self::Unix(stream) => stream.try_clone().map(Self::Unix),
        }
    }

    pub(crate) fn set_read_timeout(&self, limit: Duration) -> io::Result<()> {
        self.as_ref().set_read_timeout(Some(limit))
    }

    /// Ends both directions for every holder of the socket.
    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.as_ref().shutdown(how)
    }

    /// Makes it close with a reset instead of a farewell, when the last holder drops it.
    pub(crate) fn reset(&self) {
        // The peer may be gone already, and then there is nobody to reset.
        let _lingers = self.as_ref().set_linger(Some(Duration::ZERO)).is_ok();
    }

    /// Closes with a farewell for every holder, unless a reset was asked for.
    pub(crate) fn close(self) {
        let resets = matches!(self.as_ref().linger(), Ok(Some(Duration::ZERO)));
        if !resets {
            // The peer may have closed before.
            let _closed = self.shutdown(Shutdown::Both).is_ok();
        }
    }

    /// Whether the peer closes within `limit`. Bytes it sends meanwhile are dropped.
    pub(crate) fn closes_within(&mut self, limit: Duration) -> bool {
        if self.set_read_timeout(limit).is_err() {
            return true;
        }
        let mut dropped = [0; 4096];
        let closed = loop {
            match self.read(&mut dropped) {
                Ok(0) => break true,
                Ok(_) => {}
                Err(error) => {
                    break !matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                    );
                }
            }
        };
        // Whoever reads from it next waits as long as it takes.
        let waits = self.as_ref().set_read_timeout(None).is_ok();
        closed || !waits
    }

    fn as_ref(&self) -> SockRef<'_> {
        match self {
            Self::Tcp(stream) => SockRef::from(stream),
            Self::Unix(stream) => SockRef::from(stream),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            Self::Unix(stream) => stream.flush(),
        }
    }
}
