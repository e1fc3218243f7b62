//! Token servers that follow a script.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferrogate_credentials::{CloudAuth, CredentialError, Environment, OutgoingRequest};
use ferrogate_upstream::{Client, ClientSettings};
use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// The seconds of `2026-01-15T12:30:45Z`, at which all tests begin.
pub(crate) const NOW: u64 = 1_768_480_245;

/// A request as a server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The fields of a form, which must be one.
    pub(crate) fn form(&self) -> BTreeMap<String, String> {
        assert_eq!(
            self.header("content-type"),
            Some("application/x-www-form-urlencoded")
        );
        let decode = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
        self.body
            .split('&')
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(name, value)| (decode(name), decode(value)))
            .collect()
    }

    /// Asserts that the form has these fields and no others.
    pub(crate) fn assert_form(&self, expected: &[(&str, &str)]) {
        let expected: BTreeMap<String, String> = expected
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(self.form(), expected);
    }
}

/// A status with a body.
pub(crate) type Reply = (u16, String);

pub(crate) fn ok(body: impl Into<String>) -> Reply {
    (200, body.into())
}

/// A server whose answers a function gives; all of it ends with the value.
pub(crate) struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    acceptor: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let script = Arc::new(script);
        let record = Arc::clone(&seen);
        let acceptor = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (script, record) = (Arc::clone(&script), Arc::clone(&record));
                connections.spawn(async move {
                    while let Some(request) = read_request(&mut stream).await {
                        let (status, body) = script(&request);
                        record.lock().unwrap().push(request);
                        let answer = format!(
                            "HTTP/1.1 {status} X\r\nlocation: /elsewhere\r\ncontent-length: {}\r\n\r\n{body}",
                            body.len()
                        );
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        Self {
            address,
            seen,
            acceptor,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn authority(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The only request so far.
    pub(crate) fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.into_iter().next().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<Seen> {
    let mut text = String::new();
    let mut piece = [0; 4096];
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut lines = head.lines();
            let mut first = lines.next()?.split(' ');
            let headers: BTreeMap<String, String> = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let length = headers
                .get("content-length")
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return Some(Seen {
                    method: first.next()?.to_owned(),
                    target: first.next()?.to_owned(),
                    body: body.to_owned(),
                    headers,
                });
            }
        }
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => text.push_str(std::str::from_utf8(piece.get(..read)?).unwrap()),
        }
    }
}

/// An address at which nobody listens: bound, so that nobody else gets it.
pub(crate) struct Nobody {
    pub(crate) url: String,
    _socket: TcpSocket,
}

pub(crate) fn nobody() -> Nobody {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    Nobody {
        url: format!("http://{}", socket.local_addr().unwrap()),
        _socket: socket,
    }
}

/// The time of a test, which it may advance.
#[derive(Clone)]
pub(crate) struct Clock(Arc<Mutex<u64>>);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(NOW)))
    }

    pub(crate) fn pass(&self, seconds: u64) {
        *self.0.lock().unwrap() += seconds;
    }
}

/// An environment with these variables and a home, at [`NOW`].
pub(crate) fn environment(variables: &[(&str, &str)], home: Option<&Path>) -> Environment {
    environment_at(variables, home, &Clock::new())
}

pub(crate) fn environment_at(
    variables: &[(&str, &str)],
    home: Option<&Path>,
    clock: &Clock,
) -> Environment {
    let variables: BTreeMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let now = Arc::clone(&clock.0);
    Environment::new(
        move |name| variables.get(name).cloned(),
        home.map(Path::to_owned),
    )
    .with_clock(move || Duration::from_secs(*now.lock().unwrap()))
}

pub(crate) fn client() -> Client {
    Client::new(ClientSettings::default()).unwrap()
}

/// The headers that a credential gives to a request.
pub(crate) async fn headers(auth: &CloudAuth) -> Result<HeaderMap, CredentialError> {
    let mut headers = HeaderMap::new();
    let mut request = OutgoingRequest {
        method: &Method::POST,
        host: "provider.example",
        path_and_query: "/v1/chat",
        headers: &mut headers,
        body: b"{}",
    };
    auth.authorize(&client(), &mut request).await?;
    Ok(headers)
}

/// The `authorization` header that a credential gives to a request.
pub(crate) async fn authorization(auth: &CloudAuth) -> String {
    let headers = headers(auth).await.unwrap();
    assert!(headers["authorization"].is_sensitive());
    headers["authorization"].to_str().unwrap().to_owned()
}

/// The whole chain of the error of a credential that cannot be had.
pub(crate) async fn error(auth: &CloudAuth) -> String {
    let error = headers(auth).await.unwrap_err();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Writes a file below `folder`, with the folders it needs, and gives its path.
pub(crate) fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}
