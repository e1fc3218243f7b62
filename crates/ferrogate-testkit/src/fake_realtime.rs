//! A provider of Realtime sessions.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::listening::Listening;
use crate::record::{Received, Record};
use crate::socket::Socket;
use crate::websocket;
use crate::wire::Wire;

/// A server that opens a WebSocket for whoever shows its key, and answers each text as a test says.
#[derive(Debug)]
pub struct FakeRealtime {
    listening: Listening,
    record: Record,
}

/// The key it wants as `Authorization: Bearer`, or as `api-key`.
const KEY: &str = "sk-upstream";

impl FakeRealtime {
    /// Starts one on a loopback port; `answer` says which texts a text is answered with.
    pub fn start(answer: impl Fn(&str) -> Vec<String> + Send + Sync + 'static) -> Self {
        let record = Record::default();
        let noted = record.clone();
        let serve = move |socket: Socket| {
            if serve(socket, &noted, &answer).is_err() {
                noted.note(|events| events.hangups += 1);
            }
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

    /// The handshakes so far.
    pub fn requests(&self) -> Vec<Received> {
        self.record.look(|events| events.received.clone())
    }

    /// Waits for a session to end without a farewell; says whether it did within `limit`.
    pub fn wait_for_hangup(&self, limit: Duration) -> bool {
        self.record.wait_for_hangup(limit)
    }

    /// Dies: the listener and every connection are closed.
    pub fn die(&self) {
        self.listening.stop();
    }
}

fn serve(socket: Socket, record: &Record, answer: &dyn Fn(&str) -> Vec<String>) -> io::Result<()> {
    let mut wire = Wire::new(socket);
    let Some(head) = wire.head()? else {
        return Ok(());
    };
    let bearer = format!("Bearer {KEY}");
    let known =
        head.field("authorization") == Some(bearer.as_str()) || head.field("api-key") == Some(KEY);
    let protocol = head.field("sec-websocket-protocol").and_then(|offered| {
        let first = offered.split(',').next()?.trim();
        Some(format!("Sec-WebSocket-Protocol: {first}\r\n"))
    });
    record.note(|events| {
        events.received.push(Received {
            head,
            body: Vec::new(),
        });
    });
    if !known {
        let body = format!(r#"{{"error":{{"message":"Incorrect API key: {KEY}"}}}}"#);
        let refusal = format!(
            "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        return wire.write(refusal.as_bytes());
    }
    let handshake = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {}\r\n{}\r\n",
        websocket::PROOF,
        protocol.unwrap_or_default()
    );
    wire.write(handshake.as_bytes())?;
    while let Some(text) = websocket::client_text(&mut wire)? {
        for said in answer(&text) {
            wire.write(&websocket::server_text(&said))?;
        }
    }
    wire.write(&websocket::server_close())
}
