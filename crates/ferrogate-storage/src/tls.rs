//! How a server is to prove who it is.

use std::path::PathBuf;
use std::sync::Arc;

use ferrogate_tls::AcceptAny;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use crate::dsn::DsnError;

/// What is checked of a server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// Nothing: what passes is only kept from those who merely listen.
    Nothing,
    /// That somebody we trust signed it.
    Chain,
    /// That, and that it is for the name we asked for.
    ChainAndName,
}

/// How to speak TLS with a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsSettings {
    /// What is checked.
    pub(crate) check: Check,
    /// Who is trusted, as PEM; the system's list without it.
    pub(crate) roots: Option<PathBuf>,
    /// A certificate to show and its key, as PEM.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
}

impl TlsSettings {
    /// The rustls configuration. Reads files.
    pub(crate) fn client(&self) -> Result<Arc<ClientConfig>, DsnError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let refused = |error: &dyn std::fmt::Display| DsnError::Tls(error.to_string());
        let verifier: Arc<dyn ServerCertVerifier> = if self.check == Check::Nothing {
            Arc::new(AcceptAny(Arc::clone(&provider)))
        } else {
            let roots = Arc::new(self.root_store()?);
            let inner = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
                .build()
                .map_err(|error| refused(&error))?;
            match self.check {
                Check::ChainAndName => inner,
                Check::Nothing | Check::Chain => Arc::new(AnyName(inner)),
            }
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| refused(&error))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates(certificate)?;
                let key =
                    PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| refused(&error))?
            }
        };
        Ok(Arc::new(config))
    }

    fn root_store(&self) -> Result<rustls::RootCertStore, DsnError> {
        let mut store = rustls::RootCertStore::empty();
        if let Some(path) = &self.roots {
            for root in certificates(path)? {
                store.add(root).map_err(|error| unreadable(path, &error))?;
            }
        } else {
            // Systems carry odd roots; those are skipped.
            let system = rustls_native_certs::load_native_certs().certs;
            store.add_parsable_certificates(system);
        }
        if store.is_empty() {
            return Err(DsnError::Tls("nobody is trusted".to_owned()));
        }
        Ok(store)
    }
}

fn certificates(path: &PathBuf) -> Result<Vec<CertificateDer<'static>>, DsnError> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &std::path::Path, error: &dyn std::fmt::Display) -> DsnError {
    DsnError::Tls(format!("`{}`: {error}", path.display()))
}

/// Checks everything but the name, which is looked at after everything else.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified =
            self.0
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
