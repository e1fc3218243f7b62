//! Certificates and keys for TLS to upstreams.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferrogate_config::model::Config;
use ferrogate_proxy::UpstreamTlsMaterial;
use ferrogate_types::route::{Handler, UpstreamTls};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::LowerError;

pub(super) fn lower(config: &Config, errors: &mut Vec<LowerError>) -> UpstreamTlsMaterial {
    let mut material = UpstreamTlsMaterial::default();
    let mut lists = super::lists_of(config);
    while let Some(routes) = lists.pop() {
        for route in routes {
            lists.extend(route.handler.nested());
            if let Handler::ReverseProxy(proxy) = &route.handler
                && let Some(tls) = &proxy.transport.tls
                && let Err(message) = read(tls, &mut material)
            {
                errors.push(LowerError::new(route.origin.place.to_string(), message));
            }
        }
    }
    material
}

fn read(tls: &UpstreamTls, material: &mut UpstreamTlsMaterial) -> Result<(), String> {
    if !tls.has_material() {
        return Ok(());
    }
    let mut roots = Vec::new();
    for path in &tls.trust_pool {
        roots.extend(certificates(path)?);
    }
    for written in &tls.trust_inline {
        let der = STANDARD
            .decode(written)
            .map_err(|error| format!("a certificate written out is not base64: {error}"))?;
        check(&der)
            .map_err(|error| format!("a certificate written out cannot be used: {error}"))?;
        roots.push(der);
    }
    let client = match &tls.client_auth {
        None => None,
        Some((certificate, key)) => {
            let chain = certificates(certificate)?;
            let private = PrivateKeyDer::from_pem_file(key).map_err(|error| {
                format!(
                    "`{}` cannot be read as a PEM private key: {error}",
                    key.display()
                )
            })?;
            Some((chain, private.secret_der().to_vec()))
        }
    };
    material.insert(tls, &roots, client);
    Ok(())
}

fn certificates(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let read = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| {
            format!(
                "`{}` cannot be read as PEM certificates: {error}",
                path.display()
            )
        })?;
    if read.is_empty() {
        return Err(format!("`{}` holds no certificate", path.display()));
    }
    for der in &read {
        check(der).map_err(|error| {
            format!(
                "`{}` holds a certificate that cannot be used: {error}",
                path.display()
            )
        })?;
    }
    Ok(read.into_iter().map(|der| der.to_vec()).collect())
}

/// A certificate that is no X.509 would only be noticed by a panic at the first connection.
fn check(der: &[u8]) -> Result<(), rustls::Error> {
    rustls::RootCertStore::empty().add(CertificateDer::from(der.to_vec()))
}
