//! Certificates for servers.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::process::give_to_server;

/// A certificate for `localhost`, signed by an authority of its own.
#[derive(Debug)]
pub(super) struct Certificates {
    pub(super) authority: PathBuf,
    pub(super) chain: PathBuf,
    pub(super) key: PathBuf,
}

impl Certificates {
    /// Makes them in a folder.
    pub(super) fn write(folder: &Path) -> Self {
        let authority_key = KeyPair::generate().expect("a key can be made");
        let mut authority = CertificateParams::new(Vec::new()).expect("no name is no wrong name");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_certificate = authority
            .self_signed(&authority_key)
            .expect("a certificate can be made");
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = CertificateParams::new(vec!["localhost".to_owned()])
            .expect("`localhost` is a name")
            .signed_by(&key, &Issuer::new(authority, authority_key))
            .expect("a certificate can be made");
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            std::fs::write(&path, text)
                .and_then(|()| std::fs::set_permissions(&path, Permissions::from_mode(0o600)))
                .expect("the temporary folder is writable");
            give_to_server(&path);
            path
        };
        Self {
            authority: write("authority.pem", authority_certificate.pem()),
            chain: write("chain.pem", certificate.pem()),
            key: write("key.pem", key.serialize_pem()),
        }
    }
}
