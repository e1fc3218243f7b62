//! A plain web server that tells what it was asked.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;

use crate::head::Framing;
use crate::listening::Listening;
use crate::record::{Received, Record};
use crate::socket::Socket;
use crate::wire::Wire;
use crate::{Head, websocket};

/// A plain web server.
///
/// | path | answer |
/// |---|---|
/// | `/bytes/N` | `N` bytes with a length |
/// | `/chunked/N` | `N` chunks of ten bytes |
/// | `/status/N` | that status |
/// | `/hold` | nothing until [`release`](Self::release) |
/// | `/duplex` | each chunk of the request sent back as it comes |
/// | `/drop` | the connection is closed without an answer |
/// | `/hints` | early hints, and after [`release`](Self::release) the connection is closed |
/// | `/cut` | half of a body that announced its length |
/// | `/hops` | fields that concern one connection only |
/// | `/ws` | a WebSocket that sends back what it gets |
/// | one that was [published](Self::publish) | what was published there |
/// | anything else | the request as JSON, with the server's name |
#[derive(Debug)]
pub struct FakeHttp {
    listening: Listening,
    record: Record,
    documents: Documents,
}

/// Statuses and documents by their path.
type Documents = Arc<Mutex<HashMap<String, (u16, String)>>>;

impl FakeHttp {
    /// Starts one on a loopback port.
    pub fn start(name: &str) -> Self {
        let documents = Documents::default();
        let (record, serve) = serving(name, &documents);
        Self {
            listening: Listening::tcp(serve),
            record,
            documents,
        }
    }

    /// Starts one on a Unix socket.
    pub fn start_unix(name: &str, path: &Path) -> Self {
        let documents = Documents::default();
        let (record, serve) = serving(name, &documents);
        Self {
            listening: Listening::unix(path, serve),
            record,
            documents,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// Answers requests of a path with a status and a JSON document from now on.
    pub fn publish(&self, path: &str, status: u16, document: &str) {
        let mut documents = self.documents.lock();
        documents.insert(path.to_owned(), (status, document.to_owned()));
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Received> {
        self.record.look(|events| events.received.clone())
    }

    /// Waits until this many requests have arrived in all.
    pub fn wait_for_requests(&self, count: usize) {
        self.record.wait_for_requests(count);
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.listening.accepted()
    }

    /// Lets one held answer go.
    pub fn release(&self) {
        self.record.note(|events| events.released += 1);
    }

    /// Waits for the peer to close during a held answer; says whether it did within `limit`.
    pub fn wait_for_hangup(&self, limit: Duration) -> bool {
        self.record.wait_for_hangup(limit)
    }

    /// Dies: the listener and every connection are closed.
    pub fn die(&self) {
        self.listening.stop();
    }
}

fn serving(name: &str, documents: &Documents) -> (Record, impl Fn(Socket) + Send + Sync + 'static) {
    let record = Record::default();
    let server = Arc::new(Server {
        name: name.to_owned(),
        record: record.clone(),
        documents: Arc::clone(documents),
    });
    let serve = move |socket| {
        // A broken connection is the peer's business; tests see it at their end.
        let _ended = server.serve(socket).is_ok();
    };
    (record, serve)
}

struct Server {
    name: String,
    record: Record,
    documents: Documents,
}

enum Next {
    Request,
    Close,
}

impl Server {
    fn serve(&self, socket: Socket) -> io::Result<()> {
        let mut wire = Wire::new(socket);
        while let Some(head) = wire.head()? {
            if let Next::Close = self.answer(&mut wire, head)? {
                break;
            }
        }
        Ok(())
    }

    fn answer(&self, wire: &mut Wire, head: Head) -> io::Result<Next> {
        let target = head.word(1).to_owned();
        if target == "/duplex" {
            self.note(head, Vec::new());
            return duplex(wire);
        }
        let mut body = Vec::new();
        wire.body(head.framing().unwrap_or(Framing::Length(0)), &mut body)?;
        self.note(head.clone(), body.clone());
        let published = self.documents.lock().get(&target).cloned();
        if let Some((status, document)) = published {
            let status = format!("{status} Published");
            whole(wire, &status, "application/json", document.as_bytes())?;
            return Ok(next(&head));
        }
        let (_, kind, argument) = split(&target);
        let number: usize = argument.parse().unwrap_or_default();
        match kind {
            "bytes" => whole(wire, "200 OK", "application/octet-stream", &vec![b'x'; number])?,
            "status" => whole(wire, &format!("{number} As Asked"), "text/plain", argument.as_bytes())?,
            "chunked" => {
                wire.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
                for index in 0..number {
                    wire.write(format!("a\r\nchunk{index:05}\r\n").as_bytes())?;
                }
                wire.write(b"0\r\n\r\n")?;
            }
            "hold" => {
                if self.record.hold(&wire.socket)? {
                    wire.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 8\r\n\r\nreleased")?;
                }
                return Ok(Next::Close);
            }
            "drop" => return Ok(Next::Close),
            "hints" => {
                wire.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")?;
                self.record.hold(&wire.socket)?;
                return Ok(Next::Close);
            }
            "cut" => {
                wire.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf.")?;
                return Ok(Next::Close);
            }
            "hops" => wire.write(
                b"HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-Kept: 1\r\n\
                  X-Removed: 1\r\nContent-Length: 0\r\n\r\n",
            )?,
            "ws" => {
                let handshake = format!(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Accept: {}\r\n\r\n",
                    websocket::PROOF
                );
                wire.write(handshake.as_bytes())?;
                websocket::echo(wire)?;
                return Ok(Next::Close);
            }
            _ => whole(wire, "200 OK", "application/json", self.describe(&head, &body).as_bytes())?,
        }
        Ok(next(&head))
    }

    fn note(&self, head: Head, body: Vec<u8>) {
        self.record
            .note(|events| events.received.push(Received { head, body }));
    }

    fn describe(&self, head: &Head, body: &[u8]) -> String {
        let fields: Vec<[String; 2]> = head
            .fields
            .iter()
            .map(|(name, value)| [name.to_ascii_lowercase(), value.clone()])
            .collect();
        json!({
            "server": self.name,
            "method": head.word(0),
            "target": head.word(1),
            "fields": fields,
            "body": String::from_utf8_lossy(body),
        })
        .to_string()
    }
}

/// What comes after an answer to a request.
fn next(head: &Head) -> Next {
    let last = head
        .field("connection")
        .is_some_and(|value| value.eq_ignore_ascii_case("close"));
    if last { Next::Close } else { Next::Request }
}

fn split(target: &str) -> (&str, &str, &str) {
    let mut parts = target.splitn(3, '/');
    let mut next = || parts.next().unwrap_or_default();
    (next(), next(), next())
}

fn whole(wire: &mut Wire, status: &str, kind: &str, body: &[u8]) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    wire.write(&[head.as_bytes(), body].concat())
}

/// Answers while the request is still being sent: nothing on the way may wait for its end.
fn duplex(wire: &mut Wire) -> io::Result<Next> {
    wire.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    while let Some(chunk) = wire.chunk()? {
        wire.write(&[format!("{:x}\r\n", chunk.len()).as_bytes(), &chunk, b"\r\n"].concat())?;
    }
    wire.write(b"0\r\n\r\n")?;
    Ok(Next::Request)
}
