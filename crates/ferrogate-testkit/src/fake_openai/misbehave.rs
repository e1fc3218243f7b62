//! Answers with a fault.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};

use super::fault::Fault;
use super::shape::{self, Surface};
use super::{STREAM_HEAD, bodies, chunk, good, json_answer, streams};
use crate::record::Record;
use crate::wire::Wire;

const HTML: &str = "<html><head><title>500</title></head><body><h1>Oops</h1></body></html>";

/// Answers with a fault.
pub(super) fn answer(
    wire: &mut Wire,
    fault: Fault,
    surface: Surface,
    request: &Value,
    record: &Record,
) -> io::Result<()> {
    let stream = surface.streams(request);
    let head: &[u8] = if stream {
        STREAM_HEAD
    } else {
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n"
    };
    match fault {
        Fault::Refused
        | Fault::Unresolved
        | Fault::Unreachable
        | Fault::NotTls
        | Fault::Untrusted => panic!("{fault:?} is not what a listener does; use `FakeFleet`"),
        Fault::ClosedBeforeAnswer => {}
        Fault::ClosedInHeader => wire.write(b"HTTP/1.1 200 OK\r\nContent-Type: applicat")?,
        Fault::ClosedAfterHeader => wire.write(head)?,
        Fault::ClosedAfterEvents(count) => events(wire, count, surface, request)?,
        Fault::ResetBeforeAnswer => wire.socket.reset(),
        Fault::ResetAfterHeader => {
            wire.write(head)?;
            wire.socket.reset();
        }
        Fault::ResetAfterEvents(count) => {
            events(wire, count, surface, request)?;
            wire.socket.reset();
        }
        Fault::StallBeforeHeader => {
            if record.hold(&wire.socket)? {
                good(wire, surface, request, record)?;
            }
        }
        Fault::StallAfterEvents(count) => {
            events(wire, count, surface, request)?;
            if record.hold(&wire.socket)? {
                for event in shape::events(surface, request).iter().skip(count) {
                    wire.write(&chunk(event.as_bytes()))?;
                }
                wire.write(b"0\r\n\r\n")?;
            }
        }
        Fault::HeaderDrip => {
            wire.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")?;
            until_gone(wire, b"s", record);
        }
        Fault::OnlyComments => {
            wire.write(STREAM_HEAD)?;
            until_gone(wire, &chunk(b": PROCESSING\n\n"), record);
        }
        Fault::EndlessDrip => {
            let more = endless_head(wire, surface, request)?;
            until_gone(wire, &more, record);
        }
        Fault::SlowDrip => {
            for bytes in whole(surface, request).chunks(16) {
                // Waiting for the peer to leave is the pause.
                if wire.socket.closes_within(Duration::from_millis(1)) {
                    record.note(|events| events.hangups += 1);
                    return Ok(());
                }
                wire.write(bytes)?;
            }
        }
        Fault::TruncatedBody if stream => {
            wire.write(STREAM_HEAD)?;
            wire.write(b"fff\r\ndata: {\"choi")?;
        }
        Fault::TruncatedBody => {
            wire.write(head)?;
            wire.write(b"{\"id\":\"chatcmpl-fake\",\"choices\":[{\"index\":0,")?;
        }
        Fault::TruncatedStream(count) => {
            events(wire, count, surface, request)?;
            wire.write(b"0\r\n\r\n")?;
        }
        Fault::DoneMissing => {
            let count = shape::events(surface, request).len() - 1;
            events(wire, count, surface, request)?;
            wire.write(b"0\r\n\r\n")?;
        }
        Fault::HalfCharacters => {
            wire.write(STREAM_HEAD)?;
            for two in shape::events(surface, request)
                .concat()
                .as_bytes()
                .chunks(2)
            {
                wire.write(&chunk(two))?;
            }
            wire.write(b"0\r\n\r\n")?;
        }
        Fault::RateLimited(seconds) => {
            wire.write(&envelope(
                429,
                "Too Many Requests",
                &format!("Retry-After: {seconds}\r\n"),
            ))?;
        }
        Fault::HtmlError => {
            let length = HTML.len();
            let answer = format!(
                "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n{HTML}"
            );
            wire.write(answer.as_bytes())?;
        }
        Fault::StatusWith(status, fields) => wire.write(&envelope(status, "As Asked", fields))?,
        Fault::Redirect(status) => {
            let fields = "Location: http://127.0.0.1:9/v1/chat/completions\r\n";
            wire.write(&envelope(status, "Elsewhere", fields))?;
        }
        Fault::Interim => {
            wire.write(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            wire.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")?;
            good(wire, surface, request, record)?;
        }
        Fault::SwitchesProtocols => wire.write(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: surprise\r\n\r\n",
        )?,
        Fault::Bodiless(status) => {
            let length = if status == 204 {
                ""
            } else {
                "Content-Length: 0\r\n"
            };
            wire.write(format!("HTTP/1.1 {status} Nothing\r\n{length}\r\n").as_bytes())?;
        }
        Fault::Code(status, code) => {
            let mut error = error();
            error["error"]["code"] = code.into();
            let status = format!("{status} As Asked");
            wire.write(&json_answer(&status, "", &error.to_string()))?;
        }
        Fault::Status(status) => wire.write(&envelope(status, "As Asked", ""))?,
        Fault::TellsCredential => {
            wire.write(&json_answer(
                "401 Unauthorized",
                "",
                &telling(record).to_string(),
            ))?;
        }
        Fault::TellsCredentialAfterEvents(count) => {
            events(wire, count, surface, request)?;
            wire.write(&chunk(format!("data: {}\n\n", telling(record)).as_bytes()))?;
            wire.write(b"0\r\n\r\n")?;
        }
        Fault::ErrorInAnswer => wire.write(&json_answer("200 OK", "", &error().to_string()))?,
        Fault::ErrorFirst => error_after(wire, 0, surface, request)?,
        Fault::ErrorAfterEvents(count) => error_after(wire, count, surface, request)?,
        Fault::Garbage => wire.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")?,
        Fault::NotJson => {
            wire.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>")?;
        }
        Fault::HugeHeader(length) => {
            let answer = format!(
                "HTTP/1.1 200 OK\r\nX-Huge: {}\r\nContent-Length: 2\r\n\r\n{{}}",
                "h".repeat(length)
            );
            wire.write(answer.as_bytes())?;
        }
        Fault::ClosedAfterAnswer => good(wire, surface, request, record)?,
        Fault::CutJson
        | Fault::LengthTooLong
        | Fault::LengthTooShort
        | Fault::NotUtf8
        | Fault::Compressed
        | Fault::CompressedBroken
        | Fault::Trailers => wire.write(&bodies::answer(fault, surface, request))?,
        Fault::BrokenChunk(_)
        | Fault::JunkAfterEvents(_)
        | Fault::HugeEventAfterEvents(_)
        | Fault::LargeEvent
        | Fault::LineEnds(_)
        | Fault::SeveralLines
        | Fault::RunningUsage
        | Fault::MoreAfterDone => streams::answer(wire, fault, surface, request)?,
        Fault::Endless => endless(wire, surface, request, record)?,
        Fault::NoUsage => without_usage(wire, surface, request)?,
    }
    Ok(())
}

/// An error answer in OpenAI's envelope; `fields` are lines with their ends.
pub(super) fn envelope(status: u16, reason: &str, fields: &str) -> Vec<u8> {
    json_answer(&format!("{status} {reason}"), fields, &error().to_string())
}

fn error() -> Value {
    json!({ "error": {
        "message": "the fake upstream failed on purpose", "type": "fake_error", "param": "messages", "code": "fake_code",
    } })
}

fn telling(record: &Record) -> Value {
    let shown = record.look(|events| {
        let last = events.received.last();
        last.and_then(|request| request.head.field("authorization").map(str::to_owned))
    });
    let shown = shown.unwrap_or_default();
    json!({ "error": { "message": format!("incorrect credential: {shown}"), "code": shown } })
}

/// Sends the head of a stream and its first events.
fn events(wire: &mut Wire, count: usize, surface: Surface, request: &Value) -> io::Result<()> {
    wire.write(STREAM_HEAD)?;
    for event in shape::events(surface, request).iter().take(count) {
        wire.write(&chunk(event.as_bytes()))?;
    }
    Ok(())
}

fn error_after(wire: &mut Wire, count: usize, surface: Surface, request: &Value) -> io::Result<()> {
    events(wire, count, surface, request)?;
    wire.write(&chunk(format!("data: {}\n\n", error()).as_bytes()))?;
    wire.write(b"0\r\n\r\n")
}

fn whole(surface: Surface, request: &Value) -> Vec<u8> {
    if surface.streams(request) {
        let events: Vec<Vec<u8>> = shape::events(surface, request)
            .iter()
            .map(|event| chunk(event.as_bytes()))
            .collect();
        [STREAM_HEAD, &events.concat(), b"0\r\n\r\n"].concat()
    } else {
        json_answer("200 OK", "", &shape::json(surface, request).to_string())
    }
}

/// Sends the head of an answer that does not end, and says what it goes on with: the second event of a stream, or white
/// space.
fn endless_head(wire: &mut Wire, surface: Surface, request: &Value) -> io::Result<Vec<u8>> {
    let more = if surface.streams(request) {
        wire.write(STREAM_HEAD)?;
        shape::events(surface, request).swap_remove(1).into_bytes()
    } else {
        wire.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        vec![b' '; 64 << 10]
    };
    Ok(chunk(&more))
}

/// Sends more and more until the peer leaves.
fn endless(wire: &mut Wire, surface: Surface, request: &Value, record: &Record) -> io::Result<()> {
    let more = endless_head(wire, surface, request)?;
    while wire.write(&more).is_ok() {
        record.note(|events| events.written += more.len());
    }
    record.note(|events| events.hangups += 1);
    Ok(())
}

/// Sends the same again and again, with pauses, until the peer leaves.
fn until_gone(wire: &mut Wire, more: &[u8], record: &Record) {
    // Waiting for the peer to leave is the pause.
    while wire.write(more).is_ok() && !wire.socket.closes_within(Duration::from_millis(20)) {}
    record.note(|events| events.hangups += 1);
}

fn without_usage(wire: &mut Wire, surface: Surface, request: &Value) -> io::Result<()> {
    if surface.streams(request) {
        let mut request = request.clone();
        request["stream_options"] = Value::Null;
        wire.write(&whole(surface, &request))
    } else {
        let mut body = shape::json(surface, request);
        body["usage"] = Value::Null;
        wire.write(&json_answer("200 OK", "", &body.to_string()))
    }
}
