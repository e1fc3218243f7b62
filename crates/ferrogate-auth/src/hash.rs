//! Hashes of secrets that people choose.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

/// A secret could not be hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// There was nothing to hash.
    #[error("the secret is empty")]
    Empty,
    /// The system gave no random salt, or the library failed.
    #[error("the secret could not be hashed: {0}")]
    Failed(String),
}

/// Hashes a secret with argon2id (19 MiB, 2 passes, 1 lane) and a random salt, as a PHC string for `key_hash`.
///
/// Takes some ten milliseconds of CPU. Source of the parameters: OWASP Password Storage Cheat Sheet.
pub fn hash_secret(secret: &str) -> Result<String, HashError> {
    if secret.is_empty() {
        return Err(HashError::Empty);
    }
    Argon2::default()
        .hash_password(secret.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| HashError::Failed(error.to_string()))
}

/// Whether a secret has this hash. Takes as long as its parameters say; not for a worker.
pub fn verify_secret(secret: &str, phc: &str) -> bool {
    PasswordHash::new(phc).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(secret.as_bytes(), &hash)
            .is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_fits_its_secret_only() {
        let hash = hash_secret("correct horse").unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(verify_secret("correct horse", &hash));
        assert!(!verify_secret("correct hors", &hash) && !verify_secret("x", "no hash"));
        assert_ne!(hash, hash_secret("correct horse").unwrap());
        assert!(matches!(hash_secret(""), Err(HashError::Empty)));
    }
}
