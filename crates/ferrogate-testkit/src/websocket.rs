//! A WebSocket client for short messages.

use std::io;
use std::net::SocketAddr;

use crate::head::Framing;
use crate::wire::Wire;
use crate::{Head, Request};

/// A WebSocket connection.
#[derive(Debug)]
pub struct WebSocket {
    wire: Wire,
    /// The answer to the handshake.
    pub head: Head,
}

/// The nonce of RFC 6455's own example, section 1.3, and the proof that belongs to it. A fixed pair needs no SHA-1.
pub(crate) const NONCE: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const PROOF: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const TEXT: u8 = 1;
const CLOSE: u8 = 8;

impl WebSocket {
    /// Makes the handshake.
    pub fn connect(address: SocketAddr, target: &str) -> Self {
        let mut client = Request::get(target)
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", NONCE)
            .open(address);
        let head = client.head();
        assert_eq!(head.word(1), "101", "{head:?}");
        assert_eq!(head.field("sec-websocket-accept"), Some(PROOF));
        Self {
            wire: client.wire(),
            head,
        }
    }

    /// Sends a text of at most 125 bytes.
    pub fn send(&mut self, text: &str) {
        self.wire
            .write(&frame(TEXT, text.as_bytes(), Some([1, 2, 3, 4])))
            .expect("the connection is open");
    }

    /// Receives a text.
    pub fn receive(&mut self) -> String {
        match read_frame(&mut self.wire) {
            Ok((TEXT, payload)) => String::from_utf8(payload).expect("texts are UTF-8"),
            other => panic!("not a text: {other:?}"),
        }
    }

    /// Says farewell and waits for the answer.
    pub fn close(mut self) {
        self.wire
            .write(&frame(CLOSE, &[], Some([5, 6, 7, 8])))
            .expect("the connection is open");
        assert!(
            matches!(read_frame(&mut self.wire), Ok((CLOSE, _))),
            "no farewell came back"
        );
    }
}

/// Sends back every frame until a farewell, which it returns as well.
pub(crate) fn echo(wire: &mut Wire) -> io::Result<()> {
    loop {
        let (kind, payload) = read_frame(wire)?;
        wire.write(&frame(kind, &payload, None))?;
        if kind == CLOSE {
            return Ok(());
        }
    }
}

/// A final frame of at most 125 bytes. Source: RFC 6455, section 5.2.
fn frame(kind: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let length = u8::try_from(payload.len())
        .ok()
        .filter(|&length| length < 126)
        .expect("the message is short");
    let mut bytes = vec![0x80 | kind, length | if mask.is_some() { 0x80 } else { 0 }];
    bytes.extend(mask.iter().flatten());
    bytes.extend(masked(payload, mask.unwrap_or_default()));
    bytes
}

fn read_frame(wire: &mut Wire) -> io::Result<(u8, Vec<u8>)> {
    let mut header = Vec::new();
    wire.body(Framing::Length(2), &mut header)?;
    let &[first, second] = header.as_slice() else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let mut mask = Vec::new();
    if second & 0x80 != 0 {
        wire.body(Framing::Length(4), &mut mask)?;
    }
    let mut payload = Vec::new();
    wire.body(Framing::Length(usize::from(second & 0x7f)), &mut payload)?;
    let mask: [u8; 4] = mask.try_into().unwrap_or_default();
    Ok((first & 0x0f, masked(&payload, mask).collect()))
}

fn masked(payload: &[u8], mask: [u8; 4]) -> impl Iterator<Item = u8> {
    payload
        .iter()
        .zip(mask.into_iter().cycle())
        .map(|(byte, mask)| byte ^ mask)
}
