//! A WebSocket client.

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
        Self::open(Request::get(target), address)
    }

    /// Makes the handshake with the fields of `request`.
    pub fn open(request: Request, address: SocketAddr) -> Self {
        let mut client = Self::handshake(request).open(address);
        let head = client.head();
        assert_eq!(head.word(1), "101", "{head:?}");
        assert_eq!(head.field("sec-websocket-accept"), Some(PROOF));
        Self {
            wire: client.wire(),
            head,
        }
    }

    /// A request with the fields of a handshake.
    pub fn handshake(request: Request) -> Request {
        request
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", NONCE)
    }

    /// Sends a text.
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

    /// Waits for the end of the connection without a farewell.
    pub fn ended(mut self) {
        assert!(
            matches!(self.wire.head(), Ok(None)),
            "the connection goes on"
        );
    }

    /// Waits for the peer's farewell, whatever comes before it, and for the end of the connection; returns code and
    /// reason.
    pub fn farewell(mut self) -> (u16, String) {
        let payload = loop {
            let (kind, payload) = read_frame(&mut self.wire).expect("a farewell comes");
            if kind == CLOSE {
                break payload;
            }
        };
        let (code, reason) = payload.split_at_checked(2).expect("a farewell has a code");
        assert!(
            matches!(self.wire.head(), Ok(None)),
            "the connection goes on after its farewell"
        );
        let code = u16::from_be_bytes([code[0], code[1]]);
        (code, String::from_utf8_lossy(reason).into_owned())
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

/// A final text frame of a server.
pub(crate) fn server_text(text: &str) -> Vec<u8> {
    frame(TEXT, text.as_bytes(), None)
}

/// A server's farewell that answers a client's.
pub(crate) fn server_close() -> Vec<u8> {
    frame(CLOSE, &[], None)
}

/// The next message of a client in one frame; nothing for a farewell.
pub(crate) fn client_text(wire: &mut Wire) -> io::Result<Option<String>> {
    let (kind, payload) = read_frame(wire)?;
    if kind == CLOSE {
        return Ok(None);
    }
    let text = String::from_utf8(payload);
    text.map(Some)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// A final frame. Source: RFC 6455, section 5.2.
fn frame(kind: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let masked_bit = if mask.is_some() { 0x80 } else { 0 };
    let mut bytes = vec![0x80 | kind];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ ..126), _) => bytes.push(length | masked_bit),
        (_, Ok(length)) => {
            bytes.push(0x7e | masked_bit);
            bytes.extend(length.to_be_bytes());
        }
        _ => {
            bytes.push(0x7f | masked_bit);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
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
    let mut long = Vec::new();
    let length = match second & 0x7f {
        short @ ..126 => usize::from(short),
        code => {
            let size = if code == 126 { 2 } else { 8 };
            wire.body(Framing::Length(size), &mut long)?;
            long.iter()
                .fold(0, |length, &byte| length << 8 | usize::from(byte))
        }
    };
    let mut mask = Vec::new();
    if second & 0x80 != 0 {
        wire.body(Framing::Length(4), &mut mask)?;
    }
    let mut payload = Vec::new();
    wire.body(Framing::Length(length), &mut payload)?;
    let mask: [u8; 4] = mask.try_into().unwrap_or_default();
    Ok((first & 0x0f, masked(&payload, mask).collect()))
}

fn masked(payload: &[u8], mask: [u8; 4]) -> impl Iterator<Item = u8> {
    payload
        .iter()
        .zip(mask.into_iter().cycle())
        .map(|(byte, mask)| byte ^ mask)
}
