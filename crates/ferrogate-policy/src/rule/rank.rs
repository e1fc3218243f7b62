//! How specific a rule is about a call.

use super::pattern::Pattern;
use super::spec::{Facts, Rule};

/// What a rule can be about, the weightiest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(usize)]
pub enum Dimension {
    /// The caller's key.
    Key,
    /// The caller's tenant: the nearer, the weightier.
    Tenant,
    /// The model.
    Model,
    /// The provider.
    Provider,
    /// The permission.
    Scope,
    /// The surface.
    Surface,
    /// Where the caller is: the smaller the network, the weightier.
    Address,
    /// The time.
    Hours,
}

impl Dimension {
    /// The word for it in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Tenant => "tenant",
            Self::Model => "model",
            Self::Provider => "provider",
            Self::Scope => "scope",
            Self::Surface => "surface",
            Self::Address => "ip",
            Self::Hours => "hours",
        }
    }
}

/// How specific a rule is about a call: who before what before how.
///
/// Compared dimension by dimension in their order, as CSS compares selectors: what says something of the key beats
/// what says nothing of it, whatever else it says. Within a dimension a name beats a shape, a longer shape a
/// shorter one, a nearer tenant a farther one, a smaller network a larger one; of several entries that fit, the most
/// specific counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank([u32; 8]);

/// What of a rule fitted.
pub(super) type Fitting = Vec<(Dimension, String)>;

/// How specific the rule is about the call, or nothing where it does not speak of it. Says also what fitted, for who
/// wants to know.
pub(super) fn rank(rule: &Rule, facts: &Facts<'_>, fitting: Option<&mut Fitting>) -> Option<Rank> {
    let mut rank = Ranking {
        weights: [0; 8],
        fitting,
    };
    rank.names(
        Dimension::Key,
        &rule.keys,
        facts.key.map(|key| (0, key.as_str())),
    )?;
    let nearest = facts.tenants.len();
    let tenants = facts.tenants.iter().enumerate().map(|(index, tenant)| {
        let nearness = u32::try_from(nearest - index).unwrap_or(u32::MAX >> 16);
        (nearness << 16, tenant.as_str())
    });
    rank.names(Dimension::Tenant, &rule.tenants, tenants)?;
    let models = [facts.model, facts.upstream_model].into_iter().flatten();
    rank.names(Dimension::Model, &rule.models, models.map(|name| (0, name)))?;
    rank.names(
        Dimension::Provider,
        &rule.providers,
        facts.provider.map(|name| (0, name)),
    )?;
    rank.any(
        Dimension::Scope,
        &rule.scopes,
        |scope| (facts.scope == Some(*scope)).then_some(1),
        ToString::to_string,
    )?;
    rank.names(
        Dimension::Surface,
        &rule.surfaces,
        facts.surface.map(|name| (0, name)),
    )?;
    let address = facts.address.map(|address| address.to_canonical());
    rank.any(
        Dimension::Address,
        &rule.addresses,
        |net| {
            let inside = address.is_some_and(|address| net.contains(&address));
            inside.then(|| u32::from(net.prefix_len()) + 1)
        },
        ToString::to_string,
    )?;
    rank.any(
        Dimension::Hours,
        &rule.hours,
        |hours| hours.contains(facts.at).then_some(1),
        ToString::to_string,
    )?;
    Some(Rank(rank.weights))
}

struct Ranking<'a> {
    weights: [u32; 8],
    fitting: Option<&'a mut Fitting>,
}

impl Ranking<'_> {
    /// Takes the weightiest entry that fits. An empty list fits and weighs nothing; otherwise nothing fitting ends it.
    fn any<T>(
        &mut self,
        dimension: Dimension,
        entries: &[T],
        weight: impl Fn(&T) -> Option<u32>,
        show: impl Fn(&T) -> String,
    ) -> Option<()> {
        if entries.is_empty() {
            return Some(());
        }
        let weighed = entries
            .iter()
            .filter_map(|entry| Some((weight(entry)?, entry)));
        let (weight, entry) = weighed.max_by_key(|(weight, _)| *weight)?;
        if let Some(place) = self.weights.get_mut(dimension as usize) {
            *place = weight;
        }
        if let Some(fitting) = &mut self.fitting {
            fitting.push((dimension, show(entry)));
        }
        Some(())
    }

    fn names<'n>(
        &mut self,
        dimension: Dimension,
        patterns: &[Pattern],
        names: impl IntoIterator<Item = (u32, &'n str), IntoIter: Clone>,
    ) -> Option<()> {
        let names = names.into_iter();
        let weight = |pattern: &Pattern| {
            let fitting = names.clone().filter(|(_, name)| pattern.matches(name));
            fitting.map(|(base, _)| base + pattern.weight()).max()
        };
        self.any(dimension, patterns, weight, Pattern::to_string)
    }
}
