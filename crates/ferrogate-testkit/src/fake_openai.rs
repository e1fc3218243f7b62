//! An upstream that speaks OpenAI's API, well or badly.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

pub use self::fault::Fault;
pub use self::fleet::FakeFleet;
use self::shape::Surface;
use crate::head::Framing;
use crate::listening::{ClosedPort, Listening};
use crate::record::{Received, Record};
use crate::socket::Socket;
use crate::wire::Wire;

mod bodies;
mod fault;
mod fleet;
mod misbehave;
mod shape;
mod streams;

/// An upstream that speaks OpenAI's API: chat, completions, embeddings, responses; JSON and streams, with usage.
#[derive(Debug)]
pub struct FakeOpenAi {
    place: Place,
    record: Record,
}

#[derive(Debug)]
enum Place {
    Open(Listening),
    Closed(ClosedPort),
}

impl FakeOpenAi {
    /// Starts one that behaves.
    pub fn start() -> Self {
        Self::with_faults(&[])
    }

    /// Starts one whose first answers have these faults, in this order; the ones after them are good.
    pub fn with_faults(faults: &[Fault]) -> Self {
        let faults = faults.to_vec();
        Self::serve(move |index| faults.get(index).copied())
    }

    /// Starts one whose every answer has this fault.
    pub fn always(fault: Fault) -> Self {
        if fault == Fault::Refused {
            return Self {
                place: Place::Closed(ClosedPort::hold()),
                record: Record::default(),
            };
        }
        Self::serve(move |_| Some(fault))
    }

    fn serve(fault: impl Fn(usize) -> Option<Fault> + Send + Sync + 'static) -> Self {
        let record = Record::default();
        let server = Arc::new(Server {
            fault,
            record: record.clone(),
            served: AtomicUsize::new(0),
        });
        let listening = Listening::tcp(move |socket| {
            // A broken connection is the peer's business; tests see it at their end.
            let _ended = server.serve(socket).is_ok();
        });
        Self {
            place: Place::Open(listening),
            record,
        }
    }

    /// Where it listens, or nobody does.
    pub fn address(&self) -> SocketAddr {
        match &self.place {
            Place::Open(listening) => listening.address(),
            Place::Closed(port) => port.address(),
        }
    }

    /// The API root, as an SDK takes it.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address())
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
        match &self.place {
            Place::Open(listening) => listening.accepted(),
            Place::Closed(_) => 0,
        }
    }

    /// The body of each good answer, as sent.
    pub fn answers(&self) -> Vec<Vec<u8>> {
        self.record.look(|events| events.sent.clone())
    }

    /// Bytes written of answers without an end, so far.
    pub fn written(&self) -> usize {
        self.record.look(|events| events.written)
    }

    /// Lets one stalled answer go on and end well; `/health` tells 503 before the first time, and 200 from then on.
    pub fn release(&self) {
        self.record.note(|events| events.released += 1);
    }

    /// Waits for the peer to close during an answer; says whether it did within `limit`.
    pub fn wait_for_hangup(&self, limit: Duration) -> bool {
        self.record.wait_for_hangup(limit)
    }
}

struct Server<F> {
    fault: F,
    record: Record,
    served: AtomicUsize,
}

impl<F: Fn(usize) -> Option<Fault>> Server<F> {
    fn serve(&self, socket: Socket) -> io::Result<()> {
        let mut wire = Wire::new(socket);
        while let Some(head) = wire.head()? {
            let mut body = Vec::new();
            wire.body(head.framing().unwrap_or(Framing::Length(0)), &mut body)?;
            let surface = Surface::at(head.word(1));
            let request: Value = serde_json::from_slice(&body).unwrap_or_default();
            let index = self.served.fetch_add(1, Ordering::SeqCst);
            self.record
                .note(|events| events.received.push(Received { head, body }));
            let head_of = |event: &Received| event.head.word(1).to_owned();
            let asked = self
                .record
                .look(|events| events.received.last().map(head_of));
            if asked.as_deref() == Some("/health") {
                let well = self.record.look(|events| events.released > 0);
                let status = if well { "200 OK" } else { "503 Ill" };
                wire.write(&json_answer(status, "", "{}"))?;
                continue;
            }
            let Some(surface) = surface else {
                wire.write(&misbehave::envelope(404, "Not Found", ""))?;
                continue;
            };
            match (self.fault)(index) {
                None => good(&mut wire, surface, &request, &self.record)?,
                Some(fault) => {
                    misbehave::answer(&mut wire, fault, surface, &request, &self.record)?;
                    if fault.ends_connection() {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
}

/// A good answer; the connection can be used again.
fn good(wire: &mut Wire, surface: Surface, request: &Value, record: &Record) -> io::Result<()> {
    if surface.streams(request) {
        wire.write(STREAM_HEAD)?;
        let events = shape::events(surface, request);
        for event in &events {
            wire.write(&chunk(event.as_bytes()))?;
        }
        record.note(|record| record.sent.push(events.concat().into_bytes()));
        wire.write(b"0\r\n\r\n")
    } else {
        let body = shape::json(surface, request).to_string();
        record.note(|record| record.sent.push(body.clone().into_bytes()));
        wire.write(&json_answer("200 OK", "", &body))
    }
}

const STREAM_HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n";

fn json_answer(status: &str, fields: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{fields}Content-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}
