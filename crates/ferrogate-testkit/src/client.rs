//! A connection on which a test writes what it likes.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::head::{Framing, Head};
use crate::socket::Socket;
use crate::wire::Wire;
use crate::{PATIENCE, Response};

/// A connection to the gateway.
#[derive(Debug)]
pub struct Client {
    wire: Wire,
}

impl Client {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address)
            .unwrap_or_else(|error| panic!("connecting to {address}: {error}"))
    }

    /// Connects, or says why not.
    pub fn try_connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        let socket = Socket::Tcp(stream);
        socket.set_read_timeout(PATIENCE)?;
        Ok(Self {
            wire: Wire::new(socket),
        })
    }

    /// Writes bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).expect("the gateway takes the bytes");
    }

    /// Writes bytes as they are, to a peer that may have closed.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.wire.write(bytes.as_ref())
    }

    /// Reads a head; checks that it carries an id.
    pub fn head(&mut self) -> Head {
        let head = self
            .try_head()
            .unwrap_or_else(|error| panic!("no answer: {error}"));
        check_request_id(&head);
        head
    }

    /// Reads a head, interim answers (1xx other than 101) skipped.
    fn try_head(&mut self) -> io::Result<Head> {
        loop {
            let head = self.wire.head()?;
            let head = head.ok_or_else(|| {
                io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed")
            })?;
            if !head.word(1).starts_with('1') || head.word(1) == "101" {
                return Ok(head);
            }
        }
    }

    /// Reads a whole answer.
    pub fn response(&mut self) -> Response {
        self.response_to("GET")
    }

    /// Reads a whole answer to a request with this method: one to `HEAD` has no body whatever it says.
    pub fn response_to(&mut self, method: &str) -> Response {
        let head = self.head();
        self.rest(head, method)
    }

    /// Reads an answer of a peer that may go at any moment; an error when it went before the head.
    pub fn try_response(&mut self) -> io::Result<Response> {
        let head = self.try_head()?;
        check_request_id(&head);
        Ok(self.rest(head, "GET"))
    }

    /// Reads an answer of which the head is known.
    pub(crate) fn rest(&mut self, head: Head, method: &str) -> Response {
        let status: u16 = head
            .word(1)
            .parse()
            .unwrap_or_else(|_| panic!("no status in {:?}", head.start));
        let bodiless = method == "HEAD" || status < 200 || matches!(status, 204 | 304);
        let framing = if bodiless {
            Framing::Length(0)
        } else {
            head.framing().unwrap_or(Framing::UntilClose)
        };
        let mut body = Vec::new();
        let complete = match self.wire.body(framing, &mut body) {
            Ok(()) => true,
            Err(error) if is_timeout(&error) => {
                panic!("the body stalled after {} bytes", body.len())
            }
            Err(_) => false,
        };
        Response {
            status,
            head,
            body,
            complete,
        }
    }

    /// The next chunk of a chunked body; nothing at its end.
    pub fn chunk(&mut self) -> Option<Vec<u8>> {
        self.wire.chunk().expect("the body goes on or ends")
    }

    /// Reads chunks until the body holds `text`; everything read so far comes back.
    pub fn chunks_until(&mut self, text: &str) -> String {
        let mut seen = String::new();
        while !seen.contains(text) {
            let chunk = self
                .chunk()
                .unwrap_or_else(|| panic!("the body ended without {text:?}: {seen}"));
            seen.push_str(&String::from_utf8_lossy(&chunk));
        }
        seen
    }

    /// Whatever comes until the peer closes, which it must.
    pub fn until_closed(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            match self.wire.available() {
                Ok(bytes) if bytes.is_empty() => return all,
                Ok(bytes) => all.extend(bytes),
                Err(error) if is_timeout(&error) => panic!("the connection stays open"),
                Err(_) => return all,
            }
        }
    }

    /// Stays for so long, or until the peer closes, and drops what comes; of no use for another answer then.
    pub fn linger(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // A socket takes no time at all for no limit.
            if left.is_zero() || self.wire.socket.set_read_timeout(left).is_err() {
                return;
            }
            match self.wire.available() {
                Ok(bytes) if !bytes.is_empty() => {}
                _ => return,
            }
        }
    }

    /// Says that no more will be sent.
    pub fn finish(&mut self) {
        self.wire
            .socket
            .shutdown(Shutdown::Write)
            .expect("the connection is open");
    }

    /// Leaves with a reset, as a killed process does.
    pub fn reset(self) {
        self.wire.socket.reset();
    }

    pub(crate) fn wire(self) -> Wire {
        self.wire
    }
}

/// Every answer carries the id of its request: 32 lower-case hexadecimal digits.
pub(crate) fn check_request_id(head: &Head) {
    let ids: Vec<&str> = head.all("x-request-id").collect();
    let well_formed =
        |id: &&str| id.len() == 32 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    assert!(
        ids.len() == 1 && ids.iter().all(well_formed),
        "x-request-id is {ids:?} in {head:?}"
    );
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
