//! Issuers of bearer tokens.

use std::collections::BTreeMap;
use std::time::Duration;

use ferrogate_types::route::Origin;
use ferrogate_types::{ScopeSet, TenantId};
use serde::Serialize;

/// `jwt ISSUER { … }`: whose tokens are accepted, and what their claims mean.
#[derive(Clone, Debug, Serialize)]
pub struct JwtIssuer {
    /// Its name, exactly as its tokens say it.
    pub issuer: String,
    /// Where its keys are.
    pub jwks: String,
    /// Whom its tokens must be meant for: one of these; never empty.
    pub audience: Vec<String>,
    /// What they may be signed with, of [`JWT_ALGORITHMS`]; never empty.
    pub algorithms: Vec<&'static str>,
    /// The claim with the tenant's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_claim: Option<String>,
    /// The tenant of every token, where no claim says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// The claim with the user's id.
    pub user_claim: String,
    /// The claim with what the bearer may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope_claim: Option<String>,
    /// What words of that claim mean.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub scope: BTreeMap<String, ScopeSet>,
    /// What every bearer may do.
    pub scopes: ScopeSet,
    /// How far its clock may be from ours.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub clock_skew: Duration,
    /// How often its keys are fetched.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub refresh: Duration,
    /// Where it was written.
    pub origin: Origin,
}

/// What tokens may be signed with, by the names of RFC 7518 and RFC 8037: with keys that only their issuer has.
pub const JWT_ALGORITHMS: [&str; 9] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
];

/// What they may be signed with when nothing is said: what identity providers use.
pub const JWT_ALGORITHMS_BY_DEFAULT: [&str; 3] = ["RS256", "ES256", "EdDSA"];
