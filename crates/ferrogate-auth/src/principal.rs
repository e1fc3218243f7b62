//! Who is calling.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ferrogate_types::{ModelName, ProviderId, Scope, ScopeSet, Subject, TenantId, UserId};

use crate::key::{Denied, Key};
use crate::master::MasterKey;
use crate::tenant::{TenantDenied, TenantTree};
use crate::token::TokenIdentity;

/// Who is calling.
#[derive(Clone, Debug)]
pub enum Principal {
    /// The holder of a key.
    Key(Arc<Key>),
    /// The bearer of a token that an identity provider signed.
    Token(Arc<TokenIdentity>),
    /// The holder of the master key.
    Master,
    /// Somebody without a credential, where that is allowed.
    Anonymous,
}

/// What a principal, or a tenant of theirs, may not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// The key may not.
    #[error(transparent)]
    Key(#[from] Denied),
    /// The tenant may not.
    #[error(transparent)]
    Tenant(#[from] TenantDenied),
    /// The scope is not held by the token, or not left by the tenant.
    #[error("{who} does not have the scope `{scope}`")]
    Scope {
        /// Who, in words.
        who: String,
        /// The scope.
        scope: Scope,
    },
}

impl Principal {
    /// The key, where it is one.
    pub fn key(&self) -> Option<&Arc<Key>> {
        match self {
            Self::Key(key) => Some(key),
            Self::Token(_) | Self::Master | Self::Anonymous => None,
        }
    }

    /// Whom the caller belongs to.
    pub fn tenant(&self) -> Option<&TenantId> {
        match self {
            Self::Key(key) => key.spec().tenant.as_ref(),
            Self::Token(token) => token.tenant.as_ref(),
            Self::Master | Self::Anonymous => None,
        }
    }

    /// Who the caller is within that.
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::Key(key) => key.spec().user.as_ref(),
            Self::Token(token) => token.user.as_ref(),
            Self::Master | Self::Anonymous => None,
        }
    }

    /// What the caller may do, as far as their tenants leave it. Somebody without a credential may call everything but
    /// the admin API, which asks for more than being there.
    pub fn scopes(&self, tenants: &TenantTree) -> ScopeSet {
        let own = match self {
            Self::Key(key) => key.spec().scopes,
            Self::Token(token) => token.scopes,
            Self::Master => ScopeSet::all(),
            Self::Anonymous => Scope::ALL
                .iter()
                .copied()
                .filter(|scope| !matches!(scope, Scope::AdminRead | Scope::AdminWrite))
                .collect(),
        };
        match self.tenant() {
            Some(tenant) => tenants.bound(tenant, own),
            None => own,
        }
    }

    /// Whether the caller holds the scope.
    pub fn require(&self, scope: Scope, tenants: &TenantTree) -> Result<(), Forbidden> {
        if let Self::Key(key) = self {
            key.require(scope)?;
        }
        if self.scopes(tenants).contains(scope) {
            Ok(())
        } else {
            Err(Forbidden::Scope {
                who: self.to_string(),
                scope,
            })
        }
    }

    /// Whether the caller's tenant, if there is one, is known and not switched off. `now` is in seconds since 1970.
    pub fn require_tenant(&self, tenants: &TenantTree, now: u64) -> Result<(), Forbidden> {
        match self.tenant() {
            Some(tenant) => Ok(tenants.require_usable(tenant, now)?),
            None => Ok(()),
        }
    }

    /// Whether the caller may use the model: by its own name, which aliases lead to.
    pub fn require_model(&self, model: &ModelName, tenants: &TenantTree) -> Result<(), Forbidden> {
        if let Self::Key(key) = self {
            key.require_model(model)?;
        }
        match self.tenant() {
            Some(tenant) => Ok(tenants.require_model(tenant, model)?),
            None => Ok(()),
        }
    }

    /// Whether the caller may use the provider.
    pub fn may_use_provider(&self, provider: &ProviderId, tenants: &TenantTree) -> bool {
        self.key().is_none_or(|key| key.may_use_provider(provider))
            && self
                .tenant()
                .is_none_or(|tenant| tenants.may_use_provider(tenant, provider))
    }

    /// Whether the caller may come from the address.
    pub fn require_address(
        &self,
        address: Option<IpAddr>,
        tenants: &TenantTree,
    ) -> Result<(), Forbidden> {
        if let Self::Key(key) = self {
            key.require_address(address)?;
        }
        match self.tenant() {
            Some(tenant) => Ok(tenants.require_address(tenant, address)?),
            None => Ok(()),
        }
    }

    /// Whom the limits and budgets of a call apply to, the most particular first: the key, the user, the tenant with
    /// all above it, and everybody. The address and the model are for whoever knows them to add.
    pub fn subjects(&self, tenants: &TenantTree) -> Vec<Subject> {
        let mut subjects = Vec::with_capacity(8);
        if let Self::Key(key) = self {
            subjects.push(Subject::Key(key.id().clone()));
        }
        if let Some(user) = self.user() {
            subjects.push(Subject::User {
                tenant: self.tenant().cloned(),
                user: user.clone(),
            });
        }
        if let Some(tenant) = self.tenant() {
            let chain = tenants.chain(tenant);
            subjects.extend(chain.map(|tenant| Subject::Tenant(tenant.id.clone())));
        }
        subjects.push(Subject::Global);
        subjects
    }
}

/// In words, for messages and audit rows: ``the key `alpha` ``.
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => write!(f, "the key `{}`", key.id()),
            Self::Token(token) => write!(f, "the token of `{}`", token.subject),
            Self::Master => f.write_str(MasterKey::ID),
            Self::Anonymous => f.write_str("a caller without a key"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TenantSpec;
    use crate::key::tests::spec;

    fn tree() -> TenantTree {
        let id = |text: &str| text.parse::<TenantId>().unwrap();
        let mut org = TenantSpec::new(id("org"), None);
        org.scopes = Some([Scope::ModelsRead].into_iter().collect());
        TenantTree::new(vec![TenantSpec::new(id("team"), Some(id("org"))), org]).unwrap()
    }

    #[test]
    fn the_chain_goes_from_the_key_to_everybody() {
        let mut key = spec("k", "s");
        key.tenant = Some("team".parse().unwrap());
        key.user = Some("u".parse().unwrap());
        let principal = Principal::Key(Arc::new(Key::in_file(key, 0)));
        let names = |principal: &Principal| {
            let subjects = principal.subjects(&tree());
            subjects.iter().map(Subject::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            names(&principal),
            [
                "key:k",
                "user:4:team:u",
                "tenant:team",
                "tenant:org",
                "global"
            ]
        );
        assert_eq!(names(&Principal::Anonymous), ["global"]);
        assert!(principal.require(Scope::ModelsRead, &tree()).is_ok());
        assert_eq!(
            principal
                .require(Scope::AdminWrite, &tree())
                .unwrap_err()
                .to_string(),
            "the key `k` does not have the scope `admin.write`"
        );
    }

    #[test]
    fn nobody_administers_without_a_credential() {
        let tree = TenantTree::default();
        assert!(
            Principal::Anonymous
                .require(Scope::ChatCompletions, &tree)
                .is_ok()
        );
        assert!(
            Principal::Anonymous
                .require(Scope::AdminRead, &tree)
                .is_err()
        );
        assert!(Principal::Master.require(Scope::AdminWrite, &tree).is_ok());
    }

    #[test]
    fn who_belongs_to_a_tenant_that_is_gone_is_refused() {
        let mut key = spec("k", "s");
        key.tenant = Some("gone".parse().unwrap());
        let principal = Principal::Key(Arc::new(Key::in_file(key, 0)));
        assert!(principal.require_tenant(&tree(), 0).is_err());
    }
}
