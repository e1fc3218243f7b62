//! The order in which targets are tried, and why.

use std::time::Instant;

use ferrogate_types::ProviderId;

use crate::{BreakerState, LogicalModel, Target};

/// Targets in the order they will be tried, and those that will not.
#[derive(Clone, Debug)]
pub struct Plan {
    /// To be tried, first to last.
    pub targets: Vec<PlannedTarget>,
    /// Left out, with the reason.
    pub skipped: Vec<Skip>,
}

/// A target to be tried.
#[derive(Clone, Debug)]
pub struct PlannedTarget {
    /// The target.
    pub target: Target,
    /// Its place in the model's list.
    pub index: usize,
}

/// A target left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// Its provider.
    pub provider: ProviderId,
    /// Why.
    pub reason: SkipReason,
}

/// Why a target is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// Switched off or without a credential.
    Disabled,
    /// The caller's key may not use the provider.
    NotAllowed,
    /// The breaker is open.
    CircuitOpen,
    /// Every credential is parked.
    Parked,
}

impl SkipReason {
    /// The reason in logs and errors.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled or without a credential",
            Self::NotAllowed => "not allowed for this key",
            Self::CircuitOpen => "circuit open after failures",
            Self::Parked => "rate limited by the provider",
        }
    }
}

impl Plan {
    /// Plans the targets of a model in the order written.
    ///
    /// A target the key may not use is skipped, not fatal; one that is disabled, broken or parked is left out
    /// now, before anything waits for it.
    pub fn new(model: &LogicalModel, allowed: impl Fn(&ProviderId) -> bool, now: Instant) -> Self {
        let mut plan = Self {
            targets: Vec::with_capacity(model.targets.len()),
            skipped: Vec::new(),
        };
        for (index, target) in model.targets.iter().enumerate() {
            let provider = &target.provider;
            let reason = if !allowed(provider.id()) {
                Some(SkipReason::NotAllowed)
            } else if !provider.is_enabled() {
                Some(SkipReason::Disabled)
            } else if provider.breaker().state(now) == BreakerState::Open {
                Some(SkipReason::CircuitOpen)
            } else if !provider.credentials().wait(now).is_zero() {
                Some(SkipReason::Parked)
            } else {
                None
            };
            match reason {
                Some(reason) => plan.skipped.push(Skip {
                    provider: provider.id().clone(),
                    reason,
                }),
                None => plan.targets.push(PlannedTarget {
                    target: target.clone(),
                    index,
                }),
            }
        }
        plan
    }

    /// Keeps the targets of one provider only, even if that leaves none to be tried now. False, and nothing done, where
    /// the model has none of it.
    pub fn only(&mut self, provider: &str) -> bool {
        let is_there = |planned: &PlannedTarget| planned.target.provider.id().as_str() == provider;
        let is_out = |skip: &Skip| skip.provider.as_str() == provider;
        let has = self.skipped.iter().any(is_out) || self.targets.iter().any(is_there);
        if has {
            self.targets.retain(is_there);
            self.skipped.retain(is_out);
        }
        has
    }

    /// Whether the key's own limits are why nothing is left.
    pub fn is_forbidden(&self) -> bool {
        self.targets.is_empty()
            && !self.skipped.is_empty()
            && self
                .skipped
                .iter()
                .all(|skip| skip.reason == SkipReason::NotAllowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::tests::{model, provider};
    use crate::{BreakerSettings, Registry};
    use std::time::Duration;

    #[test]
    fn keeps_the_order_and_says_why_others_are_out() {
        let now = Instant::now();
        let mut off = provider("off");
        off.disabled = true;
        let mut broken = provider("broken");
        broken.breaker = Some(BreakerSettings {
            failures: 1,
            successes: 1,
            open: Duration::from_secs(9),
            half_open: 1,
        });
        let registry = Registry::new(
            vec![
                off,
                broken,
                provider("denied"),
                provider("a"),
                provider("b"),
            ],
            vec![model("m", &[], &["off", "broken", "denied", "b", "a"])],
        )
        .unwrap();
        registry.providers()[1]
            .breaker()
            .pass(now)
            .unwrap()
            .failed(now);
        let plan = Plan::new(
            registry.resolve("m").unwrap(),
            |id| id.as_str() != "denied",
            now,
        );
        let order: Vec<&str> = plan
            .targets
            .iter()
            .map(|planned| planned.target.provider.id().as_str())
            .collect();
        assert_eq!(order, ["b", "a"]);
        let reasons: Vec<SkipReason> = plan.skipped.iter().map(|skip| skip.reason).collect();
        assert_eq!(
            reasons,
            [
                SkipReason::Disabled,
                SkipReason::CircuitOpen,
                SkipReason::NotAllowed
            ]
        );
        assert!(!plan.is_forbidden());
        assert!(Plan::new(registry.resolve("m").unwrap(), |_| false, now).is_forbidden());
    }
}
