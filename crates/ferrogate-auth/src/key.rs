//! A virtual key.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ferrogate_types::{KeyId, ModelName, ProviderId, Scope, ScopeSet, Secret, TenantId, UserId};

use crate::activity::KeyActivity;
use crate::{AccessLists, AuthError, KeyDigest};

/// What is said of a key, in the configuration or through the admin API.
#[derive(Clone, Debug)]
pub struct KeySpec {
    /// Its public id.
    pub id: KeyId,
    /// What the caller presents.
    pub credential: KeyCredential,
    /// What people call it.
    pub name: Option<String>,
    /// What it may do.
    pub scopes: ScopeSet,
    /// What it may use, and from where.
    pub lists: AccessLists,
    /// Switched off.
    pub disabled: bool,
    /// Seconds since 1970 from which on it is refused.
    pub expires: Option<u64>,
    /// Whom it belongs to.
    pub tenant: Option<TenantId>,
    /// Who uses it.
    pub user: Option<UserId>,
    /// Anything else its owner wants to find in records.
    pub metadata: BTreeMap<String, String>,
}

/// What a caller presents.
#[derive(Clone, Debug)]
pub enum KeyCredential {
    /// The secret itself; an empty one fits nobody.
    Plain(Secret),
    /// A PHC string of argon2id.
    Argon2(Secret),
    /// A secret the gateway made.
    Generated(GeneratedHashes),
}

/// What is kept of a secret the gateway made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneratedHashes {
    /// The secret.
    pub current: KeyDigest,
    /// The secret before the last rotation, and the seconds since 1970 from which on it is refused.
    pub previous: Option<(KeyDigest, u64)>,
}

/// Where a key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In the configuration: not changed through the admin API.
    File,
    /// In the state store.
    Api,
}

/// A key whose secret was presented.
#[derive(Debug)]
pub struct Key {
    spec: Arc<KeySpec>,
    source: KeySource,
    index: usize,
    revoked_at: Option<u64>,
    activity: Arc<KeyActivity>,
}

/// What a key may not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It lacks a scope.
    #[error("the key `{key}` does not have the scope `{scope}`")]
    Scope {
        /// The key.
        key: KeyId,
        /// The scope.
        scope: Scope,
    },
    /// It may not use the model.
    #[error("the key `{key}` may not use the model `{model}`")]
    Model {
        /// The key.
        key: KeyId,
        /// The model.
        model: ModelName,
    },
    /// It may not be used from there.
    #[error("the key `{key}` may not be used from this address")]
    Address {
        /// The key.
        key: KeyId,
    },
}

impl KeySpec {
    /// A key that can do nothing yet.
    pub fn new(id: KeyId, credential: KeyCredential) -> Self {
        Self {
            id,
            credential,
            name: None,
            scopes: ScopeSet::EMPTY,
            lists: AccessLists::default(),
            disabled: false,
            expires: None,
            tenant: None,
            user: None,
            metadata: BTreeMap::new(),
        }
    }
}

impl GeneratedHashes {
    /// What is kept of a first secret.
    pub fn new(current: KeyDigest) -> Self {
        Self {
            current,
            previous: None,
        }
    }

    /// Puts a new secret in the place of the current one, which is still good until then.
    pub fn rotated(self, new: KeyDigest, old_until: u64) -> Self {
        Self {
            current: new,
            previous: Some((self.current, old_until)),
        }
    }

    /// Whether a presented secret is one of them now.
    pub(crate) fn fit(&self, presented: &KeyDigest, now: u64) -> bool {
        let graced = |(digest, until): (KeyDigest, u64)| now < until && digest == *presented;
        self.current == *presented || self.previous.is_some_and(graced)
    }
}

impl Key {
    pub(crate) fn in_file(spec: KeySpec, index: usize) -> Self {
        Self {
            spec: Arc::new(spec),
            source: KeySource::File,
            index,
            revoked_at: None,
            activity: Arc::default(),
        }
    }

    pub(crate) fn issued(
        spec: Arc<KeySpec>,
        revoked_at: Option<u64>,
        activity: Arc<KeyActivity>,
    ) -> Self {
        Self {
            spec,
            source: KeySource::Api,
            index: usize::MAX,
            revoked_at,
            activity,
        }
    }

    /// Its public id.
    pub fn id(&self) -> &KeyId {
        &self.spec.id
    }

    /// Its place in the configuration, for state that is kept beside it; of an issued key, a place where nothing is.
    pub fn index(&self) -> usize {
        self.index
    }

    /// What is said of it.
    pub fn spec(&self) -> &KeySpec {
        &self.spec
    }

    /// Where it is written.
    pub fn source(&self) -> KeySource {
        self.source
    }

    /// When it was revoked, in seconds since 1970.
    pub fn revoked_at(&self) -> Option<u64> {
        self.revoked_at
    }

    /// When it was used, and how often.
    pub fn activity(&self) -> &Arc<KeyActivity> {
        &self.activity
    }

    pub(crate) fn adopt_activity(&mut self, of: &Self) {
        self.activity = Arc::clone(&of.activity);
    }

    /// Whether it is good for anything now, in seconds since 1970.
    pub fn require_usable(&self, now: u64) -> Result<(), AuthError> {
        let id = || self.spec.id.clone();
        if self.revoked_at.is_some() {
            Err(AuthError::Revoked(id()))
        } else if self.spec.disabled {
            Err(AuthError::Disabled(id()))
        } else if self.spec.expires.is_some_and(|at| at <= now) {
            Err(AuthError::Expired(id()))
        } else {
            Ok(())
        }
    }

    /// Whether it holds the scope.
    pub fn require(&self, scope: Scope) -> Result<(), Denied> {
        if self.spec.scopes.contains(scope) {
            Ok(())
        } else {
            Err(Denied::Scope {
                key: self.spec.id.clone(),
                scope,
            })
        }
    }

    /// Whether it may use the model: by its own name, which aliases lead to. Deny beats allow.
    pub fn require_model(&self, model: &ModelName) -> Result<(), Denied> {
        if self.spec.lists.permit_model(model) {
            Ok(())
        } else {
            Err(Denied::Model {
                key: self.spec.id.clone(),
                model: model.clone(),
            })
        }
    }

    /// Whether it may use the provider. Deny beats allow.
    pub fn may_use_provider(&self, provider: &ProviderId) -> bool {
        self.spec.lists.permit_provider(provider)
    }

    /// Whether it may be used from the address.
    pub fn require_address(&self, address: Option<IpAddr>) -> Result<(), Denied> {
        if self.spec.lists.permit_address(address) {
            Ok(())
        } else {
            Err(Denied::Address {
                key: self.spec.id.clone(),
            })
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn spec(id: &str, secret: &str) -> KeySpec {
        KeySpec {
            scopes: ScopeSet::all(),
            ..KeySpec::new(
                id.parse().unwrap(),
                KeyCredential::Plain(Secret::literal(secret)),
            )
        }
    }

    #[test]
    fn deny_beats_allow_and_empty_means_all() {
        let model = |name: &str| name.parse::<ModelName>().unwrap();
        let mut limited = spec("k", "s");
        let open = Key::in_file(limited.clone(), 0);
        assert!(open.require_model(&model("any")).is_ok());
        limited.lists.allowed_models = vec![model("a"), model("b")];
        limited.lists.denied_models = vec![model("b")];
        let key = Key::in_file(limited, 0);
        assert!(key.require_model(&model("a")).is_ok());
        assert!(key.require_model(&model("b")).is_err() && key.require_model(&model("c")).is_err());
    }

    #[test]
    fn checks_scopes_and_addresses() {
        let mut limited = spec("k", "s");
        limited.scopes = [Scope::ModelsRead].into_iter().collect();
        limited.lists.allowed_ips = vec!["10.0.0.0/8".parse().unwrap()];
        let key = Key::in_file(limited, 0);
        assert!(key.require(Scope::ModelsRead).is_ok());
        assert_eq!(
            key.require(Scope::AdminRead).unwrap_err().to_string(),
            "the key `k` does not have the scope `admin.read`"
        );
        let from = |address: &str| key.require_address(Some(address.parse().unwrap()));
        assert!(from("::ffff:10.1.2.3").is_ok());
        assert!(from("11.0.0.1").is_err());
        assert!(key.require_address(None).is_err());
    }

    #[test]
    fn a_rotated_secret_is_good_until_its_grace_is_over() {
        let [old, new] = ["old", "new"].map(KeyDigest::of);
        let hashes = GeneratedHashes::new(old).rotated(new, 100);
        assert!(hashes.fit(&new, 1_000) && hashes.fit(&old, 99));
        assert!(!hashes.fit(&old, 100) && !hashes.fit(&KeyDigest::of("x"), 0));
    }
}
