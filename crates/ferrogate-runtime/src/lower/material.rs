//! Certificates and keys for TLS to upstreams.

use std::path::Path;

use ferrogate_config::model::Config;
use ferrogate_proxy::UpstreamTlsMaterial;
use ferrogate_types::route::{Handler, Route, UpstreamTls};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::LowerError;

pub(super) fn lower(config: &Config, errors: &mut Vec<LowerError>) -> UpstreamTlsMaterial {
    let mut material = UpstreamTlsMaterial::default();
    for site in &config.sites {
        collect(&site.routes, &mut material, errors);
    }
    material
}

fn collect(routes: &[Route], material: &mut UpstreamTlsMaterial, errors: &mut Vec<LowerError>) {
    for route in routes {
        match &route.handler {
            Handler::Handle(inner) | Handler::Route(inner) => collect(inner, material, errors),
            Handler::ReverseProxy(proxy) => {
                if let Some(tls) = &proxy.transport.tls
                    && let Err(message) = read(tls, material)
                {
                    errors.push(LowerError::new(route.origin.place.to_string(), message));
                }
            }
            _ => {}
        }
    }
}

fn read(tls: &UpstreamTls, material: &mut UpstreamTlsMaterial) -> Result<(), String> {
    if tls.trust_pool.is_empty() && tls.client_auth.is_none() {
        return Ok(());
    }
    let mut roots = Vec::new();
    for path in &tls.trust_pool {
        roots.extend(certificates(path)?);
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
    // A certificate that is PEM but not X.509 would only be noticed by a panic at the first connection.
    for der in &read {
        rustls::RootCertStore::empty()
            .add(der.clone())
            .map_err(|error| {
                format!(
                    "`{}` holds a certificate that cannot be used: {error}",
                    path.display()
                )
            })?;
    }
    Ok(read.into_iter().map(|der| der.to_vec()).collect())
}
