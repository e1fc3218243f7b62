//! A place where a model is served.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ferrogate_catalog::Prices;
use ferrogate_llm::ModelTraits;
use ferrogate_types::routing::TargetRouting;
use ferrogate_types::{ProviderId, UpstreamModel};

use crate::condition::Conditions;
use crate::latency::Latency;
use crate::{Provider, RetryRule, Timeouts};

/// What the configuration says of a target.
#[derive(Clone, Debug)]
pub struct TargetSpec {
    /// A provider of the same registry.
    pub provider: ProviderId,
    /// What it is asked for; `None` = the name that the caller asked for, in patterns only.
    pub model: Option<UpstreamModel>,
    /// What is known of it; of a pattern's target that takes the asked name, the catalog knows more.
    pub traits: ModelTraits,
    /// What it costs there; where nothing is said of a target that takes the asked name, the catalog's prices hold.
    pub prices: Prices,
    /// What routing knows of it.
    pub routing: TargetRouting,
    /// Its own time limits; `None` = the provider's.
    pub timeouts: Option<Timeouts>,
    /// Its own tries; `None` = the provider's.
    pub retry: Option<RetryRule>,
}

impl TargetSpec {
    /// A target of which nothing more is said.
    pub fn new(provider: ProviderId, model: Option<UpstreamModel>) -> Self {
        Self {
            provider,
            model,
            traits: ModelTraits::default(),
            prices: Prices::default(),
            routing: TargetRouting::default(),
            timeouts: None,
            retry: None,
        }
    }
}

/// A place where a model is served.
#[derive(Clone, Debug)]
pub struct Target {
    /// The provider.
    pub provider: Arc<Provider>,
    /// What it is asked for; of a pattern that nobody asked yet, the pattern.
    pub model: UpstreamModel,
    /// What is known of it.
    pub traits: Arc<ModelTraits>,
    /// What it costs there.
    pub prices: Arc<Prices>,
    pub(crate) own: Arc<Own>,
    pub(crate) state: Arc<TargetState>,
}

/// What the configuration says of a target, apart from the model's name.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) routing: TargetRouting,
    pub(crate) conditions: Conditions,
    timeouts: Option<Timeouts>,
    retry: Option<RetryRule>,
    /// It takes the name that the caller asked for.
    pub(crate) as_asked: bool,
}

impl Own {
    pub(crate) fn new(spec: &TargetSpec) -> Result<Self, regex::Error> {
        Ok(Self {
            conditions: Conditions::compile(&spec.routing.when)?,
            routing: spec.routing.clone(),
            timeouts: spec.timeouts,
            retry: spec.retry.clone(),
            as_asked: spec.model.is_none(),
        })
    }
}

/// How a target is doing; shared by all the names that lead to it.
#[derive(Debug, Default)]
pub(crate) struct TargetState {
    latency: Latency,
    /// Calls under way.
    busy: AtomicU32,
    /// Calls begun since a latency was observed.
    silent: AtomicU32,
}

/// So many calls may be made to learn how fast a target is; a target that never answers is not tried first for ever.
const CURIOSITY: u32 = 3;

impl Target {
    /// What routing knows of it.
    pub fn routing(&self) -> &TargetRouting {
        &self.own.routing
    }

    /// Its name in logs and metrics.
    pub fn label(&self) -> Option<&str> {
        self.own.routing.label.as_deref()
    }

    /// Its time limits: its own, else the provider's.
    pub fn timeouts(&self) -> &Timeouts {
        let own = self.own.timeouts.as_ref();
        own.unwrap_or(&self.provider.spec().timeouts)
    }

    /// When and how soon it is tried again: by its own rule, else the provider's.
    pub fn retry(&self) -> &RetryRule {
        let own = self.own.retry.as_ref();
        own.unwrap_or(&self.provider.spec().retry)
    }

    /// Notes that a call is under way, until the guard is dropped.
    pub fn begin(&self) -> Busy {
        self.state.busy.fetch_add(1, Ordering::Relaxed);
        let more = |silent: u32| silent.saturating_add(1);
        self.state
            .silent
            .update(Ordering::Relaxed, Ordering::Relaxed, more);
        Busy(Arc::clone(&self.state))
    }

    /// Notes how long a call that went well took: to the first token of a stream, else in all.
    pub fn observe(&self, took: Duration, now: Instant) {
        self.state.silent.store(0, Ordering::Relaxed);
        self.state.latency.observe(took, now);
    }

    /// How long it takes of late: the median of the latest 100 calls of the last five minutes.
    pub fn latency(&self, now: Instant) -> Option<Duration> {
        self.state.latency.median(now)
    }

    /// Calls under way.
    pub fn in_flight(&self) -> u32 {
        self.state.busy.load(Ordering::Relaxed)
    }

    /// Whether a call may be spent to learn how fast it is.
    pub(crate) fn is_unknown(&self, now: Instant) -> bool {
        self.latency(now).is_none() && self.state.silent.load(Ordering::Relaxed) < CURIOSITY
    }

    /// Whether both are the same place under two configurations.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        self.model == other.model
            && self.own.as_asked == other.own.as_asked
            && self.provider.spec().is_same_place(other.provider.spec())
    }
}

/// A call under way.
#[derive(Debug)]
#[must_use]
pub struct Busy(Arc<TargetState>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registry;
    use crate::registry::tests::{model, provider, target};

    fn only(spec: TargetSpec) -> Target {
        let mut model = model("m", &[], &[]);
        model.targets = vec![spec];
        let mut provider = provider("p");
        provider.timeouts.idle = Some(Duration::from_secs(1));
        provider.retry.attempts = 2;
        let registry = Registry::new(vec![provider], vec![model]).unwrap();
        registry.models()[0].targets[0].clone()
    }

    #[test]
    fn its_own_limits_come_before_its_providers() {
        let usual = only(target("p"));
        assert_eq!(usual.timeouts().idle, Some(Duration::from_secs(1)));
        assert_eq!((usual.retry().attempts, usual.label()), (2, None));
        let mut spec = target("p");
        spec.timeouts = Some(Timeouts::default());
        spec.retry = Some(RetryRule::default());
        spec.routing.label = Some("B".to_owned());
        let own = only(spec);
        assert_eq!(own.timeouts().idle, None);
        assert_eq!((own.retry().attempts, own.label()), (1, Some("B")));
    }

    #[test]
    fn calls_under_way_are_counted_until_their_guard_is_dropped() {
        let target = only(target("p"));
        let copy = target.clone();
        let calls = [target.begin(), copy.begin()];
        assert_eq!(target.in_flight(), 2);
        drop(calls);
        assert_eq!(copy.in_flight(), 0);
    }
}
