//! What an endpoint asks of TLS.

mod configs;

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

pub(crate) use configs::TlsConfigs;

/// TLS options of an endpoint. The default trusts the roots of the system.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// Roots trusted in addition to those of the system.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// Accept any certificate. The connection is encrypted and its peer unknown.
    pub insecure_skip_verify: bool,
    /// The certificate shown to a peer that asks for one.
    pub client_identity: Option<ClientIdentity>,
}

impl TlsOptions {
    /// Adds every certificate of a PEM text to the roots.
    pub fn add_roots_pem(&mut self, pem: &[u8]) -> Result<(), TlsOptionsError> {
        self.extra_roots.extend(certificates(pem)?);
        Ok(())
    }
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("extra_roots", &self.extra_roots.len())
            .field("insecure_skip_verify", &self.insecure_skip_verify)
            .field("client_identity", &self.client_identity.is_some())
            .finish()
    }
}

/// A client certificate with its chain and private key. Never prints the key.
#[derive(Clone)]
pub struct ClientIdentity(Arc<Identity>);

struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl ClientIdentity {
    /// Reads chain and key from PEM, and checks that they belong together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsOptionsError> {
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsOptionsError::Key)?;
        Self::new(certificates(chain)?, key)
    }

    /// Takes chain and key, and checks that they belong together.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsOptionsError> {
        CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider())
            .map_err(TlsOptionsError::Identity)?;
        Ok(Self(Arc::new(Identity { chain, key })))
    }

    fn parts(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        (self.0.chain.clone(), self.0.key.clone_key())
    }
}

impl PartialEq for ClientIdentity {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.chain == other.0.chain && self.0.key == other.0.key)
    }
}

impl Eq for ClientIdentity {}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientIdentity(***)")
    }
}

/// Why TLS options cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TlsOptionsError {
    /// The PEM text holds no certificate, or a broken one.
    #[error("the PEM text has no readable certificate")]
    Certificate,
    /// The PEM text holds no private key.
    #[error("the PEM text has no readable private key")]
    Key,
    /// Certificate and key do not work together.
    #[error("the client certificate cannot be used")]
    Identity(#[source] rustls::Error),
    /// A root certificate is not usable as one.
    #[error("a root certificate cannot be used")]
    Root(#[source] rustls::Error),
    /// Nothing to trust: the system has no roots and the endpoint adds none.
    #[error("no trusted root certificates were found on this system")]
    NoRoots,
    /// The roots of the system could not be read.
    #[error("the root certificates of this system could not be read")]
    RootsUnreadable(#[source] Arc<io::Error>),
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsOptionsError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| TlsOptionsError::Certificate)?;
    if found.is_empty() {
        return Err(TlsOptionsError::Certificate);
    }
    Ok(found)
}

/// Named explicitly: the process default depends on what else is linked.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chain_with_key_is_checked_at_once() {
        let mine = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
        let chain = mine.cert.pem();
        let check = |chain: &str, key: &str| {
            ClientIdentity::from_pem(chain.as_bytes(), key.as_bytes())
                .err()
                .map(|error| error.to_string())
        };
        let key = mine.signing_key.serialize_pem();
        assert_eq!(check(&chain, &key), None);
        assert_eq!(
            check(&chain, &other.signing_key.serialize_pem()).as_deref(),
            Some("the client certificate cannot be used")
        );
        assert_eq!(
            check("", &key).as_deref(),
            Some("the PEM text has no readable certificate")
        );
        assert_eq!(
            check(&chain, "").as_deref(),
            Some("the PEM text has no readable private key")
        );
    }
}
