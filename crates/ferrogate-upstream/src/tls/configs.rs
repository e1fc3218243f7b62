//! The rustls configurations in use, one per option set.

use std::io;
use std::sync::Arc;

use ferrogate_tls::AcceptAny;
use parking_lot::Mutex;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use tokio::sync::OnceCell;

use super::{TlsOptions, TlsOptionsError, provider};

/// Builds each configuration once, so that its sessions are resumed across connections.
#[derive(Default)]
pub(crate) struct TlsConfigs {
    system_roots: OnceCell<Vec<CertificateDer<'static>>>,
    // The latest used stands last. A handful: distinct option sets, not endpoints.
    built: Mutex<Vec<Built>>,
}

type Built = (Arc<TlsOptions>, Arc<ClientConfig>);

impl TlsConfigs {
    /// The configuration for `options`. The first use reads the roots of the system on a blocking thread.
    pub(crate) async fn get(
        &self,
        options: &Arc<TlsOptions>,
    ) -> Result<Arc<ClientConfig>, TlsOptionsError> {
        if let Some(found) = find(&mut self.built.lock(), options) {
            return Ok(found);
        }
        let roots = if options.insecure_skip_verify {
            RootCertStore::empty()
        } else {
            let system = self.system_roots.get_or_try_init(load_system_roots).await?;
            root_store(system, &options.extra_roots)?
        };
        let config = Arc::new(build(options, roots)?);
        let mut built = self.built.lock();
        // Two first calls may have built at once; the first to finish counts, for the sake of its sessions.
        if let Some(found) = find(&mut built, options) {
            return Ok(found);
        }
        if built.len() >= MAX_SETS {
            built.remove(0);
        }
        built.push((Arc::clone(options), Arc::clone(&config)));
        Ok(config)
    }
}

fn find(built: &mut [Built], options: &Arc<TlsOptions>) -> Option<Arc<ClientConfig>> {
    let at = built
        .iter()
        .position(|(known, _)| Arc::ptr_eq(known, options) || known == options)?;
    let used = built.get_mut(at..)?;
    used.rotate_left(1);
    used.last().map(|(_, config)| Arc::clone(config))
}

/// Reloads with new certificates leave old sets behind; beyond this the longest unused one goes.
const MAX_SETS: usize = 64;

fn build(options: &TlsOptions, roots: RootCertStore) -> Result<ClientConfig, TlsOptionsError> {
    let provider = provider();
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsOptionsError::Identity)?;
    let builder = if options.insecure_skip_verify {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AcceptAny(provider)))
    } else {
        builder.with_root_certificates(roots)
    };
    let mut config = match &options.client_identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (chain, key) = identity.parts();
            builder
                .with_client_auth_cert(chain, key)
                .map_err(TlsOptionsError::Identity)?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn root_store(
    system: &[CertificateDer<'static>],
    extra: &[CertificateDer<'static>],
) -> Result<RootCertStore, TlsOptionsError> {
    let mut store = RootCertStore::empty();
    // Systems carry odd roots; those are skipped. A root that somebody configured has to work.
    store.add_parsable_certificates(system.iter().cloned());
    for root in extra {
        store.add(root.clone()).map_err(TlsOptionsError::Root)?;
    }
    if store.is_empty() {
        return Err(TlsOptionsError::NoRoots);
    }
    Ok(store)
}

async fn load_system_roots() -> Result<Vec<CertificateDer<'static>>, TlsOptionsError> {
    let loaded = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs)
        .await
        .map_err(|error| TlsOptionsError::RootsUnreadable(Arc::new(io::Error::other(error))))?;
    for error in &loaded.errors {
        tracing::warn!(%error, "a root certificate of the system could not be read");
    }
    Ok(loaded.certs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn equal_options_share_sessions() {
        let configs = TlsConfigs::default();
        let options = |insecure_skip_verify| {
            Arc::new(TlsOptions {
                insecure_skip_verify,
                extra_roots: vec![
                    rcgen::generate_simple_self_signed(["a".to_owned()])
                        .unwrap()
                        .cert
                        .der()
                        .clone(),
                ],
                ..TlsOptions::default()
            })
        };
        let (checked, unchecked) = (options(false), options(true));
        let first = configs.get(&checked).await.unwrap();
        let same = configs.get(&Arc::new((*checked).clone())).await.unwrap();
        let other = configs.get(&unchecked).await.unwrap();
        assert!(Arc::ptr_eq(&first, &same));
        assert!(!Arc::ptr_eq(&first, &other));
    }

    #[test]
    fn nothing_to_trust_is_an_error() {
        assert_eq!(
            root_store(&[], &[]).unwrap_err().to_string(),
            "no trusted root certificates were found on this system"
        );
    }
}
