//! The gateway against `caddy`, where that is installed: the same file, the same requests, the same answers.
//!
//! What is different on purpose stands in `docs/caddyfile.md`, what Debian's 2.6.2 does not know yet in the comments
//! of the cases.

#![expect(
    clippy::print_stdout,
    reason = "whoever runs the tests must see that nothing was compared"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use ferrogate_testkit::{ClosedPort, FakeHttp, Launch, PATIENCE, Request};
use serde_json::Value;
use tempfile::TempDir;

#[path = "caddy_oracle/cases.rs"]
mod cases;

use cases::{CASES, HOSTS, SITES};

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");

/// Variables that both programs have.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("WORD", "word"),
    ("EMPTY", ""),
    ("WORDS", "two words"),
    ("LINE", "respond /line \"from a variable\""),
];

/// Fields that are every server's own business, or follow from the body.
const OWN_FIELDS: &[&str] = &[
    "connection",
    "content-length",
    "date",
    "server",
    "transfer-encoding",
    "x-request-id",
];

/// Request fields by which a proxy introduces itself.
const OWN_UPSTREAM_FIELDS: &[&str] = &["accept-encoding", "user-agent", "via"];

/// What is compared.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    /// Empty when the connection was closed without one.
    status: String,
    /// Sorted: neither promises an order.
    fields: Vec<(String, String)>,
    body: String,
}

#[test]
fn directives_mean_the_same() {
    let upstreams = ["a", "b"].map(FakeHttp::start);
    let dead = ClosedPort::hold();
    let host = |number: usize| format!("case-{number}.test");
    let sites = CASES.iter().enumerate().map(|(number, (directives, _))| {
        format!("http://{}:PORT {{\n{directives}\n}}\n", host(number))
    });
    let mut text: String = sites.collect();
    let mut requests = Vec::new();
    for (number, (directives, lines)) in CASES.iter().enumerate() {
        requests.extend(lines.iter().map(|line| (host(number), *line, *directives)));
    }
    for (name, address) in [
        ("UP_A", upstreams[0].address()),
        ("UP_B", upstreams[1].address()),
        ("DEAD", dead.address()),
    ] {
        text = text.replace(name, &address.to_string());
    }
    compare(&text, &requests);
}

#[test]
fn hosts_choose_the_same_site() {
    let requests: Vec<_> = HOSTS
        .iter()
        .map(|host| ((*host).to_owned(), "GET /", SITES))
        .collect();
    compare(SITES, &requests);
}

/// Asks both the same; a request is its host, a line of the table, and what to show when the answers differ.
fn compare(sites: &str, requests: &[(String, &str, &str)]) {
    let Some(caddy) = Caddy::start(sites) else {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "caddy is not installed"
        );
        println!("skipped: caddy is not installed");
        return;
    };
    let text = format!(
        "{{\n\tdefault_bind 127.0.0.1\n}}\n{}",
        sites.replace("PORT", "0")
    );
    let launch = Launch::caddyfile(BIN, &text);
    let gateway = ENVIRONMENT
        .iter()
        .fold(launch, |launch, (name, value)| launch.env(name, value))
        .start();
    let differences: Vec<String> = requests
        .iter()
        .filter_map(|(host, line, about)| {
            let request = parse(host, line);
            let theirs = ask(caddy.address, &request);
            let ours = ask(gateway.address(), &request);
            (ours != theirs)
                .then(|| format!("{about}\n{line} ({host})\n  ours  {ours:?}\n  caddy {theirs:?}"))
        })
        .collect();
    assert!(
        differences.is_empty(),
        "{} of {} answers differ:\n\n{}",
        differences.len(),
        requests.len(),
        differences.join("\n\n")
    );
}

/// A line `METHOD TARGET | FIELD: VALUE | ...`; requests with a method that has a body send one.
fn parse(host: &str, line: &str) -> Request {
    let mut parts = line.split(" | ");
    let start = parts.next().unwrap_or_default();
    let (method, target) = start.split_once(' ').expect("method and target");
    let mut request = Request::new(method, target)
        .host(host)
        .header("Connection", "close");
    if matches!(method, "POST" | "PUT" | "PATCH") {
        request = request.body("body");
    }
    parts.fold(request, |request, field| {
        let (name, value) = field.split_once(": ").expect("a field and its value");
        request.header(name, value)
    })
}

fn ask(address: SocketAddr, request: &Request) -> Answer {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a limit above zero");
    stream.write_all(&request.bytes()).expect("it reads");
    let mut bytes = Vec::new();
    // A reset is a way of closing, too.
    let _end = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or(("", ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let mut fields: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let chunked = fields.iter().any(|(name, _)| name == "transfer-encoding");
    fields.retain(|(name, _)| !OWN_FIELDS.contains(&name.as_str()));
    fields.sort();
    Answer {
        status: status.unwrap_or_default().to_owned(),
        fields,
        body: told(if chunked {
            dechunk(body)
        } else {
            body.to_owned()
        }),
    }
}

/// The text of a chunked body.
fn dechunk(mut body: &str) -> String {
    let mut text = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a chunk's size");
        let (chunk, rest) = rest.split_at(size);
        text.push_str(chunk);
        body = rest.trim_start_matches("\r\n");
    }
    text
}

/// A body; where it tells the request an upstream saw, without what is the proxy's own and in a fixed order.
fn told(body: String) -> String {
    let Ok(Value::Object(mut seen)) = serde_json::from_str(&body) else {
        return body;
    };
    if let Some(Value::Array(fields)) = seen.get_mut("fields") {
        fields.retain(|field| !OWN_UPSTREAM_FIELDS.iter().any(|own| field[0] == *own));
        fields.sort_by_key(Value::to_string);
    }
    Value::Object(seen).to_string()
}

/// A running `caddy`, killed when dropped.
struct Caddy {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Caddy {
    /// Starts one; `None` when there is no such program.
    fn start(sites: &str) -> Option<Self> {
        // It cannot be told to choose a port, and the one chosen for it may be taken before it listens.
        for _ in 0..5 {
            let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let address = free.local_addr().expect("it is bound");
            drop(free);
            let folder = tempfile::tempdir().expect("a temporary folder");
            let text = format!(
                "{{\n\tadmin off\n\tdefault_bind 127.0.0.1\n}}\n{}",
                sites.replace("PORT", &address.port().to_string())
            );
            let file = folder.path().join("Caddyfile");
            std::fs::write(&file, text).expect("the folder is ours");
            let mut child = Command::new("caddy")
                .args(["run", "--adapter", "caddyfile", "--config"])
                .arg(&file)
                .env("HOME", folder.path())
                .env("XDG_DATA_HOME", folder.path())
                .env("XDG_CONFIG_HOME", folder.path())
                .envs(ENVIRONMENT.iter().copied())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .ok()?;
            let log = child.stderr.take().expect("standard error is piped");
            let caddy = Self {
                child,
                address,
                _folder: folder,
            };
            if is_ready(log) {
                return Some(caddy);
            }
        }
        panic!("caddy does not start; its log is above");
    }
}

/// Whether a log tells that the program serves; what follows is read, so that the program can go on writing.
fn is_ready(log: impl Read + Send + 'static) -> bool {
    let (ready, wait) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            if line.contains("serving initial configuration") {
                // Nobody waits any more when it took too long.
                let _told = ready.try_send(()).is_ok();
            } else if line.contains("rror") {
                println!("{line}");
            }
        }
    });
    wait.recv_timeout(PATIENCE).is_ok()
}

impl Drop for Caddy {
    fn drop(&mut self) {
        // It may have ended already.
        let _killed = self.child.kill().is_ok();
        let _reaped = self.child.wait().is_ok();
    }
}
