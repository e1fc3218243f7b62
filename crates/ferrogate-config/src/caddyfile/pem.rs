//! PEM files named in a configuration, read when it is checked.

use std::io::Read as _;
use std::path::PathBuf;

use rustls_pki_types::pem::{Error, PemObject as _};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::context::Cx;
use super::syntax::Token;
use crate::diagnostic::Diagnostic;

/// The largest PEM file in bytes; a system's whole trust store has a quarter of it.
const MAX_PEM: u64 = 1 << 20;

/// What a PEM file must hold.
#[derive(Clone, Copy)]
pub(crate) enum PemKind {
    /// At least one certificate.
    Certificate,
    /// A private key.
    Key,
}

impl Cx<'_> {
    /// The path of a readable PEM file of the right kind.
    pub(crate) fn pem(&mut self, word: &Token, kind: PemKind) -> Option<PathBuf> {
        let path = PathBuf::from(&*word.text);
        let what = match kind {
            PemKind::Certificate => "certificate",
            PemKind::Key => "private key",
        };
        let mut hint = "";
        let reason = match read(&path) {
            Err(error) => {
                if path.is_relative() {
                    hint = "a relative path counts from the working directory";
                }
                format!("cannot be read: {error}")
            }
            Ok(text) => match check(&text, kind) {
                Ok(()) => return Some(path),
                Err(Error::NoItemsFound) => format!("has no {what} in it"),
                Err(_) => "is not PEM".to_owned(),
            },
        };
        let shown = self.shown(word);
        self.say(
            word.at,
            Diagnostic::error("invalid-pem", format!("file `{shown}` {reason}"))
                .label(format!("expected a PEM file with a {what}"))
                .hint(hint),
        );
        None
    }

    /// A certificate written out, base64 of its DER form.
    pub(crate) fn inline_certificate(&mut self, word: &Token) -> Option<String> {
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            word.text
        );
        if !word.text.is_empty() && check(pem.as_bytes(), PemKind::Certificate).is_ok() {
            return Some(word.text.to_string());
        }
        self.say(
            word.at,
            Diagnostic::error("invalid-pem", "this is not a certificate in base64")
                .label("expected the DER form in base64, without header and line breaks")
                .hint("name a file instead: `trust_pool file CA.pem`"),
        );
        None
    }
}

fn read(path: &PathBuf) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(MAX_PEM)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn check(text: &[u8], kind: PemKind) -> Result<(), Error> {
    match kind {
        PemKind::Key => PrivateKeyDer::from_pem_slice(text).map(|_| ()),
        PemKind::Certificate => {
            let mut certificates = CertificateDer::pem_slice_iter(text);
            certificates.next().ok_or(Error::NoItemsFound)??;
            certificates.try_for_each(|certificate| certificate.map(|_| ()))
        }
    }
}
