//! What nobody may do to keys.

use ferrogate_types::{KeyId, Scope, ScopeSet};

use crate::directory::KeyDirectory;
use crate::key::{Key, KeySource};
use crate::principal::Principal;

/// What somebody wants to do to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyChange {
    /// Revoke it, or delete it.
    Remove,
    /// Give it another secret.
    Rotate,
    /// Change what is said of it. What is given here is how it would be afterwards.
    Update {
        /// What it may do.
        scopes: ScopeSet,
        /// Whether it is switched off.
        disabled: bool,
        /// Seconds since 1970 from which on it is refused.
        expires: Option<u64>,
    },
}

/// Why a change of a key was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// There is no such key.
    #[error("there is no key `{0}`")]
    NotFound(KeyId),
    /// It stands in the configuration.
    #[error("the key `{0}` is written in the configuration file and is changed there")]
    ManagedByFile(KeyId),
    /// Somebody would lock themselves out.
    #[error("the key `{0}` may not take itself out of use")]
    SelfHarm(KeyId),
    /// Somebody would give themselves more.
    #[error("the key `{key}` may not give itself the scope `{scope}`")]
    WidensItself {
        /// The key.
        key: KeyId,
        /// The first scope it does not have.
        scope: Scope,
    },
    /// Nobody could administer the gateway any more.
    #[error("the key `{0}` is the last one that can administer the gateway")]
    LastAdmin(KeyId),
}

impl KeyDirectory {
    /// Whether this caller may do that to that key now, in seconds since 1970. Returns the key.
    ///
    /// Looks at the present state only: changes of keys must come one after another, each after its own look.
    pub fn permit_change(
        &self,
        actor: &Principal,
        target: &KeyId,
        change: &KeyChange,
        now: u64,
    ) -> Result<std::sync::Arc<Key>, GuardError> {
        let key = self
            .get(target.as_str())
            .ok_or_else(|| GuardError::NotFound(target.clone()))?;
        if key.source() == KeySource::File {
            return Err(GuardError::ManagedByFile(target.clone()));
        }
        let scopes = key.spec().scopes;
        let after = change.outcome(scopes, now);
        let is_self = actor.key().is_some_and(|actor| actor.id() == target);
        if is_self {
            let Some(after) = after else {
                return Err(GuardError::SelfHarm(target.clone()));
            };
            if let Some(scope) = after.iter().find(|&scope| !scopes.contains(scope)) {
                return Err(GuardError::WidensItself {
                    key: target.clone(),
                    scope,
                });
            }
        }
        let administers = |scopes: ScopeSet| scopes.contains(Scope::AdminWrite);
        let is_admin = administers(scopes) && key.require_usable(now).is_ok();
        if is_admin && !after.is_some_and(administers) && !self.has_other_admin(target, now) {
            return Err(GuardError::LastAdmin(target.clone()));
        }
        Ok(key)
    }
}

impl KeyChange {
    /// The scopes that can be used afterwards; nothing where the key cannot.
    fn outcome(&self, before: ScopeSet, now: u64) -> Option<ScopeSet> {
        match *self {
            Self::Remove => None,
            Self::Rotate => Some(before),
            Self::Update {
                scopes,
                disabled,
                expires,
            } => (!disabled && expires.is_none_or(|at| at > now)).then_some(scopes),
        }
    }
}
