//! Trust, names, identities, resumption.

use std::sync::Arc;

use ferrogate_upstream::{
    CallError, CallErrorKind, Client, ClientIdentity, ClientSettings, Endpoint, Resolver,
    TlsOptions,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::support::{Upstream, post, read_request, say, soon};

/// A certificate authority that lives for one test.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn issue(&self, name: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        (certificate.der().clone(), key)
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        roots
    }

    pub(crate) fn trusted(&self) -> TlsOptions {
        let mut options = TlsOptions::default();
        options.add_roots_pem(self.0.pem().as_bytes()).unwrap();
        options
    }

    /// A server configuration for `api.test`.
    pub(crate) fn server(&self, alpn: &[&str], asks_for_identity: bool) -> TlsAcceptor {
        let (certificate, key) = self.issue("api.test");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if asks_for_identity {
            let roots = Arc::new(self.roots());
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let mut config = builder.with_single_cert(vec![certificate], key).unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// A client for which every name is the loopback.
pub(crate) fn loopback_client() -> Client {
    Client::new(ClientSettings {
        resolver: Resolver::with_lookup(Arc::new(|_, port| {
            Box::pin(async move { Ok(vec![([127, 0, 0, 1], port).into()]) })
        })),
        ..ClientSettings::default()
    })
    .unwrap()
}

pub(crate) fn endpoint(upstream: &Upstream, name: &str, tls: TlsOptions) -> Endpoint {
    let url = format!("https://{name}:{}", upstream.address.port());
    Endpoint::parse(&url).unwrap().with_tls(tls)
}

/// Answers one request per connection, and reports the protocol and kind of each handshake.
async fn secure(acceptor: TlsAcceptor) -> Upstream {
    Upstream::start(move |stage, stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let state = stream.get_ref().1;
            let alpn = state
                .alpn_protocol()
                .map(String::from_utf8_lossy)
                .unwrap_or_default();
            stage
                .report(format!("{alpn} {:?}", state.handshake_kind().unwrap()))
                .await;
            if read_request(&mut stream).await.is_some() {
                say(
                    &mut stream,
                    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
                )
                .await;
            }
        }
    })
    .await
}

async fn ask(client: &Client, endpoint: &Endpoint) -> Result<String, CallError> {
    let answer = soon(client.call(endpoint, post())).await?;
    let body = answer.collect(10).await?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn who_is_trusted() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let unchecked = TlsOptions {
        insecure_skip_verify: true,
        ..TlsOptions::default()
    };
    let upstream = secure(authority.server(&["http/1.1"], false)).await;
    let client = loopback_client();
    for (name, tls, works) in [
        ("api.test", authority.trusted(), true),
        ("other.test", authority.trusted(), false),
        ("api.test", stranger.trusted(), false),
        ("other.test", unchecked, true),
    ] {
        let result = ask(&client, &endpoint(&upstream, name, tls)).await;
        match result {
            Ok(body) => assert!(works && body == "ok", "{name}"),
            Err(error) => {
                assert!(!works, "{name}: {error:?}");
                assert_eq!(
                    (error.kind(), error.bytes_seen()),
                    (CallErrorKind::Tls, false)
                );
            }
        }
    }
}

#[tokio::test]
async fn a_second_handshake_resumes_the_first() {
    let authority = Authority::new();
    let mut upstream = secure(authority.server(&["http/1.1"], false)).await;
    let client = loopback_client();
    for expected in ["http/1.1 Full", "http/1.1 Resumed"] {
        // An endpoint of its own each time, as after a reload: equal options share sessions.
        let endpoint = endpoint(&upstream, "api.test", authority.trusted());
        assert_eq!(ask(&client, &endpoint).await.unwrap(), "ok");
        assert_eq!(upstream.event().await, expected);
    }
}

#[tokio::test]
async fn a_client_identity_is_shown_when_asked_for() {
    let authority = Authority::new();
    let upstream = secure(authority.server(&["http/1.1"], true)).await;
    let client = loopback_client();
    let anonymous = authority.trusted();
    let (certificate, key) = authority.issue("gateway.test");
    let known = TlsOptions {
        client_identity: Some(ClientIdentity::new(vec![certificate], key).unwrap()),
        ..anonymous.clone()
    };
    assert!(!format!("{known:?}").contains("key"));
    assert_eq!(
        ask(&client, &endpoint(&upstream, "api.test", known))
            .await
            .unwrap(),
        "ok"
    );
    assert!(
        ask(&client, &endpoint(&upstream, "api.test", anonymous))
            .await
            .is_err()
    );
}
