//! Rules on who may call what.

use ferrogate_types::Scope;
use ferrogate_types::route::Origin;
use ipnet::IpNet;
use serde::Serialize;

/// `policy NAME { … }`: speaks of calls that fit every list that is not empty.
#[derive(Clone, Debug, Serialize)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// What it says.
    pub effect: PolicyEffect,
    /// Of whom, with all below them; `*` stands for anything, here and in the next lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<String>,
    /// Of whose key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// Of what model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// At what provider.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<String>,
    /// Over what surface.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub surfaces: Vec<String>,
    /// By what permission.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<Scope>,
    /// From where.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ips: Vec<IpNet>,
    /// When, as written; checked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<String>,
    /// What the refusal is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What the refusal says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// It decides nothing, and logs where it would have.
    pub dry_run: bool,
    /// Where it was written.
    pub origin: Origin,
}

/// What a policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyEffect {
    /// What fits may happen.
    Allow,
    /// It may not; stronger at equal rank.
    Deny,
}
