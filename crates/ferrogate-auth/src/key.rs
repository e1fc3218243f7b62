//! A virtual key.

use std::net::IpAddr;

use ferrogate_types::{KeyId, ModelName, ProviderId, Scope, ScopeSet, Secret};
use ipnet::IpNet;

/// What the configuration says of a key.
#[derive(Clone, Debug)]
pub struct KeySpec {
    /// Its public id.
    pub id: KeyId,
    /// What the caller presents.
    pub credential: KeyCredential,
    /// What it may do.
    pub scopes: ScopeSet,
    /// Models it may use; empty = all.
    pub allowed_models: Vec<ModelName>,
    /// Models it may not use; stronger than the above.
    pub denied_models: Vec<ModelName>,
    /// Providers it may use; empty = all.
    pub allowed_providers: Vec<ProviderId>,
    /// Providers it may not use; stronger than the above.
    pub denied_providers: Vec<ProviderId>,
    /// Addresses it may come from; empty = all.
    pub allowed_ips: Vec<IpNet>,
    /// Switched off.
    pub disabled: bool,
    /// Seconds since 1970 from which on it is refused.
    pub expires: Option<u64>,
}

/// What a caller presents.
#[derive(Clone, Debug)]
pub enum KeyCredential {
    /// The secret itself; an empty one fits nobody.
    Plain(Secret),
    /// A PHC string of argon2id.
    Argon2(Secret),
}

/// A key whose secret was presented.
#[derive(Debug)]
pub struct Key {
    spec: KeySpec,
    index: usize,
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

impl Key {
    pub(crate) fn new(spec: KeySpec, index: usize) -> Self {
        Self { spec, index }
    }

    /// Its public id.
    pub fn id(&self) -> &KeyId {
        &self.spec.id
    }

    /// Its place in the configuration, for state that is kept beside it.
    pub fn index(&self) -> usize {
        self.index
    }

    pub(crate) fn spec(&self) -> &KeySpec {
        &self.spec
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
        if permits(&self.spec.allowed_models, &self.spec.denied_models, model) {
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
        permits(
            &self.spec.allowed_providers,
            &self.spec.denied_providers,
            provider,
        )
    }

    /// Whether it may be used from the address.
    pub fn require_address(&self, address: Option<IpAddr>) -> Result<(), Denied> {
        let inside = |address: IpAddr| {
            self.spec
                .allowed_ips
                .iter()
                .any(|net| net.contains(&address.to_canonical()))
        };
        if self.spec.allowed_ips.is_empty() || address.is_some_and(inside) {
            Ok(())
        } else {
            Err(Denied::Address {
                key: self.spec.id.clone(),
            })
        }
    }
}

fn permits<T: PartialEq>(allowed: &[T], denied: &[T], name: &T) -> bool {
    !denied.contains(name) && (allowed.is_empty() || allowed.contains(name))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn spec(id: &str, secret: &str) -> KeySpec {
        KeySpec {
            id: id.parse().unwrap(),
            credential: KeyCredential::Plain(Secret::literal(secret)),
            scopes: ScopeSet::all(),
            allowed_models: Vec::new(),
            denied_models: Vec::new(),
            allowed_providers: Vec::new(),
            denied_providers: Vec::new(),
            allowed_ips: Vec::new(),
            disabled: false,
            expires: None,
        }
    }

    #[test]
    fn deny_beats_allow_and_empty_means_all() {
        let model = |name: &str| name.parse::<ModelName>().unwrap();
        let mut limited = spec("k", "s");
        assert!(
            Key::new(limited.clone(), 0)
                .require_model(&model("any"))
                .is_ok()
        );
        limited.allowed_models = vec![model("a"), model("b")];
        limited.denied_models = vec![model("b")];
        let key = Key::new(limited, 0);
        assert!(key.require_model(&model("a")).is_ok());
        assert!(key.require_model(&model("b")).is_err() && key.require_model(&model("c")).is_err());
    }

    #[test]
    fn checks_scopes_and_addresses() {
        let mut limited = spec("k", "s");
        limited.scopes = [Scope::ModelsRead].into_iter().collect();
        limited.allowed_ips = vec!["10.0.0.0/8".parse().unwrap()];
        let key = Key::new(limited, 0);
        assert!(key.require(Scope::ModelsRead).is_ok());
        assert_eq!(
            key.require(Scope::AdminRead).unwrap_err().to_string(),
            "the key `k` does not have the scope `admin.read`"
        );
        assert!(
            key.require_address(Some("::ffff:10.1.2.3".parse().unwrap()))
                .is_ok()
        );
        assert!(
            key.require_address(Some("11.0.0.1".parse().unwrap()))
                .is_err()
        );
        assert!(key.require_address(None).is_err());
    }
}
