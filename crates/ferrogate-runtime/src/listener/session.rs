//! What a TLS session tells of itself and of its client.

mod certificate;

use ferrogate_edge::TlsInfo;
use pingora_core::protocols::tls::SslDigest;
use rustls::{HandshakeKind, ProtocolVersion, ServerConnection};

/// The facts of a session whose handshake is done.
pub(crate) fn facts(session: &ServerConnection) -> TlsInfo {
    let version = match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "tls1.2",
        _ => "tls1.3",
    };
    // Rustls writes `TLS13_AES_…` for suites that IANA calls `TLS_AES_…`.
    let cipher = session
        .negotiated_cipher_suite()
        .map(|suite| format!("{:?}", suite.suite()).replace("TLS13_", "TLS_"))
        .unwrap_or_default();
    TlsInfo {
        version: version.to_owned(),
        cipher,
        server_name: session.server_name().map(str::to_owned),
        resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
        protocol: session
            .alpn_protocol()
            .map(|protocol| String::from_utf8_lossy(protocol).into_owned()),
        encrypted_hello: false,
        client: session
            .peer_certificates()
            .and_then(|chain| chain.first())
            .and_then(|leaf| certificate::facts(leaf)),
    }
}

/// The facts in Pingora's form, which tells it that the connection is secure.
pub(crate) fn digest(facts: &TlsInfo) -> SslDigest {
    SslDigest::new(
        facts.cipher.clone(),
        facts.version.clone(),
        None,
        None,
        Vec::new(),
    )
}
