//! Certificates and keys for TLS to upstreams.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use ferrogate_types::route::UpstreamTls;
use pingora_core::protocols::tls::CaType;
use pingora_core::utils::tls::{CertKey, WrappedX509, parse_x509};

/// Certificates and keys for TLS to upstreams, read when the configuration was.
#[derive(Default)]
pub struct UpstreamTlsMaterial {
    materials: HashMap<Named, Material>,
}

/// What a directive names: files of roots, roots written out, the files of certificate and key.
type Named = (Vec<PathBuf>, Vec<String>, Option<(PathBuf, PathBuf)>);

#[derive(Clone, Default)]
pub(super) struct Material {
    pub(super) roots: Option<Arc<CaType>>,
    pub(super) client: Option<Arc<CertKey>>,
    pub(super) group: u64,
}

impl std::fmt::Debug for UpstreamTlsMaterial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.materials.keys()).finish()
    }
}

impl UpstreamTlsMaterial {
    /// Adds what a directive names: trusted roots and the client's chain and key, all DER.
    pub fn insert(
        &mut self,
        tls: &UpstreamTls,
        roots: &[Vec<u8>],
        client: Option<(Vec<Vec<u8>>, Vec<u8>)>,
    ) {
        let wrapped = |der: &Vec<u8>| WrappedX509::new(der.clone(), parse_x509);
        // Pingora's pool does not tell peers apart by their roots: a group of their own keeps a connection that
        // was verified against one set from serving another.
        let group = u64::try_from(self.materials.len())
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        let roots =
            (!roots.is_empty()).then(|| roots.iter().map(wrapped).collect::<Vec<_>>().into());
        let client = client.map(|(chain, key)| Arc::new(CertKey::new(chain, key)));
        self.materials.entry(named(tls)).or_insert(Material {
            roots,
            client,
            group,
        });
    }

    pub(super) fn find(&self, tls: &UpstreamTls) -> Material {
        if !tls.has_material() {
            return Material::default();
        }
        self.materials.get(&named(tls)).cloned().unwrap_or_default()
    }
}

fn named(tls: &UpstreamTls) -> Named {
    (
        tls.trust_pool.clone(),
        tls.trust_inline.clone(),
        tls.client_auth.clone(),
    )
}
