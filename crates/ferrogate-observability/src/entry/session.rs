//! The TLS session of an entry.

use crate::event::{Field, FieldSink};

/// The TLS session of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSession {
    /// It continued an earlier one.
    pub resumed: bool,
    /// `tls1.3`, `TLSv1.3`
    pub version: String,
    /// The name of the cipher suite, IANA's or that of rustls.
    pub cipher_suite: String,
    /// The protocol agreed on; empty when none was.
    pub proto: String,
    /// The name the client asked for.
    pub server_name: String,
}

/// Numbers of cipher suites, which is how Go logs them. Source: IANA, TLS Cipher Suites, read 2026-11-20.
const SUITES: [(&str, u64); 9] = [
    ("AES_128_GCM_SHA256", 0x1301),
    ("AES_256_GCM_SHA384", 0x1302),
    ("CHACHA20_POLY1305_SHA256", 0x1303),
    ("ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 0xc02b),
    ("ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", 0xc02c),
    ("ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0xc02f),
    ("ECDHE_RSA_WITH_AES_256_GCM_SHA384", 0xc030),
    ("ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca8),
    ("ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca9),
];

impl TlsSession {
    pub(super) fn visit(&self, sink: &mut dyn FieldSink) {
        sink.open("tls");
        sink.field("resumed", Field::Bool(self.resumed));
        sink.field("version", Field::Unsigned(self.version_number()));
        sink.field("cipher_suite", Field::Unsigned(self.suite_number()));
        sink.field("proto", self.proto.as_str().into());
        sink.field("server_name", self.server_name.as_str().into());
        sink.close();
    }

    /// The version on the wire: 772 is TLS 1.3. Zero when it is not known.
    fn version_number(&self) -> u64 {
        match self.version.chars().next_back() {
            Some('2') => 0x0303,
            Some('3') => 0x0304,
            _ => 0,
        }
    }

    /// The suite on the wire: 4865 is `TLS_AES_128_GCM_SHA256`. Zero when it is not known.
    fn suite_number(&self) -> u64 {
        let name = self.cipher_suite.as_str();
        let name = name
            .strip_prefix("TLS13_")
            .or_else(|| name.strip_prefix("TLS_"))
            .unwrap_or(name);
        SUITES
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(0, |(_, number)| *number)
    }
}
