//! Certificates by name.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// The certificates of a listener, picked by the name the client sends.
///
/// Exact names win over wildcards (`*.example.com` stands for one label). A client that sends no name, or one
/// that is not known, gets the first certificate, as Caddy and nginx do for a listener's default.
#[derive(Debug, Default)]
pub struct CertificateStore {
    names: ArcSwap<Names>,
}

#[derive(Debug, Default)]
struct Names {
    by_name: HashMap<String, Arc<CertifiedKey>>,
    default: Option<Arc<CertifiedKey>>,
}

impl CertificateStore {
    /// A store with these certificates, each for its lower-case names.
    pub fn new(certificates: impl IntoIterator<Item = (Vec<String>, Arc<CertifiedKey>)>) -> Self {
        let store = Self::default();
        store.replace(certificates);
        store
    }

    /// Replaces everything; handshakes under way keep what they picked.
    pub fn replace(
        &self,
        certificates: impl IntoIterator<Item = (Vec<String>, Arc<CertifiedKey>)>,
    ) {
        let mut names = Names::default();
        for (hosts, certificate) in certificates {
            names
                .default
                .get_or_insert_with(|| Arc::clone(&certificate));
            for host in hosts {
                names
                    .by_name
                    .entry(host)
                    .or_insert_with(|| Arc::clone(&certificate));
            }
        }
        self.names.store(Arc::new(names));
    }

    /// The certificate for a name.
    pub fn find(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let names = self.names.load();
        let named = name.and_then(|name| {
            let name = name.to_ascii_lowercase();
            let wildcard = || {
                name.split_once('.')
                    .and_then(|(_, rest)| names.by_name.get(&format!("*.{rest}")))
            };
            names.by_name.get(&name).or_else(wildcard)
        });
        named.or(names.default.as_ref()).cloned()
    }
}

impl ResolvesServerCert for CertificateStore {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(hello.server_name())
    }
}

/// The TLS settings of a listener: TLS 1.2 and 1.3 with rustls' defaults, and these ALPN protocols, the preferred one
/// first. A client that offers only others is refused.
pub fn server_config<'a>(
    store: Arc<CertificateStore>,
    protocols: impl IntoIterator<Item = &'a str>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(store);
    config.alpn_protocols = protocols
        .into_iter()
        .map(|protocol| protocol.as_bytes().to_vec())
        .collect();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::{CertificateError, load_certified_key};

    fn files(dir: &std::path::Path, name: &str) -> (PathBuf, PathBuf) {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let (certificate, key) = (
            dir.join(format!("{name}.pem")),
            dir.join(format!("{name}.key")),
        );
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        (certificate, key)
    }

    #[test]
    fn picks_by_name_then_wildcard_then_first() {
        let dir = tempfile::tempdir().unwrap();
        let load = |name| {
            let (certificate, key) = files(dir.path(), name);
            load_certified_key(&certificate, &key).unwrap()
        };
        let (first, star, exact) = (load("first"), load("star"), load("exact"));
        let store = CertificateStore::new([
            (vec!["first.test".to_owned()], Arc::clone(&first)),
            (vec!["*.example.test".to_owned()], Arc::clone(&star)),
            (vec!["a.example.test".to_owned()], Arc::clone(&exact)),
        ]);
        for (name, expected) in [
            (Some("A.example.test"), &exact),
            (Some("b.example.test"), &star),
            (Some("x.b.example.test"), &first),
            (None, &first),
        ] {
            assert!(
                Arc::ptr_eq(&store.find(name).unwrap(), expected),
                "{name:?}"
            );
        }
        store.replace([]);
        assert!(store.find(Some("first.test")).is_none());
    }

    #[test]
    fn refuses_files_that_do_not_belong_together() {
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key) = files(dir.path(), "a");
        let (_, other_key) = files(dir.path(), "b");
        let error = |certificate, key| load_certified_key(certificate, key).unwrap_err();
        assert!(matches!(
            error(&certificate, &other_key),
            CertificateError::Mismatch { .. }
        ));
        assert!(matches!(error(&key, &key), CertificateError::Empty(_)));
        assert!(matches!(
            error(&certificate, &certificate),
            CertificateError::Pem { .. }
        ));
        assert!(matches!(
            error(&dir.path().join("missing"), &key),
            CertificateError::Pem { .. }
        ));
    }
}
