//! One request, and the answer as far as it is compared.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use ferrogate_testkit::PATIENCE;
use flate2::read::GzDecoder;
use serde_json::Value;

use crate::case::Request;
use crate::wire::{Body, Head, Wire};

/// Fields that are every server's own business, or follow from the body.
const OWN_FIELDS: &[&str] = &[
    "alt-svc",
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "server",
    "transfer-encoding",
    "via",
    "x-request-id",
];

/// Request fields by which a proxy introduces itself, or which follow from the body.
const OWN_UPSTREAM_FIELDS: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "transfer-encoding",
    "user-agent",
    "via",
];

/// How long a connection must be silent after an answer to count as kept open.
const SILENCE: Duration = Duration::from_secs(1);

/// Sends a request on a connection of its own; the lines tell the answer.
pub(crate) fn ask(address: SocketAddr, request: &Request) -> Vec<String> {
    match request {
        Request::Raw(bytes) => ask_raw(address, bytes),
        Request::Made {
            method,
            target,
            version,
            fields,
            body,
        } => {
            let mut fields = fields.clone();
            if fields.iter().any(|(_, value)| value.contains("{etag}")) {
                let tag = tag_of(address, target, &fields);
                for (_, value) in &mut fields {
                    *value = value.replace("{etag}", &tag);
                }
            }
            let bytes = written(method, target, version, &fields, body.as_deref());
            let mut lines = Vec::new();
            match exchange(address, &bytes, method, &mut lines) {
                Ok(()) => {}
                Err(error) if is_timeout(&error) => lines.push("ends: never".to_owned()),
                Err(_) => lines.push("ends: cut".to_owned()),
            }
            lines
        }
    }
}

fn written(
    method: &str,
    target: &str,
    version: &str,
    fields: &[(String, String)],
    body: Option<&str>,
) -> Vec<u8> {
    let has = |wanted: &str| {
        fields
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(wanted))
    };
    let mut lines = vec![format!("{method} {target} {version}")];
    if !has("host") {
        lines.push("Host: case.test".to_owned());
    }
    lines.extend(
        fields
            .iter()
            .map(|(name, value)| format!("{name}: {value}")),
    );
    let end = match body {
        Some(body) if has("transfer-encoding") => {
            format!("\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
        }
        Some(body) => format!("\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
        None => "\r\n\r\n".to_owned(),
    };
    (lines.join("\r\n") + &end).into_bytes()
}

fn connect(address: SocketAddr) -> io::Result<Wire> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(Wire::new(stream))
}

fn exchange(
    address: SocketAddr,
    bytes: &[u8],
    method: &str,
    lines: &mut Vec<String>,
) -> io::Result<()> {
    let mut wire = connect(address)?;
    wire.stream.write_all(bytes)?;
    loop {
        let Some(head) = wire.head()? else {
            lines.push("ends: closed".to_owned());
            return Ok(());
        };
        let status = head.word(1).to_owned();
        lines.push(format!("status: {status}"));
        if status.starts_with('1') && status != "101" {
            tell_fields(&head.fields, lines);
            continue;
        }
        let mut body = Body::default();
        if status == "101" {
            wire.stream.write_all(b"ping")?;
            body.bytes = wire.rest()?;
            tell(&head, &body, lines);
            return Ok(());
        }
        let read = read_body(&mut wire, &head, method, &mut body);
        tell(&head, &body, lines);
        let keeps = read?;
        lines.push(format!("ends: {}", if keeps { "kept" } else { "closed" }));
        return Ok(());
    }
}

/// Reads a body; says whether the connection stays open.
fn read_body(wire: &mut Wire, head: &Head, method: &str, body: &mut Body) -> io::Result<bool> {
    let says = |word: &str| {
        head.field("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case(word))
    };
    let old = head.start.starts_with("HTTP/1.0");
    let keeps = if old {
        says("keep-alive")
    } else {
        !says("close")
    };
    if method == "HEAD" || matches!(head.word(1), "204" | "304") {
        return Ok(keeps);
    }
    if head.field("transfer-encoding").is_some() {
        wire.chunks(body)?;
        Ok(keeps)
    } else if let Some(length) = head.field("content-length") {
        body.bytes = wire.exactly(length.parse().unwrap_or_default())?;
        Ok(keeps)
    } else {
        body.bytes = wire.rest()?;
        Ok(false)
    }
}

/// Reads answers until the peer closes or is silent; of a refusal only the status counts.
fn ask_raw(address: SocketAddr, bytes: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    let read = |lines: &mut Vec<String>| -> io::Result<()> {
        let mut wire = connect(address)?;
        wire.stream.write_all(bytes)?;
        while let Some(head) = wire.head()? {
            let mut body = Body::default();
            let status = head.word(1).to_owned();
            lines.push(format!("status: {status}"));
            let keeps = read_body(&mut wire, &head, "GET", &mut body)?;
            if !status.starts_with(['4', '5']) {
                tell(&head, &body, lines);
            }
            if !keeps {
                break;
            }
            wire.stream.set_read_timeout(Some(SILENCE))?;
        }
        Ok(())
    };
    let end = match read(&mut lines) {
        Err(error) if is_timeout(&error) => "kept",
        _ => "closed",
    };
    lines.push(format!("ends: {end}"));
    lines
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

fn tell(head: &Head, body: &Body, lines: &mut Vec<String>) {
    tell_fields(&head.fields, lines);
    lines.push(format!("body: {}", told(head, &body.bytes)));
    let trailers = body.trailers.iter();
    lines.extend(trailers.map(|(name, value)| format!("trailer {name}: {value}")));
}

fn tell_fields(fields: &[(String, String)], lines: &mut Vec<String>) {
    let mut told: Vec<String> = fields
        .iter()
        .filter(|(name, _)| !OWN_FIELDS.contains(&name.as_str()))
        .map(|(name, value)| match name.as_str() {
            "etag" => format!("field etag: {}", shape(value)),
            _ => format!("field {name}: {value}"),
        })
        .collect();
    told.sort();
    lines.extend(told);
}

/// A tag without the part that each program makes up.
fn shape(tag: &str) -> String {
    let weak = if tag.starts_with("W/") { "W/" } else { "" };
    let suffix = ["-gzip", "-zstd", "-br"]
        .into_iter()
        .find(|suffix| tag.contains(suffix))
        .unwrap_or_default();
    format!("{weak}\"...{suffix}\"")
}

/// A body as text; where it tells the request an upstream saw, without what is the proxy's own and in a fixed order.
fn told(head: &Head, bytes: &[u8]) -> String {
    let mut plain = Vec::new();
    let gzip = head.field("content-encoding") == Some("gzip");
    if gzip && GzDecoder::new(bytes).read_to_end(&mut plain).is_ok() {
        return told(&Head::default(), &plain);
    }
    let text = String::from_utf8_lossy(bytes);
    let Ok(Value::Object(mut seen)) = serde_json::from_str(&text) else {
        return short(&text);
    };
    if let Some(Value::Array(fields)) = seen.get_mut("fields") {
        fields.retain(|field| !OWN_UPSTREAM_FIELDS.iter().any(|own| field[0] == *own));
        fields.sort_by_key(Value::to_string);
    }
    let parts: Vec<String> = seen
        .into_iter()
        .map(|(key, value)| format!("\n    {key}: {value}"))
        .collect();
    parts.concat()
}

/// The beginning of a long text, and its length.
fn short(text: &str) -> String {
    match text.char_indices().nth(2000) {
        Some((end, _)) => {
            let beginning = text.get(..end).unwrap_or_default();
            format!("{beginning:?}... of {}", text.len())
        }
        None => format!("{text:?}"),
    }
}

/// The tag that a target has.
fn tag_of(address: SocketAddr, target: &str, fields: &[(String, String)]) -> String {
    let plain: Vec<_> = fields
        .iter()
        .filter(|(name, _)| {
            name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case("accept-encoding")
        })
        .cloned()
        .collect();
    let tag = || -> io::Result<Option<String>> {
        let mut wire = connect(address)?;
        wire.stream
            .write_all(&written("GET", target, "HTTP/1.1", &plain, None))?;
        let head = wire.head()?.unwrap_or_default();
        Ok(head.field("etag").map(str::to_owned))
    };
    tag().ok().flatten().unwrap_or_else(|| "no tag".to_owned())
}
