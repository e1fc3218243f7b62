//! The upstream of all cases.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use ferrogate_testkit::PATIENCE;
use serde_json::json;

use crate::wire::{Body, Head, Wire};

/// A web server without memory, which answers by the first segment of the path.
///
/// | path | answer |
/// |---|---|
/// | `/status/N` | that status, its number as the body |
/// | `/fields` | fields that a proxy must take away, and some to edit |
/// | `/untyped` | a page without a content type |
/// | `/type/T/S` | text of the content type `T/S`, long enough to be encoded |
/// | `/tagged` | the same with an `ETag` |
/// | `/encoded` | the same, which claims to be encoded already |
/// | `/untransformed` | the same with `Cache-Control: no-transform` |
/// | `/big/N` | `N` bytes with a length |
/// | `/chunked` | three chunks |
/// | `/trailers` | a chunk and a trailer |
/// | `/events` | three events |
/// | `/hints` | early hints, then the request as JSON |
/// | `/redirect` | a redirect |
/// | `/auth` | fields about a user for the right token, else 401 |
/// | `/slow` | nothing for two seconds |
/// | `/close` | the connection is closed without an answer |
/// | `/cut` | a part of the body that was announced |
/// | `/ws` | after an upgrade: `hello`, then four bytes back |
/// | anything else | the request as JSON, with the server's name |
#[derive(Debug)]
pub(crate) struct Upstream {
    address: SocketAddr,
}

impl Upstream {
    /// Starts one; it serves as long as the tests run.
    pub(crate) fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || serve(stream, name));
            }
        });
        Self { address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn serve(stream: TcpStream, name: &str) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut wire = Wire::new(stream);
    while let Some(head) = wire.head()? {
        let mut body = Body::default();
        if head.field("transfer-encoding").is_some() {
            wire.chunks(&mut body)?;
        } else if let Some(length) = head.field("content-length") {
            body.bytes = wire.exactly(length.parse().unwrap_or_default())?;
        }
        if !answer(&mut wire, name, &head, &body)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Answers; says whether the connection goes on.
fn answer(wire: &mut Wire, name: &str, head: &Head, body: &Body) -> io::Result<bool> {
    let path = head.word(1).split('?').next().unwrap_or_default();
    let (kind, rest) = path
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or((path.trim_start_matches('/'), ""));
    let long = "all work and no play makes a dull text. ".repeat(40);
    let text = |fields: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {length}\r\n\r\n{body}")
    };
    let told = json!({
        "server": name,
        "method": head.word(0),
        "target": head.word(1),
        "fields": head.fields,
        "body": String::from_utf8_lossy(&body.bytes),
        "trailers": body.trailers,
    });
    let echo = text("Content-Type: application/json\r\n", &told.to_string());
    let reply = match kind {
        "status" => {
            let status = rest.parse::<u16>().unwrap_or(500);
            let bodiless = matches!(status, 204 | 304);
            let (length, body) = if bodiless {
                (String::new(), "")
            } else {
                let length = rest.len();
                (
                    format!("Content-Type: text/plain\r\nContent-Length: {length}\r\n"),
                    rest,
                )
            };
            format!("HTTP/1.1 {status} Told\r\nX-Status: {status}\r\n{length}\r\n{body}")
        }
        "fields" => text(
            "Connection: X-Listed\r\nX-Listed: hop\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n\
             X-Kept: one\r\nX-Many: one\r\nX-Many: two\r\nX-Removed: gone\r\nX-Path: /old/a/old\r\n\
             Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nServer: upstream\r\nContent-Type: text/plain\r\n",
            "fields",
        ),
        "untyped" => text("", "<html>untyped</html>"),
        "type" => text(&format!("Content-Type: {rest}\r\n"), &long),
        "tagged" => text("Content-Type: text/plain\r\nETag: \"tag\"\r\n", &long),
        "encoded" => text("Content-Type: text/plain\r\nContent-Encoding: br\r\n", &long),
        "untransformed" => text(
            "Content-Type: text/plain\r\nCache-Control: no-transform\r\n",
            &long,
        ),
        "big" => text(
            "Content-Type: text/plain\r\n",
            &"x".repeat(rest.parse().unwrap_or_default()),
        ),
        "chunked" => "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n\
                      4\r\none \r\n4\r\ntwo \r\n5\r\nthree\r\n0\r\n\r\n"
            .to_owned(),
        "trailers" => "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTrailer: X-Sum\r\n\
                       Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 42\r\n\r\n"
            .to_owned(),
        "events" => "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
                     9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n9\r\ndata: 3\n\n\r\n0\r\n\r\n"
            .to_owned(),
        "hints" => {
            wire.stream
                .write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")?;
            echo
        }
        "redirect" => {
            "HTTP/1.1 302 Found\r\nLocation: /elsewhere?x=1\r\nContent-Length: 0\r\n\r\n".to_owned()
        }
        "auth" if head.field("authorization") == Some("Bearer right") => text(
            "Content-Type: text/plain\r\nX-User: ann\r\nX-Groups: a\r\nX-Groups: b\r\nX-Internal: secret\r\n",
            "welcome",
        ),
        "auth" => "HTTP/1.1 401 Unauthorized\r\nContent-Type: text/plain\r\nWWW-Authenticate: Bearer\r\nX-User: nobody\r\n\
                   Content-Length: 4\r\n\r\nwho?"
            .to_owned(),
        "slow" => {
            // Nobody writes: it ends when the proxy has given up, or after two seconds.
            wire.stream.set_read_timeout(Some(Duration::from_secs(2)))?;
            let _gone = wire.rest();
            wire.stream.set_read_timeout(Some(PATIENCE))?;
            echo
        }
        "close" => return Ok(false),
        "cut" => {
            wire.stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\npart")?;
            return Ok(false);
        }
        "ws" if head.field("upgrade").is_some() => {
            wire.stream.write_all(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello ",
            )?;
            let back = wire.exactly(4)?;
            wire.stream.write_all(&back)?;
            return Ok(false);
        }
        _ => echo,
    };
    let reply = if head.word(0) == "HEAD" {
        let end = reply.find("\r\n\r\n").map_or(reply.len(), |end| end + 4);
        reply.as_bytes().get(..end).unwrap_or_default().to_vec()
    } else {
        reply.into_bytes()
    };
    wire.stream.write_all(&reply)?;
    Ok(true)
}
