//! Keys that the gateway makes.

use ferrogate_types::{KeyId, Secret};

use crate::KeyDigest;
use crate::random::{self, NoEntropy, SECRET_LEN};

/// A key that was just made: the only moment at which its secret is known.
#[derive(Debug)]
pub struct GeneratedKey {
    /// Its public id.
    pub id: KeyId,
    /// What the caller presents: `fg_<id>_<43 letters and digits>`. Shown once.
    pub secret: Secret,
    /// What is kept of it.
    pub digest: KeyDigest,
}

const PREFIX: &str = "fg_";
/// Characters of a made-up id: 71 bits, so that two never meet.
const ID_LEN: usize = 12;

impl GeneratedKey {
    /// Makes a key, with this id or one that is made up. A new secret for an old id is a rotation.
    pub fn new(id: Option<KeyId>) -> Result<Self, NoEntropy> {
        let id = match id {
            Some(id) => id,
            None => random::alphanumeric(ID_LEN)?
                .parse()
                .map_err(|_| NoEntropy)?,
        };
        let secret = random::secret(&format!("{}_", display_prefix(&id)))?;
        Ok(Self {
            digest: KeyDigest::of(secret.expose()),
            id,
            secret,
        })
    }
}

/// What may be shown of a generated key: `fg_<id>`.
pub fn display_prefix(id: &KeyId) -> String {
    format!("{PREFIX}{id}")
}

/// The id in a generated key. The secret's length is fixed, so that an id may hold underscores.
pub(crate) fn id_in(credential: &str) -> Option<&str> {
    let rest = credential.strip_prefix(PREFIX)?;
    let (id, secret) = rest.split_at_checked(rest.len().checked_sub(SECRET_LEN + 1)?)?;
    let whole = secret
        .strip_prefix('_')?
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric());
    (whole && !id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_carries_its_id() {
        for id in [None, Some("alpha_prod"), Some("é_")] {
            let key = GeneratedKey::new(id.map(|id| id.parse().unwrap())).unwrap();
            assert_eq!(id_in(key.secret.expose()), Some(key.id.as_str()));
            assert_eq!(key.digest, KeyDigest::of(key.secret.expose()));
            assert!(!format!("{key:?}").contains(key.secret.expose()));
        }
    }

    #[test]
    fn finds_no_id_in_anything_else() {
        let secret = "x".repeat(SECRET_LEN);
        for credential in [
            String::new(),
            "fg_".to_owned(),
            "fg_id_short".to_owned(),
            format!("fg__{secret}"),
            format!("sk_id_{secret}"),
            format!("fg_id_{}é", "x".repeat(SECRET_LEN - 2)),
            format!("fg_é{}", "é".repeat(SECRET_LEN)),
            format!("fg_id_{}!", "x".repeat(SECRET_LEN - 1)),
        ] {
            assert_eq!(id_in(&credential), None, "{credential}");
        }
    }
}
