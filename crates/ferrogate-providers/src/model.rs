//! A model that can be asked for.

use std::sync::Arc;
use std::time::Duration;

use ferrogate_types::ModelName;
use ferrogate_types::routing::Routing;
use parking_lot::Mutex;

use crate::budget::RetryBudget;
use crate::turn::Turns;
use crate::{Target, TargetSpec};

/// What the configuration says of a model.
#[derive(Clone, Debug)]
pub struct ModelSpec {
    /// What callers ask for.
    pub name: ModelName,
    /// Other names for it.
    pub aliases: Vec<ModelName>,
    /// Every `*` of its name stands for any characters: it is served under every name like it.
    pub pattern: bool,
    /// Where it is served, in the order written.
    pub targets: Vec<TargetSpec>,
    /// How they are chosen.
    pub routing: Routing,
    /// What it can do.
    pub capabilities: Vec<String>,
    /// Tokens of input and output together.
    pub context_window: Option<u64>,
    /// Tokens of output.
    pub max_output_tokens: Option<u64>,
    /// Switched off.
    pub disabled: bool,
}

impl ModelSpec {
    /// A model of which nothing more is said.
    pub fn new(name: ModelName, targets: Vec<TargetSpec>) -> Self {
        Self {
            name,
            aliases: Vec::new(),
            pattern: false,
            targets,
            routing: Routing::default(),
            capabilities: Vec::new(),
            context_window: None,
            max_output_tokens: None,
            disabled: false,
        }
    }
}

/// A model that can be asked for.
#[derive(Clone, Debug)]
pub struct LogicalModel {
    /// What the configuration says of it.
    pub spec: Arc<ModelSpec>,
    /// Where it is served, in the order written; of a pattern, those that serve the asked name.
    pub targets: Vec<Target>,
    /// The name a pattern was asked for by.
    pub(crate) asked: Option<ModelName>,
    /// Whose turn it is.
    pub(crate) turns: Arc<Mutex<Turns>>,
    /// Second tries beside a silent first one.
    pub(crate) hedges: RetryBudget,
}

impl LogicalModel {
    /// The name that permissions go by: its own, whichever alias was asked for; of a pattern, the one that was asked for.
    ///
    /// Callers make up names that a pattern stands for: the name of a metric is [`ModelSpec::name`].
    pub fn name(&self) -> &ModelName {
        self.asked.as_ref().unwrap_or(&self.spec.name)
    }

    /// Tokens of output at most, at whichever target gives most; `None` = nobody knows.
    pub fn max_output_tokens(&self) -> Option<u64> {
        let known = self
            .targets
            .iter()
            .map(|target| target.traits.max_output_tokens);
        self.spec
            .max_output_tokens
            .or_else(|| known.flatten().max())
    }

    /// Asks for a second try beside a silent first one, of which there may be so many for each hundred requests; `None`
    /// where the model has none. A request asks once.
    pub fn hedge(&self) -> Option<Hedge<'_>> {
        let after = self.spec.routing.hedge?.after;
        self.hedges.deposit();
        Some(Hedge {
            after,
            budget: &self.hedges,
        })
    }

    /// Whether any target could be called.
    pub fn is_served(&self) -> bool {
        !self.spec.disabled
            && self
                .targets
                .iter()
                .any(|target| target.provider.is_enabled())
    }
}

/// Leave for a second try beside a silent first one.
#[derive(Debug)]
pub struct Hedge<'m> {
    /// How long the first one may be silent.
    pub after: Duration,
    budget: &'m RetryBudget,
}

impl Hedge<'_> {
    /// Takes the second try out of the model's budget; false when there is none.
    pub fn may_run(&self) -> bool {
        self.budget.withdraw()
    }
}
