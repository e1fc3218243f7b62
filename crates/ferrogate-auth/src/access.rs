//! Lists of what may be used, and from where.

use std::net::IpAddr;

use ferrogate_types::{ModelName, ProviderId};
use ipnet::IpNet;

/// Lists of what a key or a tenant may use, and from where. Empty ones permit everything; deny beats allow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessLists {
    /// Models that may be used; empty = all.
    pub allowed_models: Vec<ModelName>,
    /// Models that may not be used; stronger than the above.
    pub denied_models: Vec<ModelName>,
    /// Providers that may be used; empty = all.
    pub allowed_providers: Vec<ProviderId>,
    /// Providers that may not be used; stronger than the above.
    pub denied_providers: Vec<ProviderId>,
    /// Addresses that may be called from; empty = all.
    pub allowed_ips: Vec<IpNet>,
}

impl AccessLists {
    /// Whether the model may be used: by its own name, which aliases lead to.
    pub fn permit_model(&self, model: &ModelName) -> bool {
        permit(&self.allowed_models, &self.denied_models, model)
    }

    /// Whether the provider may be used.
    pub fn permit_provider(&self, provider: &ProviderId) -> bool {
        permit(&self.allowed_providers, &self.denied_providers, provider)
    }

    /// Whether the address may be called from; an unknown one only where all may.
    pub fn permit_address(&self, address: Option<IpAddr>) -> bool {
        let inside = |address: IpAddr| {
            let address = address.to_canonical();
            self.allowed_ips.iter().any(|net| net.contains(&address))
        };
        self.allowed_ips.is_empty() || address.is_some_and(inside)
    }
}

fn permit<T: PartialEq>(allowed: &[T], denied: &[T], name: &T) -> bool {
    !denied.contains(name) && (allowed.is_empty() || allowed.contains(name))
}
