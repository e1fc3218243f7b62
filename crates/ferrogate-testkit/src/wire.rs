//! Reading HTTP/1.1 messages from a socket.

use std::io::{self, Read, Write};

use crate::head::{Framing, Head};
use crate::socket::Socket;

/// A socket with what was read from it but belongs to the next message.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) socket: Socket,
    buffer: Vec<u8>,
}

impl Wire {
    pub(crate) fn new(socket: Socket) -> Self {
        Self {
            socket,
            buffer: Vec::new(),
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)?;
        self.socket.flush()
    }

    /// The next head; nothing when the peer closed before its first byte.
    pub(crate) fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
                return Ok(Some(Head::parse(&head)));
            }
            if !self.fill()? {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(cut())
                };
            }
        }
    }

    /// Appends a body to `out`; an error tells that it ended early, with what had come in `out`.
    pub(crate) fn body(&mut self, framing: Framing, out: &mut Vec<u8>) -> io::Result<()> {
        match framing {
            Framing::Length(length) => {
                while self.buffer.len() < length {
                    if !self.fill()? {
                        out.append(&mut self.buffer);
                        return Err(cut());
                    }
                }
                out.extend(self.buffer.drain(..length));
            }
            Framing::Chunked => {
                while let Some(chunk) = self.chunk()? {
                    out.extend(chunk);
                }
            }
            Framing::UntilClose => {
                while self.fill()? {}
                out.append(&mut self.buffer);
            }
        }
        Ok(())
    }

    /// The next chunk; nothing at the last one, whose trailers are dropped.
    pub(crate) fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let line = self.line()?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let length = usize::from_str_radix(digits, 16).map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("`{line}` is not the size of a chunk"),
            )
        })?;
        if length == 0 {
            while !self.line()?.is_empty() {}
            return Ok(None);
        }
        let mut chunk = Vec::new();
        self.body(Framing::Length(length), &mut chunk)?;
        if self.line()?.is_empty() {
            Ok(Some(chunk))
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a chunk is longer than it says",
            ))
        }
    }

    /// Everything that was read and not used, or what comes with one more read; empty at the end.
    pub(crate) fn available(&mut self) -> io::Result<Vec<u8>> {
        if self.buffer.is_empty() {
            self.fill()?;
        }
        Ok(std::mem::take(&mut self.buffer))
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if !self.fill()? {
                return Err(cut());
            }
        }
    }

    /// Reads once; `false` at the end.
    fn fill(&mut self) -> io::Result<bool> {
        let mut bytes = [0; 16 << 10];
        let count = self.socket.read(&mut bytes)?;
        self.buffer.extend(bytes.iter().take(count));
        Ok(count > 0)
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the message ended early")
}
