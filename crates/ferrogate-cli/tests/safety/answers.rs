//! Upstreams that break off, contradict themselves or never end, and clients that do not read.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use ferrogate_testkit::{Gateway, H2Client, PATIENCE, Request};

use super::{site, upstream};

/// An upstream that answers every request with these bytes and closes.
fn fixed(answer: impl Into<Vec<u8>>) -> SocketAddr {
    let answer = answer.into();
    upstream(move |mut socket| {
        let _taken = socket.read(&mut [0; 4096]).is_ok();
        let _sent = socket.write_all(&answer).is_ok();
    })
}

#[test]
fn a_cut_answer_never_looks_whole() {
    let text = "x".repeat(2000);
    for head in [
        "Content-Length: 4000\r\n\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\n\r\nfa0\r\n".to_owned(),
        "Content-Length: 0004000\r\nContent-Type: text/plain\r\n\r\n".to_owned(),
        "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nfa0\r\n".to_owned(),
    ] {
        let broken = fixed(format!("HTTP/1.1 200 OK\r\n{head}{text}"));
        for layer in ["", "encode"] {
            let gateway = site(&format!("{layer}\nreverse_proxy {broken}"));
            let request = Request::get("/").header("Accept-Encoding", "gzip, zstd");
            let answer = request.send(gateway.address());
            assert!(!answer.complete, "{head:?} {layer}: {answer:?}");
            let over_h2 = H2Client::plain(gateway.address()).try_send("GET", "a", "/", "");
            assert!(over_h2.is_none(), "{head:?} {layer}: {over_h2:?}");
        }
    }
}

/// An upstream's own confusion about where its answer ends does not reach the client.
#[test]
fn answers_have_one_length() {
    let second = "HTTP/1.1 200 OK\r\nX-Injected: 1\r\nContent-Length: 0\r\n\r\n";
    for head in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "Content-Length: 3\r\nContent-Length: 5\r\n\r\nabc",
        "Content-Length: 3, 5\r\n\r\nabc",
        "Content-Length: 3\r\n\r\nabc",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ] {
        let address = fixed(format!("HTTP/1.1 200 OK\r\n{head}{second}"));
        let gateway = site(&format!("reverse_proxy {address}"));
        let answer = Request::get("/").send(gateway.address());
        let lengths: Vec<&str> = answer.head.all("content-length").collect();
        let chunked = answer.head.field("transfer-encoding").is_some();
        assert!(
            lengths.len() + usize::from(chunked) == 1,
            "{head:?}: {answer:?}"
        );
        assert_eq!(answer.head.field("x-injected"), None, "{head:?}");
        if answer.status == 200 {
            assert_eq!(answer.text(), "abc", "{head:?}");
        } else {
            assert_eq!(answer.status, 502, "{head:?}");
        }
    }
}

/// What an endless upstream saw.
#[derive(Debug, PartialEq)]
enum Seen {
    /// Nobody takes its bytes for now.
    Stalled,
    /// It sent more than anybody should keep.
    Drained,
    /// The gateway hung up.
    HungUp,
}

/// So much may be on its way between an upstream and a client that does not read; most of it is in the kernel.
const ON_ITS_WAY: usize = 64 << 20;

/// An upstream whose answer has no end and cannot be made smaller.
fn endless() -> (SocketAddr, Receiver<Seen>) {
    let (tell, told) = channel();
    let address = upstream(move |mut socket| {
        let _taken = socket.read(&mut [0; 4096]).is_ok();
        socket
            .set_write_timeout(Some(Duration::from_millis(300)))
            .expect("the socket is open");
        let mut noise: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut piece = vec![0; 16 << 10];
        let mut sent = 0;
        let mut bytes = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n".to_vec();
        loop {
            while !bytes.is_empty() {
                match socket.write(&bytes) {
                    Ok(count) => {
                        bytes.drain(..count);
                        sent += count;
                    }
                    Err(error)
                        if matches!(
                            error.kind(),
                            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                        ) =>
                    {
                        let _told = tell.send(Seen::Stalled).is_ok();
                    }
                    Err(_) => {
                        let _told = tell.send(Seen::HungUp).is_ok();
                        return;
                    }
                }
            }
            if sent > ON_ITS_WAY {
                let _told = tell.send(Seen::Drained).is_ok();
                return;
            }
            for byte in &mut piece {
                noise ^= noise << 13;
                noise ^= noise >> 7;
                noise ^= noise << 17;
                *byte = noise.to_le_bytes()[3];
            }
            bytes.extend_from_slice(&piece);
        }
    });
    (address, told)
}

/// Memory in use by a process, in KiB.
fn resident(gateway: &Gateway) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.id()))
        .expect("the gateway runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let digits = line
        .expect("the memory is told")
        .trim()
        .trim_end_matches(" kB");
    digits.parse().expect("it is a number")
}

#[test]
fn a_client_that_does_not_read_costs_no_memory_and_ends_what_it_leaves() {
    for layer in ["", "encode gzip", "encode zstd"] {
        let (address, told) = endless();
        let gateway = site(&format!("{layer}\nreverse_proxy {address}"));
        let before = resident(&gateway);
        let mut client = Request::get("/")
            .header("Accept-Encoding", "gzip, zstd")
            .open(gateway.address());
        assert_eq!(client.head().word(1), "200", "{layer}");
        assert_eq!(told.recv_timeout(PATIENCE), Ok(Seen::Stalled), "{layer}");
        let grown = resident(&gateway).saturating_sub(before);
        assert!(grown < 16 << 10, "{layer}: {grown} KiB more");
        drop(client);
        let within = std::time::Instant::now() + Duration::from_secs(1);
        loop {
            let left = within.saturating_duration_since(std::time::Instant::now());
            match told.recv_timeout(left) {
                Ok(Seen::Stalled) => {}
                other => break assert_eq!(other, Ok(Seen::HungUp), "{layer}"),
            }
        }
    }
}
