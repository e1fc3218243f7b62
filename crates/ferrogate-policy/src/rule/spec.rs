//! A rule as it is declared.

use std::net::IpAddr;
use std::time::Duration;

use ferrogate_types::{KeyId, Scope, TenantId};
use ipnet::IpNet;

use super::hours::Hours;
use super::pattern::Pattern;

/// A rule. It speaks of calls that fit every list; an empty list fits all, and any entry of a list will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, which is its own.
    pub name: String,
    /// What it says.
    pub effect: Effect,
    /// Of whom, or of whose parents: a tenant's rules hold for all below it.
    pub tenants: Vec<Pattern>,
    /// Of whose key.
    pub keys: Vec<Pattern>,
    /// Of what model: by its own name or by the one the provider knows it by.
    pub models: Vec<Pattern>,
    /// At what provider.
    pub providers: Vec<Pattern>,
    /// By what permission.
    pub scopes: Vec<Scope>,
    /// Over what surface.
    pub surfaces: Vec<Pattern>,
    /// From where.
    pub addresses: Vec<IpNet>,
    /// When.
    pub hours: Vec<Hours>,
    /// The code that the caller sees instead of `policy_denied`.
    pub code: Option<String>,
    /// The message that the caller sees.
    pub message: Option<String>,
    /// Decides nothing, and is reported where it would have.
    pub dry_run: bool,
}

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// The call may go there.
    Allow,
    /// It may not. Beats an equally specific `Allow`.
    Deny,
}

/// What is known of a call that would go to one target.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// The caller's tenant and those above it, nearest first.
    pub tenants: &'a [TenantId],
    /// The caller's key.
    pub key: Option<&'a KeyId>,
    /// The model's own name, which aliases lead to.
    pub model: Option<&'a str>,
    /// The name the target's provider knows it by.
    pub upstream_model: Option<&'a str>,
    /// The target's provider.
    pub provider: Option<&'a str>,
    /// The permission that the call needs.
    pub scope: Option<Scope>,
    /// The surface it came over.
    pub surface: Option<&'a str>,
    /// Where the caller is.
    pub address: Option<IpAddr>,
    /// When, since 1970.
    pub at: Duration,
}

impl Rule {
    /// A rule about every call.
    pub fn new(name: impl Into<String>, effect: Effect) -> Self {
        Self {
            name: name.into(),
            effect,
            tenants: Vec::new(),
            keys: Vec::new(),
            models: Vec::new(),
            providers: Vec::new(),
            scopes: Vec::new(),
            surfaces: Vec::new(),
            addresses: Vec::new(),
            hours: Vec::new(),
            code: None,
            message: None,
            dry_run: false,
        }
    }
}
