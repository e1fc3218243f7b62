//! Facts of the TLS session.

use ferrogate_types::TlsFact;

use super::{push, push_known};
use crate::connection::TlsInfo;

/// Appends a fact; `false` when it means nothing for this session.
pub(super) fn write(fact: TlsFact, tls: &TlsInfo, out: &mut String) -> bool {
    let client = tls.client.as_ref();
    let (names, at) = match fact {
        TlsFact::Resumed => return push_known(out, Some(tls.resumed)),
        TlsFact::Proto => {
            push(out, tls.protocol.as_ref());
            return true;
        }
        TlsFact::ProtoMutual => return push_known(out, Some(true)),
        TlsFact::ServerName => {
            push(out, tls.server_name.as_ref());
            return true;
        }
        TlsFact::Ech => return push_known(out, Some(tls.encrypted_hello)),
        TlsFact::Fingerprint => return push_known(out, client.map(|it| &it.fingerprint)),
        TlsFact::PublicKey => return push_known(out, client.map(|it| &it.public_key)),
        TlsFact::PublicKeySha256 => {
            return push_known(out, client.map(|it| &it.public_key_sha256));
        }
        TlsFact::Issuer => return push_known(out, client.map(|it| &it.issuer)),
        TlsFact::Serial => return push_known(out, client.map(|it| &it.serial)),
        TlsFact::Subject => return push_known(out, client.map(|it| &it.subject)),
        TlsFact::CertificatePem => return push_known(out, client.map(|it| &it.pem)),
        TlsFact::CertificateDer => return push_known(out, client.map(|it| &it.der_base64)),
        TlsFact::DnsNames(at) => (client.map(|it| &it.dns_names), at),
        TlsFact::Emails(at) => (client.map(|it| &it.emails), at),
        TlsFact::Ips(at) => (client.map(|it| &it.ips), at),
        TlsFact::Uris(at) => (client.map(|it| &it.uris), at),
    };
    match (names, at) {
        (Some(names), None) => push_known(out, Some(names.join(","))),
        (Some(names), Some(at)) => push_known(out, names.get(at)),
        (None, _) => false,
    }
}
