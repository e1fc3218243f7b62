//! A certificate for tests.

use rustls::pki_types::CertificateDer;

/// A self-signed certificate and its key.
#[derive(Debug)]
pub struct Certificate {
    /// The certificate in PEM.
    pub pem: String,
    /// The key in PEM.
    pub key_pem: String,
    der: CertificateDer<'static>,
}

impl Certificate {
    /// A new certificate for these names.
    pub fn new(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).expect("the names are DNS names");
        Self {
            pem: made.cert.pem(),
            key_pem: made.signing_key.serialize_pem(),
            der: made.cert.der().clone(),
        }
    }

    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.der.clone()
    }
}
