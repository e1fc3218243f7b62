//! Which rules could speak of a call.

use std::collections::HashMap;
use std::net::IpAddr;

use ferrogate_types::{KeyId, Scope};
use ipnet::IpNet;

use super::pattern::Pattern;
use super::spec::{Facts, Rule};

/// Which rules could speak of a call, found without looking at the others.
///
/// Each rule stands under the entries of one of its lists, the one that most likely tells calls apart. What has only
/// shapes that begin with `*`, or only hours, must be looked at for each call.
#[derive(Debug, Default)]
pub(super) struct Index {
    keys: Names,
    tenants: Names,
    models: Names,
    addresses: Networks,
    providers: Names,
    surfaces: Names,
    scopes: HashMap<Scope, Vec<usize>>,
    others: Vec<usize>,
}

/// Rules by names and by the beginnings of names.
#[derive(Debug, Default)]
struct Names {
    exact: HashMap<String, Vec<usize>>,
    prefixes: HashMap<String, Vec<usize>>,
    /// How long the beginnings are, in bytes.
    lengths: Vec<usize>,
}

/// Rules by networks.
#[derive(Debug, Default)]
struct Networks {
    nets: HashMap<IpNet, Vec<usize>>,
    /// How long the prefixes are, in bits.
    lengths: Vec<u8>,
}

impl Index {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut index = Self::default();
        for (place, rule) in rules.iter().enumerate() {
            index.add(place, rule);
        }
        index
    }

    fn add(&mut self, place: usize, rule: &Rule) {
        let by_name = [
            (&mut self.keys, &rule.keys),
            (&mut self.tenants, &rule.tenants),
            (&mut self.models, &rule.models),
        ];
        for (names, patterns) in by_name {
            if names.add(place, patterns) {
                return;
            }
        }
        if self.addresses.add(place, &rule.addresses)
            || self.providers.add(place, &rule.providers)
            || self.surfaces.add(place, &rule.surfaces)
        {
            return;
        }
        for scope in &rule.scopes {
            self.scopes.entry(*scope).or_default().push(place);
        }
        if rule.scopes.is_empty() {
            self.others.push(place);
        }
    }

    /// Names every rule that could speak of the call; some more than once.
    pub(super) fn candidates(&self, facts: &Facts<'_>, mut each: impl FnMut(usize)) {
        let mut all = |places: &[usize]| places.iter().copied().for_each(&mut each);
        let names = [
            (&self.keys, facts.key.map(KeyId::as_str)),
            (&self.models, facts.model),
            (&self.models, facts.upstream_model),
            (&self.providers, facts.provider),
            (&self.surfaces, facts.surface),
        ];
        for (names, name) in names {
            if let Some(name) = name {
                names.find(name, &mut all);
            }
        }
        for tenant in facts.tenants {
            self.tenants.find(tenant.as_str(), &mut all);
        }
        if let Some(address) = facts.address {
            self.addresses.find(address.to_canonical(), &mut all);
        }
        if let Some(places) = facts.scope.and_then(|scope| self.scopes.get(&scope)) {
            all(places);
        }
        all(&self.others);
    }
}

impl Names {
    /// Puts a rule under its patterns, if every one of them says how a name begins.
    fn add(&mut self, place: usize, patterns: &[Pattern]) -> bool {
        let open = |pattern: &Pattern| !pattern.is_exact() && pattern.prefix().is_empty();
        if patterns.is_empty() || patterns.iter().any(open) {
            return false;
        }
        for pattern in patterns {
            let prefix = pattern.prefix();
            let map = if pattern.is_exact() {
                &mut self.exact
            } else {
                if !self.lengths.contains(&prefix.len()) {
                    self.lengths.push(prefix.len());
                }
                &mut self.prefixes
            };
            map.entry(prefix.to_owned()).or_default().push(place);
        }
        true
    }

    fn find(&self, name: &str, all: &mut impl FnMut(&[usize])) {
        if let Some(places) = self.exact.get(name) {
            all(places);
        }
        for length in &self.lengths {
            let prefix = name.get(..*length);
            if let Some(places) = prefix.and_then(|prefix| self.prefixes.get(prefix)) {
                all(places);
            }
        }
    }
}

impl Networks {
    fn add(&mut self, place: usize, nets: &[IpNet]) -> bool {
        for net in nets {
            if !self.lengths.contains(&net.prefix_len()) {
                self.lengths.push(net.prefix_len());
            }
            self.nets.entry(net.trunc()).or_default().push(place);
        }
        !nets.is_empty()
    }

    fn find(&self, address: IpAddr, all: &mut impl FnMut(&[usize])) {
        for &length in &self.lengths {
            // Longer than an address of this family is: of the other family.
            let net = IpNet::new(address, length).ok().map(|net| net.trunc());
            if let Some(places) = net.and_then(|net| self.nets.get(&net)) {
                all(places);
            }
        }
    }
}
