//! A provider whose wire a test describes.

use std::io;
use std::net::SocketAddr;

use crate::head::Framing;
use crate::listening::Listening;
use crate::record::{Received, Record};
use crate::socket::Socket;
use crate::wire::Wire;

/// A server that answers each request as a test says.
#[derive(Debug)]
pub struct FakeProvider {
    listening: Listening,
    record: Record,
}

/// What it answers.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status with its reason, such as `200 OK`.
    pub status: &'static str,
    /// The media type.
    pub content_type: &'static str,
    /// Further fields.
    pub fields: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// A JSON body.
    pub fn json(status: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            content_type: "application/json",
            fields: Vec::new(),
            body: body.into(),
        }
    }

    /// A stream of that media type.
    pub fn stream(content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: "200 OK",
            content_type,
            fields: Vec::new(),
            body: body.into(),
        }
    }
}

impl FakeProvider {
    /// Starts one on a loopback port.
    pub fn start(answer: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let record = Record::default();
        let noted = record.clone();
        let serve = move |socket: Socket| {
            // A broken connection is the peer's business; tests see it at their end.
            let _ended = serve(socket, &noted, &answer).is_ok();
        };
        Self {
            listening: Listening::tcp(serve),
            record,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Received> {
        self.record.look(|events| events.received.clone())
    }
}

fn serve(socket: Socket, record: &Record, answer: &dyn Fn(&Received) -> Reply) -> io::Result<()> {
    let mut wire = Wire::new(socket);
    while let Some(head) = wire.head()? {
        let mut body = Vec::new();
        wire.body(head.framing().unwrap_or(Framing::Length(0)), &mut body)?;
        let received = Received { head, body };
        let reply = answer(&received);
        record.note(|events| events.received.push(received));
        let mut head = format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nTransfer-Encoding: chunked\r\n",
            reply.status, reply.content_type
        );
        for (name, value) in &reply.fields {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("\r\n");
        wire.write(head.as_bytes())?;
        // In small pieces, as a network brings them.
        for piece in reply.body.chunks(97) {
            wire.write(&[format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat())?;
        }
        wire.write(b"0\r\n\r\n")?;
    }
    Ok(())
}
