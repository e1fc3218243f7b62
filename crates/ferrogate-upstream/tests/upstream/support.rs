//! Upstreams that follow a script.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ferrogate_upstream::{Call, Client, ClientSettings, Endpoint};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

/// A listener whose connections run a script each; all of it ends with the value.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    events: mpsc::Receiver<String>,
    acceptor: JoinHandle<()>,
}

/// What a script knows: the number of its connection, from zero, and where to report.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) number: usize,
    events: mpsc::Sender<String>,
}

impl Upstream {
    pub(crate) async fn start<F>(script: impl Fn(Stage, TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let (sender, events) = mpsc::channel(64);
        let count = Arc::clone(&accepted);
        let acceptor = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let number = count.fetch_add(1, Ordering::SeqCst);
                let events = sender.clone();
                connections.spawn(script(Stage { number, events }, stream));
            }
        });
        Self {
            address,
            accepted,
            events,
            acceptor,
        }
    }

    /// An upstream that answers every request with the same bytes and keeps the connection.
    pub(crate) async fn answering(answer: &'static str) -> Self {
        Self::start(move |stage, mut stream| async move {
            while let Some(request) = read_request(&mut stream).await {
                stage.report(request).await;
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            stage.report("closed").await;
        })
        .await
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::parse(&format!("http://{}/v1", self.address)).unwrap()
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// The next report of a script.
    pub(crate) async fn event(&mut self) -> String {
        soon(self.events.recv()).await.unwrap()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

impl Stage {
    pub(crate) async fn report(&self, event: impl Into<String>) {
        // A test that has seen enough no longer listens.
        self.events.send(event.into()).await.unwrap_or_default();
    }

    /// Reads until the peer closes, then reports it.
    pub(crate) async fn report_close(&self, stream: &mut (impl AsyncRead + Unpin)) {
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
        self.report("closed").await;
    }
}

/// Reads a request with its body; `None` when the peer has closed.
pub(crate) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut text = String::new();
    let mut piece = [0; 4096];
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |value| value.parse().unwrap());
            if body.len() >= length {
                return Some(text);
            }
        }
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => text.push_str(std::str::from_utf8(piece.get(..read)?).unwrap()),
        }
    }
}

/// Writes what the script says; a peer that has gone is none of its business.
pub(crate) async fn say(stream: &mut (impl AsyncWrite + Unpin), text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap_or_default();
    stream.flush().await.unwrap_or_default();
}

pub(crate) fn client() -> Client {
    Client::new(ClientSettings::default()).unwrap()
}

pub(crate) fn post() -> Call {
    Call::post("/v1/chat?stream=1", r#"{"model":"m"}"#)
}

/// Waits for what has to happen; the limit only ends a test that has failed.
pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), work)
        .await
        .expect("this takes milliseconds when it works")
}

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
