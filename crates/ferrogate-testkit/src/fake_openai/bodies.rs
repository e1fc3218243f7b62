//! Answers whose body is not what it should be, as a whole.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::fault::Fault;
use super::shape::{self, Surface};
use super::{STREAM_HEAD, chunk};

/// An answer with a fault of its body.
pub(super) fn answer(fault: Fault, surface: Surface, request: &Value) -> Vec<u8> {
    let stream = surface.streams(request);
    let body = if stream {
        shape::events(surface, request).concat().into_bytes()
    } else {
        shape::json(surface, request).to_string().into_bytes()
    };
    // Behind the first event of a stream, in the middle of a body.
    let middle = if stream {
        shape::events(surface, request)[0].len() + 20
    } else {
        body.len() / 2
    };
    let cut = body.get(..middle).unwrap_or_default();
    match fault {
        Fault::LengthTooLong => with_length(stream, "", body.len() + 100, &body),
        Fault::LengthTooShort => with_length(stream, "", middle, &body),
        Fault::NotUtf8 => whole(
            stream,
            "",
            b"{\"choices\":[{\"message\":{\"content\":\"\xff\xfe\"}}]}",
        ),
        Fault::Compressed => whole(stream, GZIP, &gzip(&body)),
        Fault::CompressedBroken => {
            let mut bytes = gzip(&body);
            for byte in bytes.iter_mut().skip(12) {
                *byte ^= 0x5a;
            }
            whole(stream, GZIP, &bytes)
        }
        Fault::Trailers => {
            let end = b"0\r\nX-Trailer: behind\r\nServer-Timing: a;dur=1\r\n\r\n";
            [
                head(stream).as_bytes(),
                b"Transfer-Encoding: chunked\r\n\r\n",
                &chunk(&body),
                end,
            ]
            .concat()
        }
        _ => whole(stream, "", cut),
    }
}

const GZIP: &str = "Content-Encoding: gzip\r\n";

fn head(stream: bool) -> String {
    let kind = if stream {
        "text/event-stream"
    } else {
        "application/json"
    };
    format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n")
}

/// With the framing that such an answer usually has.
fn whole(stream: bool, fields: &str, body: &[u8]) -> Vec<u8> {
    if stream && fields.is_empty() {
        return [STREAM_HEAD, &chunk(body), b"0\r\n\r\n"].concat();
    }
    with_length(stream, fields, body.len(), body)
}

fn with_length(stream: bool, fields: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let head = format!("{}{fields}Content-Length: {length}\r\n\r\n", head(stream));
    [head.as_bytes(), body].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .expect("memory takes what is written")
}
