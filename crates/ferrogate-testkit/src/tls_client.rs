//! HTTP over TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::{Certificate, H2Client, H2Response};

/// A client that trusts one certificate. It resumes its sessions where the gateway lets it.
#[derive(Clone, Debug)]
pub struct TlsClient {
    config: ClientConfig,
}

impl TlsClient {
    /// A client that trusts this certificate and no other.
    pub fn trusting(certificate: &Certificate) -> Self {
        let mut roots = RootCertStore::empty();
        roots
            .add(certificate.der())
            .expect("the certificate is well formed");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has every version")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { config }
    }

    /// Opens a connection that speaks HTTP/2.
    pub fn h2(&self, address: SocketAddr, name: &str) -> H2Client {
        let runtime = crate::h2_client::runtime();
        let stream = runtime
            .block_on(self.connect(address, b"", name, b"h2"))
            .expect("the handshake succeeds");
        assert_eq!(
            stream.get_ref().1.alpn_protocol(),
            Some(b"h2".as_slice()),
            "the gateway chose another protocol"
        );
        H2Client::over(runtime, stream, "https")
    }

    /// Whether a handshake that offers this protocol and no other succeeds.
    pub fn speaks(&self, address: SocketAddr, name: &str, protocol: &str) -> bool {
        let runtime = crate::h2_client::runtime();
        let connected = runtime.block_on(self.connect(address, b"", name, protocol.as_bytes()));
        connected.is_ok()
    }

    /// Sends a `GET` over HTTP/1.1 and reads the answer.
    pub fn get(&self, address: SocketAddr, name: &str, path: &str) -> H2Response {
        self.get_after(b"", address, name, name, path)
    }

    /// Sends a `GET` for a host on a connection for a name, behind bytes in the clear. An IP address as the name sends none
    /// in the handshake.
    pub fn get_after(
        &self,
        early: &[u8],
        address: SocketAddr,
        name: &str,
        host: &str,
        path: &str,
    ) -> H2Response {
        let runtime: Runtime = crate::h2_client::runtime();
        runtime.block_on(async {
            let stream = self
                .connect(address, early, name, b"http/1.1")
                .await
                .expect("the handshake succeeds");
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream))
                    .await
                    .expect("a new connection is good");
            let driver = tokio::spawn(connection);
            let request = http::Request::get(path)
                .header("host", host)
                .body(Full::<Bytes>::default());
            let answer = sender
                .send_request(request.expect("the request is well formed"))
                .await;
            let (head, body) = answer.expect("the gateway answers").into_parts();
            let body = body.collect().await.expect("the body is whole").to_bytes();
            driver.abort();
            H2Response {
                status: head.status.as_u16(),
                headers: head.headers,
                body,
            }
        })
    }

    async fn connect(
        &self,
        address: SocketAddr,
        early: &[u8],
        name: &str,
        protocol: &[u8],
    ) -> io::Result<TlsStream<TcpStream>> {
        let mut config = self.config.clone();
        config.alpn_protocols = vec![protocol.to_vec()];
        let name = ServerName::try_from(name.to_owned()).expect("a DNS name or an IP address");
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(early).await?;
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    }
}
