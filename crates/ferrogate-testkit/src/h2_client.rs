//! An HTTP/2 connection.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::PATIENCE;

/// An HTTP/2 connection.
#[derive(Debug)]
pub struct H2Client {
    runtime: Runtime,
    sender: SendRequest<Full<Bytes>>,
    scheme: &'static str,
}

/// An answer over HTTP/2 or TLS.
#[derive(Debug)]
pub struct H2Response {
    /// The status.
    pub status: u16,
    /// The fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl H2Response {
    /// A field, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

impl H2Client {
    /// Opens a connection in the clear with prior knowledge.
    pub fn plain(address: SocketAddr) -> Self {
        let runtime = runtime();
        let stream = runtime
            .block_on(TcpStream::connect(address))
            .expect("the gateway listens");
        Self::over(runtime, stream, "http")
    }

    pub(crate) fn over(
        runtime: Runtime,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        scheme: &'static str,
    ) -> Self {
        let sender = runtime.block_on(async {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .expect("the preface is taken");
            tokio::spawn(connection);
            sender
        });
        Self {
            runtime,
            sender,
            scheme,
        }
    }

    /// Sends a request and reads the answer.
    pub fn send(
        &self,
        method: &str,
        authority: &str,
        path: &str,
        body: impl Into<Bytes>,
    ) -> H2Response {
        self.try_send(method, authority, path, body)
            .expect("the answer is whole")
    }

    /// Sends a request and reads the answer; nothing when it breaks off.
    pub fn try_send(
        &self,
        method: &str,
        authority: &str,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Option<H2Response> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}://{authority}{path}", self.scheme))
            .body(Full::new(body.into()))
            .expect("the request is well formed");
        let mut sender = self.sender.clone();
        let exchange = async {
            let (head, body) = sender.send_request(request).await.ok()?.into_parts();
            let body = body.collect().await.ok()?.to_bytes();
            Some(H2Response {
                status: head.status.as_u16(),
                headers: head.headers,
                body,
            })
        };
        let within = self
            .runtime
            .block_on(async { timeout(PATIENCE, exchange).await });
        within.expect("the answer comes in time")
    }
}

/// Two threads: one for the connection, which lives on between requests.
pub(crate) fn runtime() -> Runtime {
    let built = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    built.expect("threads are to be had")
}
