//! HTTP over TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::{Certificate, H2Client, H2Response};

/// A client that trusts one certificate.
#[derive(Clone, Debug)]
pub struct TlsClient {
    roots: RootCertStore,
}

impl TlsClient {
    /// A client that trusts this certificate and no other.
    pub fn trusting(certificate: &Certificate) -> Self {
        let mut roots = RootCertStore::empty();
        roots
            .add(certificate.der())
            .expect("the certificate is well formed");
        Self { roots }
    }

    /// Opens a connection that speaks HTTP/2.
    pub fn h2(&self, address: SocketAddr, name: &str) -> H2Client {
        let runtime = crate::h2_client::runtime();
        let stream = runtime.block_on(self.connect(address, name, b"h2"));
        assert_eq!(
            stream.get_ref().1.alpn_protocol(),
            Some(b"h2".as_slice()),
            "the gateway chose another protocol"
        );
        H2Client::over(runtime, stream, "https")
    }

    /// Sends a `GET` over HTTP/1.1 and reads the answer.
    pub fn get(&self, address: SocketAddr, name: &str, path: &str) -> H2Response {
        let runtime: Runtime = crate::h2_client::runtime();
        runtime.block_on(async {
            let stream = self.connect(address, name, b"http/1.1").await;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream))
                    .await
                    .expect("a new connection is good");
            let driver = tokio::spawn(connection);
            let request = http::Request::get(path)
                .header("host", name)
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
        name: &str,
        protocol: &[u8],
    ) -> TlsStream<TcpStream> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has every version")
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let name = ServerName::try_from(name.to_owned()).expect("a DNS name");
        let stream = TcpStream::connect(address)
            .await
            .expect("the gateway listens");
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
            .expect("the handshake succeeds")
    }
}
