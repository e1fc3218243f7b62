//! Models by name.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use ferrogate_catalog::Prices;
use ferrogate_llm::ModelTraits;
use ferrogate_types::{ModelName, ProviderId, UpstreamModel};

use crate::{Provider, ProviderSpec};

/// What the configuration says of a model.
#[derive(Clone, Debug)]
pub struct ModelSpec {
    /// What callers ask for.
    pub name: ModelName,
    /// Other names for it.
    pub aliases: Vec<ModelName>,
    /// Where it is served, first choice first.
    pub targets: Vec<TargetSpec>,
    /// What it can do.
    pub capabilities: Vec<String>,
    /// Tokens of input and output together.
    pub context_window: Option<u64>,
    /// Tokens of output.
    pub max_output_tokens: Option<u64>,
    /// Switched off.
    pub disabled: bool,
}

/// Where a model is served.
#[derive(Clone, Debug)]
pub struct TargetSpec {
    /// A provider of the same registry.
    pub provider: ProviderId,
    /// What it is asked for.
    pub model: UpstreamModel,
    /// What is known of it.
    pub traits: ModelTraits,
    /// What it costs there.
    pub prices: Prices,
}

/// A model that can be asked for.
#[derive(Debug)]
pub struct LogicalModel {
    /// What the configuration says of it.
    pub spec: ModelSpec,
    /// Where it is served, first choice first.
    pub targets: Vec<Target>,
}

/// A place where a model is served.
#[derive(Clone, Debug)]
pub struct Target {
    /// The provider.
    pub provider: Arc<Provider>,
    /// What it is asked for.
    pub model: UpstreamModel,
    /// What is known of it.
    pub traits: Arc<ModelTraits>,
    /// What it costs there.
    pub prices: Arc<Prices>,
}

impl LogicalModel {
    /// Whether any target could be called.
    pub fn is_served(&self) -> bool {
        !self.spec.disabled
            && self
                .targets
                .iter()
                .any(|target| target.provider.is_enabled())
    }
}

/// The models and providers of one gateway.
#[derive(Debug)]
pub struct Registry {
    providers: Vec<Arc<Provider>>,
    models: Vec<Arc<LogicalModel>>,
    by_name: HashMap<ModelName, usize>,
}

/// Why a registry could not be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
    /// A model with nowhere to go.
    #[error("model `{0}` has no target")]
    NoTarget(ModelName),
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
        let mut built = Vec::with_capacity(models.len());
        for spec in models {
            if spec.targets.is_empty() {
                return Err(RegistryError::NoTarget(spec.name));
            }
            let mut targets = Vec::with_capacity(spec.targets.len());
            for target in &spec.targets {
                let provider =
                    known
                        .get(&target.provider)
                        .ok_or_else(|| RegistryError::UnknownProvider {
                            model: spec.name.clone(),
                            provider: target.provider.clone(),
                        })?;
                targets.push(Target {
                    provider: Arc::clone(provider),
                    model: target.model.clone(),
                    traits: Arc::new(target.traits.clone()),
                    prices: Arc::new(target.prices.clone()),
                });
            }
            for name in std::iter::once(&spec.name).chain(&spec.aliases) {
                if by_name.insert(name.clone(), built.len()).is_some() {
                    return Err(RegistryError::DuplicateModel(name.clone()));
                }
            }
            built.push(Arc::new(LogicalModel { spec, targets }));
        }
        Ok(Self {
            providers: ordered,
            models: built,
            by_name,
        })
    }

    /// The model of that name or alias, unless it is switched off.
    pub fn resolve(&self, name: &str) -> Option<&Arc<LogicalModel>> {
        self.by_name
            .get(name)
            .and_then(|&index| self.models.get(index))
            .filter(|model| !model.spec.disabled)
    }

    /// Every model, in the order written.
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{ProviderKind, RetryRule, Timeouts};

    pub(crate) fn provider(id: &str) -> ProviderSpec {
        ProviderSpec {
            id: id.parse().unwrap(),
            kind: ProviderKind::echo(),
            credentials: Vec::new(),
            settings: Vec::new(),
            headers: Vec::new(),
            timeouts: Timeouts::default(),
            retry: RetryRule {
                attempts: 1,
                statuses: Vec::new(),
                backoff: std::time::Duration::ZERO,
                max_backoff: std::time::Duration::ZERO,
            },
            breaker: None,
            disabled: false,
        }
    }

    pub(crate) fn model(name: &str, aliases: &[&str], targets: &[&str]) -> ModelSpec {
        ModelSpec {
            name: name.parse().unwrap(),
            aliases: aliases.iter().map(|alias| alias.parse().unwrap()).collect(),
            targets: targets
                .iter()
                .map(|provider| TargetSpec {
                    provider: provider.parse().unwrap(),
                    model: "up".parse().unwrap(),
                    traits: ModelTraits::default(),
                    prices: Prices::default(),
                })
                .collect(),
            capabilities: Vec::new(),
            context_window: None,
            max_output_tokens: None,
            disabled: false,
        }
    }

    #[test]
    fn resolves_names_and_aliases() {
        let registry =
            Registry::new(vec![provider("p")], vec![model("m", &["fast"], &["p"])]).unwrap();
        assert_eq!(registry.resolve("fast").unwrap().spec.name.as_str(), "m");
        assert!(registry.resolve("nope").is_none());
    }

    #[test]
    fn refuses_broken_references() {
        let error = |providers, models| Registry::new(providers, models).unwrap_err().to_string();
        assert_eq!(
            error(vec![provider("p"), provider("p")], vec![]),
            "provider `p` is defined twice"
        );
        assert_eq!(
            error(vec![provider("p")], vec![model("m", &[], &["q"])]),
            "model `m` names the provider `q`, which does not exist"
        );
        assert_eq!(
            error(
                vec![provider("p")],
                vec![model("m", &["a"], &["p"]), model("a", &[], &["p"])]
            ),
            "model or alias `a` is defined twice"
        );
        assert_eq!(
            error(vec![], vec![model("m", &[], &[])]),
            "model `m` has no target"
        );
    }
}
