//! Tenants as a tree.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use ferrogate_types::{ModelName, ProviderId, ScopeSet, TenantId};

use crate::AccessLists;

/// What is said of a tenant, in the configuration or through the admin API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantSpec {
    /// Its id.
    pub id: TenantId,
    /// The tenant it is a part of.
    pub parent: Option<TenantId>,
    /// What it is: an organisation, a team, a project, or any other word. It decides nothing.
    pub kind: Option<String>,
    /// What people call it.
    pub name: Option<String>,
    /// Switched off, with all that is below it.
    pub disabled: bool,
    /// Seconds since 1970 from which on it is refused, with all that is below it.
    pub expires: Option<u64>,
    /// The most that its keys may do; nothing = no such bound.
    pub scopes: Option<ScopeSet>,
    /// What its keys may use, and from where.
    pub lists: AccessLists,
    /// Anything else its owner wants to find in records.
    pub metadata: BTreeMap<String, String>,
}

/// A tenant as the state store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantRecord {
    /// What is said of it.
    pub spec: TenantSpec,
    /// Limits and budgets declared with it, as JSON text of whoever enforces them; opaque here.
    pub limits: String,
    /// Seconds since 1970.
    pub created_at: u64,
    /// Seconds since 1970.
    pub updated_at: u64,
    /// Grows with each change, from 1, as the store says: what an `ETag` is made of.
    pub version: u64,
}

/// All tenants, each with the chain of those above it.
///
/// A chain is found once, when the tree is made; a request walks it without looking for anything.
#[derive(Debug, Default)]
pub struct TenantTree {
    tenants: Vec<TenantSpec>,
    by_id: HashMap<TenantId, usize>,
    /// For each tenant its own place and those above it, nearest first.
    chains: Vec<Box<[usize]>>,
}

/// Why tenants make no tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TenantError {
    /// Two tenants of one id.
    #[error("the tenant `{0}` is declared twice")]
    Twice(TenantId),
    /// A part of nothing.
    #[error("the tenant `{child}` is in `{parent}`, which does not exist")]
    UnknownParent {
        /// The tenant.
        child: TenantId,
        /// What it names.
        parent: TenantId,
    },
    /// A part of itself.
    #[error("the tenant `{0}` is, by way of its parents, in itself")]
    Cycle(TenantId),
    /// Deeper than anybody's organisation.
    #[error("the tenant `{0}` has more than {MAX_DEPTH} tenants above it")]
    TooDeep(TenantId),
}

/// What a tenant, or one above it, does not permit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TenantDenied {
    /// It is not known.
    #[error("the tenant `{0}` does not exist")]
    Unknown(TenantId),
    /// It is switched off.
    #[error("the tenant `{0}` is disabled")]
    Disabled(TenantId),
    /// Its time is over.
    #[error("the tenant `{0}` has expired")]
    Expired(TenantId),
    /// It may not use the model.
    #[error("the tenant `{tenant}` may not use the model `{model}`")]
    Model {
        /// Whose list it is.
        tenant: TenantId,
        /// The model.
        model: ModelName,
    },
    /// It may not be used from there.
    #[error("the tenant `{0}` may not be used from this address")]
    Address(TenantId),
}

/// Tenants above one another: each costs every request of those below.
const MAX_DEPTH: usize = 16;

impl TenantSpec {
    /// A tenant that bounds nothing.
    pub fn new(id: TenantId, parent: Option<TenantId>) -> Self {
        Self {
            id,
            parent,
            kind: None,
            name: None,
            disabled: false,
            expires: None,
            scopes: None,
            lists: AccessLists::default(),
            metadata: BTreeMap::new(),
        }
    }
}

impl TenantTree {
    /// A tree of these tenants, which may come in any order. All that is wrong with them otherwise.
    pub fn new(tenants: Vec<TenantSpec>) -> Result<Self, Vec<TenantError>> {
        let mut errors = Vec::new();
        let mut by_id = HashMap::with_capacity(tenants.len());
        for (index, tenant) in tenants.iter().enumerate() {
            if by_id.insert(tenant.id.clone(), index).is_some() {
                errors.push(TenantError::Twice(tenant.id.clone()));
            }
        }
        let mut chains = Vec::with_capacity(tenants.len());
        for (index, tenant) in tenants.iter().enumerate() {
            match chain(index, tenant, &tenants, &by_id) {
                Ok(chain) => chains.push(chain),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(Self {
                tenants,
                by_id,
                chains,
            })
        } else {
            Err(errors)
        }
    }

    /// The tenants in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = &TenantSpec> {
        self.tenants.iter()
    }

    /// The tenant with this id.
    pub fn get(&self, id: &TenantId) -> Option<&TenantSpec> {
        self.tenants.get(*self.by_id.get(id)?)
    }

    /// A tenant and those above it, nearest first; nothing where it is not known.
    pub fn chain<'a>(&'a self, id: &TenantId) -> impl Iterator<Item = &'a TenantSpec> + use<'a> {
        let chain = self.by_id.get(id).and_then(|&index| self.chains.get(index));
        chain
            .into_iter()
            .flatten()
            .filter_map(|&index| self.tenants.get(index))
    }

    /// The tenants that are a part of this one, at any depth: whom a change of it concerns.
    pub fn below<'a>(&'a self, id: &TenantId) -> impl Iterator<Item = &'a TenantSpec> + use<'a> {
        let place = self.by_id.get(id).copied();
        self.tenants
            .iter()
            .zip(&self.chains)
            .filter(move |(_, chain)| {
                place.is_some_and(|place| chain.iter().skip(1).any(|&above| above == place))
            })
            .map(|(tenant, _)| tenant)
    }

    /// Whether the tenant is known and neither it nor one above it is switched off or over. `now` is in seconds since
    /// 1970.
    pub fn require_usable(&self, id: &TenantId, now: u64) -> Result<(), TenantDenied> {
        if !self.by_id.contains_key(id) {
            return Err(TenantDenied::Unknown(id.clone()));
        }
        for tenant in self.chain(id) {
            if tenant.disabled {
                return Err(TenantDenied::Disabled(tenant.id.clone()));
            }
            if tenant.expires.is_some_and(|at| at <= now) {
                return Err(TenantDenied::Expired(tenant.id.clone()));
            }
        }
        Ok(())
    }

    /// Whether the tenant and all above it permit the model: by its own name, which aliases lead to.
    pub fn require_model(&self, id: &TenantId, model: &ModelName) -> Result<(), TenantDenied> {
        let refuses = self
            .chain(id)
            .find(|tenant| !tenant.lists.permit_model(model));
        refuses.map_or(Ok(()), |tenant| {
            Err(TenantDenied::Model {
                tenant: tenant.id.clone(),
                model: model.clone(),
            })
        })
    }

    /// Whether the tenant and all above it permit the provider.
    pub fn may_use_provider(&self, id: &TenantId, provider: &ProviderId) -> bool {
        self.chain(id)
            .all(|tenant| tenant.lists.permit_provider(provider))
    }

    /// Whether the tenant and all above it may be used from the address.
    pub fn require_address(
        &self,
        id: &TenantId,
        address: Option<IpAddr>,
    ) -> Result<(), TenantDenied> {
        let refuses = self
            .chain(id)
            .find(|tenant| !tenant.lists.permit_address(address));
        refuses.map_or(Ok(()), |tenant| {
            Err(TenantDenied::Address(tenant.id.clone()))
        })
    }

    /// What of these scopes the tenant and all above it leave.
    pub fn bound(&self, id: &TenantId, scopes: ScopeSet) -> ScopeSet {
        self.chain(id)
            .filter_map(|tenant| tenant.scopes)
            .fold(scopes, ScopeSet::intersection)
    }
}

fn chain(
    index: usize,
    tenant: &TenantSpec,
    tenants: &[TenantSpec],
    by_id: &HashMap<TenantId, usize>,
) -> Result<Box<[usize]>, TenantError> {
    let mut chain = vec![index];
    let mut child = tenant;
    while let Some(parent) = &child.parent {
        let above = by_id
            .get(parent)
            .and_then(|&place| Some((place, tenants.get(place)?)));
        let Some((place, above)) = above else {
            return Err(TenantError::UnknownParent {
                child: child.id.clone(),
                parent: parent.clone(),
            });
        };
        if chain.contains(&place) {
            return Err(TenantError::Cycle(tenant.id.clone()));
        }
        if chain.len() > MAX_DEPTH {
            return Err(TenantError::TooDeep(tenant.id.clone()));
        }
        chain.push(place);
        child = above;
    }
    Ok(chain.into())
}

#[cfg(test)]
mod tests {
    use ferrogate_types::Scope;

    use super::*;

    fn id(text: &str) -> TenantId {
        text.parse().unwrap()
    }

    fn spec(name: &str, parent: &str) -> TenantSpec {
        TenantSpec::new(id(name), (!parent.is_empty()).then(|| id(parent)))
    }

    fn check(tenants: &[(&str, &str)], expected: Result<&[&str], &str>) {
        let specs = tenants.iter().map(|(name, parent)| spec(name, parent));
        let tree = TenantTree::new(specs.collect());
        let found = tree.map(|tree| {
            let ids = tree
                .chain(&id("project"))
                .map(|tenant| tenant.id.to_string());
            ids.collect::<Vec<_>>()
        });
        match expected {
            Ok(chain) => assert_eq!(found.unwrap(), chain),
            Err(error) => assert_eq!(found.unwrap_err()[0].to_string(), error),
        }
    }

    #[test]
    fn parents_are_found_once_and_in_order() {
        check(
            &[("project", "team"), ("org", ""), ("team", "org")],
            Ok(&["project", "team", "org"]),
        );
        check(&[("other", "")], Ok(&[]));
        check(
            &[("a", ""), ("a", "")],
            Err("the tenant `a` is declared twice"),
        );
        check(
            &[("a", "b")],
            Err("the tenant `a` is in `b`, which does not exist"),
        );
        for cycle in [&[("a", "a")][..], &[("a", "b"), ("b", "c"), ("c", "a")]] {
            check(
                cycle,
                Err("the tenant `a` is, by way of its parents, in itself"),
            );
        }
        // Not in the cycle itself, but below it.
        check(
            &[("x", "a"), ("a", "b"), ("b", "a")],
            Err("the tenant `x` is, by way of its parents, in itself"),
        );
    }

    #[test]
    fn a_tree_has_a_depth() {
        let deep = (0..40).map(|n| {
            let parent = if n == 0 {
                String::new()
            } else {
                (n - 1).to_string()
            };
            spec(&n.to_string(), &parent)
        });
        let errors = TenantTree::new(deep.collect()).unwrap_err();
        assert_eq!(errors[0], TenantError::TooDeep(id("17")));
    }

    #[test]
    fn what_one_above_forbids_is_forbidden_below() {
        let mut org = spec("org", "");
        org.lists.denied_models = vec!["big".parse().unwrap()];
        org.lists.allowed_providers = vec!["openai".parse().unwrap()];
        org.scopes = Some(
            [Scope::ModelsRead, Scope::ChatCompletions]
                .into_iter()
                .collect(),
        );
        org.expires = Some(100);
        let tree = TenantTree::new(vec![spec("team", "org"), org]).unwrap();
        let team = id("team");
        assert_eq!(
            tree.require_model(&team, &"big".parse().unwrap())
                .unwrap_err()
                .to_string(),
            "the tenant `org` may not use the model `big`"
        );
        assert!(tree.require_model(&team, &"small".parse().unwrap()).is_ok());
        assert!(!tree.may_use_provider(&team, &"other".parse().unwrap()));
        let scopes = tree.bound(
            &team,
            [Scope::ModelsRead, Scope::AdminWrite].into_iter().collect(),
        );
        assert_eq!(scopes.iter().collect::<Vec<_>>(), [Scope::ModelsRead]);
        assert_eq!(tree.require_usable(&team, 99), Ok(()));
        assert_eq!(
            tree.require_usable(&team, 100),
            Err(TenantDenied::Expired(id("org")))
        );
        assert_eq!(
            tree.require_usable(&id("nobody"), 0),
            Err(TenantDenied::Unknown(id("nobody")))
        );
        let below: Vec<_> = tree
            .below(&id("org"))
            .map(|tenant| tenant.id.as_str())
            .collect();
        assert_eq!(below, ["team"]);
    }
}
