//! Algorithms of signatures.

use std::str::FromStr;

use ring::signature;

/// An algorithm that a token may be signed with. Secrets that both sides share (HS256 and its like) and no signature
/// at all are not among them, so no setting can permit them. Source: RFC 7518 section 3.1, RFC 8037 section 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSA, PKCS#1 1.5, SHA-256.
    Rs256,
    /// RSA, PKCS#1 1.5, SHA-384.
    Rs384,
    /// RSA, PKCS#1 1.5, SHA-512.
    Rs512,
    /// RSA, PSS, SHA-256.
    Ps256,
    /// RSA, PSS, SHA-384.
    Ps384,
    /// RSA, PSS, SHA-512.
    Ps512,
    /// ECDSA on P-256, SHA-256.
    Es256,
    /// ECDSA on P-384, SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

/// A public key of an issuer, in the form its algorithms take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl Algorithm {
    /// Every algorithm with its name.
    const NAMES: [(&str, Self); 9] = [
        ("RS256", Self::Rs256),
        ("RS384", Self::Rs384),
        ("RS512", Self::Rs512),
        ("PS256", Self::Ps256),
        ("PS384", Self::Ps384),
        ("PS512", Self::Ps512),
        ("ES256", Self::Es256),
        ("ES384", Self::Es384),
        ("EdDSA", Self::EdDsa),
    ];

    /// Permitted where nothing else is said: what identity providers use.
    pub const DEFAULT: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    /// Its name in tokens.
    pub fn as_str(self) -> &'static str {
        let row = Self::NAMES.iter().find(|(_, algorithm)| *algorithm == self);
        row.map_or("", |(name, _)| name)
    }

    /// Whether a key is of the kind it takes: an algorithm is the issuer's choice, never the token's alone.
    pub(super) fn takes(self, key: &PublicKey) -> bool {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => {
                matches!(key, PublicKey::Rsa { .. })
            }
            Self::Es256 => matches!(key, PublicKey::P256(_)),
            Self::Es384 => matches!(key, PublicKey::P384(_)),
            Self::EdDsa => matches!(key, PublicKey::Ed25519(_)),
        }
    }

    /// Whether the signature fits. Keys of RSA below 2048 bits fit nothing.
    pub(super) fn verify(self, key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
        let plain = |algorithm: &'static dyn signature::VerificationAlgorithm, key: &[u8]| {
            signature::UnparsedPublicKey::new(algorithm, key)
                .verify(message, signature)
                .is_ok()
        };
        match (self, key) {
            (Self::Es256, PublicKey::P256(point)) => {
                plain(&signature::ECDSA_P256_SHA256_FIXED, point)
            }
            (Self::Es384, PublicKey::P384(point)) => {
                plain(&signature::ECDSA_P384_SHA384_FIXED, point)
            }
            (Self::EdDsa, PublicKey::Ed25519(point)) => plain(&signature::ED25519, point),
            (_, PublicKey::Rsa { n, e }) => self.rsa().is_some_and(|parameters| {
                signature::RsaPublicKeyComponents { n, e }
                    .verify(parameters, message, signature)
                    .is_ok()
            }),
            _ => false,
        }
    }

    fn rsa(self) -> Option<&'static signature::RsaParameters> {
        Some(match self {
            Self::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Self::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
            Self::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
            Self::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
            Self::Es256 | Self::Es384 | Self::EdDsa => return None,
        })
    }
}

impl FromStr for Algorithm {
    type Err = super::TokenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::NAMES
            .iter()
            .find(|(name, _)| *name == text)
            .map(|&(_, algorithm)| algorithm)
            .ok_or(super::TokenError::Algorithm)
    }
}
