//! Models by name.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use ferrogate_catalog::Catalog;
use ferrogate_types::{ModelName, ProviderId};

use crate::budget::RetryBudget;
use crate::pattern::{self, Known, Patterns};
use crate::target::Own;
use crate::{LogicalModel, ModelSpec, Provider, ProviderSpec, Target, TargetSpec};

/// The models and providers of one gateway.
#[derive(Debug)]
pub struct Registry {
    providers: Vec<Arc<Provider>>,
    models: Vec<Arc<LogicalModel>>,
    by_name: HashMap<ModelName, usize>,
    patterns: Patterns,
    /// What is known of names that patterns stand for.
    known: Option<Known>,
}

/// Why a registry could not be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RegistryError {
    /// Two providers of one name.
    #[error("provider `{0}` is defined twice")]
    DuplicateProvider(ProviderId),
    /// Two models or aliases of one name.
    #[error("model or alias `{0}` is defined twice")]
    DuplicateModel(ModelName),
    /// A target names no provider.
    #[error("model `{model}` names the provider `{provider}`, which does not exist")]
    UnknownProvider {
        /// The model.
        model: ModelName,
        /// The name that is missing.
        provider: ProviderId,
    },
    /// A target that takes the asked name, of a model that has but one.
    #[error("model `{0}` has a target without a model, which only a pattern may have")]
    NotAPattern(ModelName),
    /// A model with nowhere to go.
    #[error("model `{0}` has no target")]
    NoTarget(ModelName),
    /// A condition that cannot be asked.
    #[error("model `{model}` has a condition with a broken expression")]
    Condition {
        /// The model.
        model: ModelName,
        /// What is wrong with it.
        #[source]
        source: regex::Error,
    },
}

impl Registry {
    /// Builds a registry; every reference is resolved here, once.
    pub fn new(
        providers: Vec<ProviderSpec>,
        models: Vec<ModelSpec>,
    ) -> Result<Self, RegistryError> {
        let mut known: HashMap<ProviderId, Arc<Provider>> = HashMap::new();
        let mut ordered = Vec::with_capacity(providers.len());
        for spec in providers {
            let provider = Arc::new(Provider::new(spec));
            if known
                .insert(provider.id().clone(), Arc::clone(&provider))
                .is_some()
            {
                return Err(RegistryError::DuplicateProvider(provider.id().clone()));
            }
            ordered.push(provider);
        }
        let mut by_name = HashMap::new();
        let mut patterns = Patterns::default();
        let mut built = Vec::with_capacity(models.len());
        for spec in models {
            if spec.targets.is_empty() {
                return Err(RegistryError::NoTarget(spec.name));
            }
            let targets = spec
                .targets
                .iter()
                .map(|target| lower(&spec, target, &known))
                .collect::<Result<_, _>>()?;
            for name in std::iter::once(&spec.name).chain(&spec.aliases) {
                if by_name.insert(name.clone(), built.len()).is_some() {
                    return Err(RegistryError::DuplicateModel(name.clone()));
                }
            }
            if spec.pattern {
                patterns.add(spec.name.as_str(), built.len());
            }
            let hedges = spec
                .routing
                .hedge
                .map_or(0, |hedge| hedge.max_extra_percent);
            built.push(Arc::new(LogicalModel {
                hedges: RetryBudget::new(hedges),
                spec: Arc::new(spec),
                targets,
                asked: None,
                turns: Arc::default(),
            }));
        }
        Ok(Self {
            providers: ordered,
            models: built,
            by_name,
            patterns,
            known: None,
        })
    }

    /// With what is known of the names that patterns stand for: who serves them, what they take and what they cost.
    pub fn with_catalog(mut self, catalog: Cow<'static, Catalog>) -> Self {
        self.known = Some(Known::new(catalog, &self.providers));
        self
    }

    /// Takes over what the registry of an earlier configuration learned of the same providers and targets: breakers,
    /// parked credentials, places taken, budgets, latencies.
    ///
    /// A provider that moved (another kind, address or setting) begins anew; one of which something else changed keeps
    /// the state of each part whose settings are the same.
    pub fn adopt(&mut self, old: &Self) {
        for provider in &mut self.providers {
            let known = old.providers.iter().find(|old| old.id() == provider.id());
            let Some(known) = known else { continue };
            *provider = if known.spec() == provider.spec() {
                Arc::clone(known)
            } else {
                Arc::new(Provider::succeeding(provider.spec().clone(), known))
            };
        }
        let by_id: HashMap<&ProviderId, &Arc<Provider>> = self
            .providers
            .iter()
            .map(|provider| (provider.id(), provider))
            .collect();
        for model in &mut self.models {
            let model = Arc::make_mut(model);
            let known = old
                .models
                .iter()
                .find(|old| old.spec.name == model.spec.name);
            for target in &mut model.targets {
                if let Some(provider) = by_id.get(target.provider.id()) {
                    target.provider = Arc::clone(provider);
                }
                let mut known = known.into_iter().flat_map(|known| &known.targets);
                if let Some(known) = known.find(|known| known.is_same_place(target)) {
                    target.state = Arc::clone(&known.state);
                }
            }
        }
    }

    /// The model of that name or alias, else of the pattern that says most of the name; unless it is switched off.
    ///
    /// What is switched off hides what would stand for the name after it.
    pub fn resolve(&self, name: &str) -> Option<Arc<LogicalModel>> {
        let written = self.by_name.get(name).copied();
        let place = written.or_else(|| self.patterns.find(name))?;
        let model = self
            .models
            .get(place)
            .filter(|model| !model.spec.disabled)?;
        if !model.spec.pattern {
            return Some(Arc::clone(model));
        }
        let name = name.parse().ok()?;
        pattern::named(model, &name, self.known.as_ref()).map(Arc::new)
    }

    /// Every model, in the order written; patterns as they are written.
    pub fn models(&self) -> &[Arc<LogicalModel>] {
        &self.models
    }

    /// Every provider, in the order written.
    pub fn providers(&self) -> &[Arc<Provider>] {
        &self.providers
    }

    /// Whether any model could be served now.
    pub fn is_routable(&self, now: Instant) -> bool {
        self.models.iter().any(|model| {
            !model.spec.disabled
                && model
                    .targets
                    .iter()
                    .any(|target| target.provider.is_available(now))
        })
    }
}

fn lower(
    model: &ModelSpec,
    target: &TargetSpec,
    known: &HashMap<ProviderId, Arc<Provider>>,
) -> Result<Target, RegistryError> {
    let provider = known
        .get(&target.provider)
        .ok_or_else(|| RegistryError::UnknownProvider {
            model: model.name.clone(),
            provider: target.provider.clone(),
        })?;
    let own = Own::new(target).map_err(|source| RegistryError::Condition {
        model: model.name.clone(),
        source,
    })?;
    let not_a_pattern = || RegistryError::NotAPattern(model.name.clone());
    let upstream = match &target.model {
        Some(upstream) => upstream.clone(),
        None if model.pattern => model.name.as_str().parse().map_err(|_| not_a_pattern())?,
        None => return Err(not_a_pattern()),
    };
    Ok(Target {
        provider: Arc::clone(provider),
        model: upstream,
        traits: Arc::new(target.traits.clone()),
        prices: Arc::new(target.prices.clone()),
        own: Arc::new(own),
        state: Arc::default(),
    })
}

#[cfg(test)]
pub(crate) mod tests;
