//! The public keys of an issuer.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::algorithm::PublicKey;
use super::jws::Jws;
use super::{Algorithm, TokenError};

/// The public keys of an issuer. Source: RFC 7517, RFC 7518 section 6, RFC 8037 section 2.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KeySet {
    keys: Vec<IssuerKey>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct IssuerKey {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    key: PublicKey,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// Keys of one issuer; big ones have a handful.
const MOST: usize = 100;

impl KeySet {
    /// Reads a document. Keys that sign nothing, or in a way not known here, are left out, secrets among them; a document
    /// without any other is none.
    pub(super) fn parse(document: &[u8]) -> Option<Self> {
        let document: Document = serde_json::from_slice(document).ok()?;
        let keys: Vec<_> = document
            .keys
            .into_iter()
            .filter_map(|key| serde_json::from_value::<Jwk>(key).ok()?.read())
            .take(MOST)
            .collect();
        (!keys.is_empty()).then_some(Self { keys })
    }

    /// Whether none was ever fetched.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether the token's signature fits its key. Without a name, any key of the right kind will do.
    pub(super) fn verify(&self, jws: &Jws<'_>) -> Result<(), TokenError> {
        let mut candidates = self
            .keys
            .iter()
            .filter(|key| jws.key.is_none() || key.id == jws.key)
            .filter(|key| jws.algorithm.takes(&key.key))
            .filter(|key| key.algorithm.is_none_or(|only| only == jws.algorithm))
            .peekable();
        if candidates.peek().is_none() {
            return Err(TokenError::UnknownKey);
        }
        let message = jws.message.as_bytes();
        candidates
            .any(|key| jws.algorithm.verify(&key.key, message, &jws.signature))
            .then_some(())
            .ok_or(TokenError::Signature)
    }
}

impl Jwk {
    fn read(self) -> Option<IssuerKey> {
        if self.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return None;
        }
        let algorithm = match self.alg.as_deref() {
            Some(name) => Some(name.parse().ok()?),
            None => None,
        };
        let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
        let point = || {
            // The uncompressed form of SEC 1, section 2.3.3.
            let mut point = vec![4];
            point.extend(bytes(&self.x)?);
            point.extend(bytes(&self.y)?);
            Some(point)
        };
        let key = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => PublicKey::Rsa {
                n: bytes(&self.n)?,
                e: bytes(&self.e)?,
            },
            ("EC", Some("P-256")) => PublicKey::P256(point()?),
            ("EC", Some("P-384")) => PublicKey::P384(point()?),
            ("OKP", Some("Ed25519")) => PublicKey::Ed25519(bytes(&self.x)?),
            _ => return None,
        };
        Some(IssuerKey {
            id: self.kid,
            algorithm,
            key,
        })
    }
}
