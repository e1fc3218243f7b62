//! The little of HTTP/1.1 that keeps a connection going.

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The head of a message: its start line and where its body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Three digits of an answer; 0 of a request.
    pub(crate) status: u16,
    /// Announced bytes of the body; `None` = chunked.
    pub(crate) length: Option<usize>,
    /// Bytes of the head itself.
    pub(crate) size: usize,
}

/// The end of a chunked body.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Reads until a head is complete; `None` when the peer closed before one began.
pub(crate) async fn head<R: AsyncRead + Unpin>(
    reader: &mut R,
    buffer: &mut BytesMut,
) -> std::io::Result<Option<Head>> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            return Ok(Some(parse(buffer.get(..end + 4).unwrap_or_default())));
        }
        if reader.read_buf(buffer).await? == 0 {
            return if buffer.is_empty() {
                Ok(None)
            } else {
                Err(std::io::ErrorKind::UnexpectedEof.into())
            };
        }
    }
}

/// Reads and drops a body of which the head was taken out of the buffer. Says how many bytes it had on the wire, and
/// whether `marker` stood at its end.
///
/// Chunk sizes are not followed: the end of a chunked body is recognised by its last bytes, which none of the bodies
/// measured here contain elsewhere. Nothing must come behind it, as is so without pipelining.
pub(crate) async fn skip_body<R: AsyncRead + Unpin>(
    reader: &mut R,
    buffer: &mut BytesMut,
    length: Option<usize>,
    marker: &[u8],
) -> std::io::Result<(usize, bool)> {
    const KEPT: usize = 256;
    let mut seen = 0;
    loop {
        let complete = match length {
            Some(length) => seen + buffer.len() >= length,
            None => buffer.ends_with(LAST_CHUNK),
        };
        if complete {
            let total = seen + buffer.len();
            let marked =
                marker.is_empty() || buffer.windows(marker.len()).any(|window| window == marker);
            buffer.clear();
            return Ok((total, marked));
        }
        if buffer.len() > KEPT {
            seen += buffer.len() - KEPT;
            let tail = buffer.split_off(buffer.len() - KEPT);
            *buffer = tail;
            buffer.reserve(16 << 10);
        }
        if reader.read_buf(buffer).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn parse(bytes: &[u8]) -> Head {
    let mut lines = bytes.split(|&byte| byte == b'\n');
    let start = lines.next().unwrap_or_default();
    let text = |bytes: &[u8]| {
        std::str::from_utf8(bytes)
            .map(str::trim)
            .unwrap_or_default()
            .to_owned()
    };
    let status = start
        .strip_prefix(b"HTTP/1.1 ")
        .and_then(|rest| text(rest.get(..3)?).parse().ok())
        .unwrap_or(0);
    let mut length = (status == 0).then_some(0);
    for line in lines {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else {
            continue;
        };
        let (name, value) = line.split_at(colon);
        if name.eq_ignore_ascii_case(b"content-length") {
            length = text(value.get(1..).unwrap_or_default()).parse().ok();
        }
    }
    Head {
        status,
        length,
        size: bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bodies_end_where_they_should() {
        for (wire, marker, expected) in [
            (
                &b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"[..],
                &b""[..],
                (3, true),
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                b"abc",
                (13, true),
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                b"xyz",
                (13, false),
            ),
        ] {
            for piece in [1, 2, 1000] {
                let mut reader = tokio_test_reader(wire, piece);
                let mut buffer = BytesMut::new();
                let head = head(&mut reader, &mut buffer).await.unwrap().unwrap();
                assert_eq!(head.status, 200);
                let _taken = buffer.split_to(head.size);
                let body = skip_body(&mut reader, &mut buffer, head.length, marker)
                    .await
                    .unwrap();
                assert_eq!(body, expected, "{piece}");
            }
        }
    }

    /// A reader that gives `piece` bytes at a time.
    fn tokio_test_reader(wire: &'static [u8], piece: usize) -> impl AsyncRead + Unpin {
        struct Pieces(&'static [u8], usize);
        impl AsyncRead for Pieces {
            fn poll_read(
                mut self: std::pin::Pin<&mut Self>,
                _context: &mut std::task::Context<'_>,
                into: &mut tokio::io::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let (now, later) = self
                    .0
                    .split_at(self.1.min(self.0.len()).min(into.remaining()));
                into.put_slice(now);
                self.0 = later;
                std::task::Poll::Ready(Ok(()))
            }
        }
        Pieces(wire, piece)
    }
}
