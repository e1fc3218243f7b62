//! The order in which targets are tried, and why.

use std::time::{Duration, Instant};

use ferrogate_catalog::Tier;
use ferrogate_types::ProviderId;
use ferrogate_types::routing::{Strategy, Unpriced};

use crate::{Asked, BreakerState, Lent, LogicalModel, Pass, Provider, Target, strategy};

/// Targets in the order they will be tried, and those that will not.
#[derive(Clone, Debug)]
pub struct Plan {
    /// To be tried, first to last.
    pub targets: Vec<PlannedTarget>,
    /// Left out, with the reason.
    pub skipped: Vec<Skip>,
    /// Those of the skipped that are out only for now, with the time until they are back.
    out: Vec<(Duration, PlannedTarget)>,
}

/// A target to be tried.
#[derive(Clone, Debug)]
pub struct PlannedTarget {
    /// The target.
    pub target: Target,
    /// Its place in the model's list.
    pub index: usize,
    /// Why it is its turn.
    pub why: Why,
}

/// Why it is a target's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// It is the first in the list.
    First,
    /// It was drawn by its weight.
    Weight,
    /// It is its turn.
    Turn,
    /// It was the fastest of late.
    Fastest,
    /// Nobody knows how fast it is, or would be now.
    Explored,
    /// It costs least.
    Cheapest,
    /// It has the fewest calls under way for its weight.
    Idle,
    /// The request's key leads to it.
    Hash,
    /// The caller was there before.
    Sticky,
    /// Its conditions hold.
    Condition,
    /// It follows those that were tried.
    Next,
    /// Too many of its calls failed of late, so others were tried first.
    Ejected,
    /// It is out, but so are all the others.
    Degraded,
}

impl Why {
    /// The word in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Weight => "weight",
            Self::Turn => "turn",
            Self::Fastest => "fastest",
            Self::Explored => "explored",
            Self::Cheapest => "cheapest",
            Self::Idle => "idle",
            Self::Hash => "hash",
            Self::Sticky => "sticky",
            Self::Condition => "condition",
            Self::Next => "next",
            Self::Ejected => "ejected",
            Self::Degraded => "degraded",
        }
    }
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
    /// Active probes find it ill.
    Unhealthy,
    /// Every place is taken, and so is the queue.
    Saturated,
    /// It is for other requests.
    Condition,
    /// Nobody knows what it costs.
    Unpriced,
    /// The strategy tries the first one only.
    NotFirst,
}

impl SkipReason {
    /// The reason in logs and errors.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled or without a credential",
            Self::NotAllowed => "not allowed for this key",
            Self::CircuitOpen => "circuit open after failures",
            Self::Parked => "rate limited by the provider",
            Self::Unhealthy => "unhealthy",
            Self::Saturated => "as many calls under way as it may have",
            Self::Condition => "not for such requests",
            Self::Unpriced => "without a price",
            Self::NotFirst => "not the first one",
        }
    }

    /// Whether it could be tried after all, where nothing better is left.
    fn is_for_now(self) -> bool {
        matches!(self, Self::CircuitOpen | Self::Parked | Self::Unhealthy)
    }

    /// Whether the target is none for the request, whatever its provider does.
    fn is_by_choice(self) -> bool {
        matches!(self, Self::Condition | Self::Unpriced | Self::NotFirst)
    }
}

impl PlannedTarget {
    /// Asks the breaker to make a call: by force where nothing else is left.
    pub fn pass(&self, now: Instant) -> Option<Pass> {
        let breaker = self.target.provider.breaker();
        match self.why {
            Why::Degraded => breaker.force(now),
            _ => breaker.pass(now),
        }
    }

    /// A credential for a call; of those that are parked, where nothing else is left. `None` where there is none at all,
    /// too.
    pub fn lend(&self, now: Instant) -> Option<Lent<'_>> {
        let credentials = self.target.provider.credentials();
        match self.why {
            Why::Degraded => credentials.force(now),
            _ => credentials.lend(now),
        }
    }
}

impl Plan {
    /// Plans the targets of a model for a request.
    ///
    /// A target the key may not use is skipped, not fatal; one that is disabled, broken, parked or full is left out
    /// now, before anything waits for it. What remains is tried in this order: ejected targets last, before them those of
    /// weight 0, smaller priorities first; and the strategy arranges equals. [`Strategy::Conditional`] and
    /// [`Strategy::Content`] look at no weights and priorities, but try whatever holds in the order written.
    ///
    /// Where all are out, those that are out only for now are tried all the same, the one that is back soonest first:
    /// [`PlannedTarget::pass`] and [`PlannedTarget::lend`] see to it that they are not overrun.
    pub fn new(
        model: &LogicalModel,
        asked: &dyn Asked,
        allowed: impl Fn(&Target) -> bool,
        now: Instant,
    ) -> Self {
        let mut plan = Self {
            targets: Vec::with_capacity(model.targets.len()),
            skipped: Vec::new(),
            out: Vec::new(),
        };
        let meant = Meant::of(model, asked);
        let mut eligible = Vec::with_capacity(model.targets.len());
        for (index, target) in model.targets.iter().enumerate() {
            let provider = &target.provider;
            let reason = meant
                .refuses(index)
                .or_else(|| (!allowed(target)).then_some(SkipReason::NotAllowed))
                .or_else(|| unpriced(model, target, asked))
                .or_else(|| unavailable(provider, now));
            let Some(reason) = reason else {
                eligible.push(index);
                continue;
            };
            plan.skipped.push(Skip {
                provider: provider.id().clone(),
                reason,
            });
            if reason.is_for_now() {
                let wait = match reason {
                    // When it will be well nobody knows.
                    SkipReason::Unhealthy => Duration::MAX,
                    _ => provider
                        .breaker()
                        .wait(now)
                        .max(provider.credentials().wait(now)),
                };
                plan.out.push((wait, planned(model, index, Why::Degraded)));
            }
        }
        let ejected = ejected(model, &eligible, now);
        let rank = |index: &usize| {
            let routing = model.targets[*index].routing();
            let class = match meant {
                Meant::All => (routing.weight == 0, routing.priority),
                Meant::First | Meant::Some(..) => (false, 0),
            };
            (ejected.contains(index), class)
        };
        eligible.sort_by_key(rank);
        for group in eligible.chunk_by_mut(|a, b| rank(a) == rank(b)) {
            let is_ejected = group.first().is_some_and(|index| ejected.contains(index));
            let first = match meant {
                Meant::Some(_, why) => why,
                Meant::All | Meant::First => strategy::arrange(model, group, asked, now),
            };
            for &mut index in group {
                let why = match plan.targets.is_empty() {
                    _ if is_ejected => Why::Ejected,
                    true => first,
                    false => Why::Next,
                };
                plan.targets.push(planned(model, index, why));
            }
        }
        plan.revive();
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
            self.out.retain(|(_, planned)| is_there(planned));
            self.revive();
        }
        has
    }

    /// Whether the key's own limits are why nothing is left.
    pub fn is_forbidden(&self) -> bool {
        let forbids = |skip: &Skip| skip.reason == SkipReason::NotAllowed;
        self.targets.is_empty()
            && self.skipped.iter().any(forbids)
            && self
                .skipped
                .iter()
                .all(|skip| forbids(skip) || skip.reason.is_by_choice())
    }

    /// Plans those that are out only for now, where nothing else is left.
    fn revive(&mut self) {
        if !self.targets.is_empty() {
            return;
        }
        self.out.sort_by_key(|(wait, _)| *wait);
        let revived = self.out.drain(..).map(|(_, planned)| planned);
        self.targets.extend(revived);
        self.skipped.retain(|skip| !skip.reason.is_for_now());
    }
}

fn planned(model: &LogicalModel, index: usize, why: Why) -> PlannedTarget {
    PlannedTarget {
        target: model.targets[index].clone(),
        index,
        why,
    }
}

/// Which targets are for a request at all.
enum Meant {
    All,
    First,
    /// Those at these places, for this reason.
    Some(Vec<usize>, Why),
}

impl Meant {
    fn of(model: &LogicalModel, asked: &dyn Asked) -> Self {
        match model.spec.routing.strategy {
            Strategy::Single => Self::First,
            Strategy::Conditional | Strategy::Content => {
                let conditions = |index: &usize| &model.targets[*index].own.conditions;
                let (always, sometimes): (Vec<usize>, Vec<usize>) =
                    (0..model.targets.len()).partition(|index| conditions(index).is_empty());
                let mut holding = sometimes;
                holding.retain(|index| conditions(index).hold(asked));
                if holding.is_empty() {
                    Self::Some(always, Why::First)
                } else {
                    Self::Some(holding, Why::Condition)
                }
            }
            _ => Self::All,
        }
    }

    fn refuses(&self, index: usize) -> Option<SkipReason> {
        match self {
            Self::First if index > 0 => Some(SkipReason::NotFirst),
            Self::Some(places, _) if !places.contains(&index) => Some(SkipReason::Condition),
            _ => None,
        }
    }
}

fn unpriced(model: &LogicalModel, target: &Target, asked: &dyn Asked) -> Option<SkipReason> {
    if model.spec.routing.strategy != Strategy::LowestCost(Unpriced::Skip) {
        return None;
    }
    let cost = target.prices.cost(&asked.estimate(), Tier::Standard);
    cost.is_none().then_some(SkipReason::Unpriced)
}

fn unavailable(provider: &Provider, now: Instant) -> Option<SkipReason> {
    if !provider.is_enabled() {
        Some(SkipReason::Disabled)
    } else if !provider.is_healthy() {
        Some(SkipReason::Unhealthy)
    } else if provider.breaker().state(now) == BreakerState::Open {
        Some(SkipReason::CircuitOpen)
    } else if !provider.credentials().wait(now).is_zero() {
        Some(SkipReason::Parked)
    } else if provider.is_saturated() {
        Some(SkipReason::Saturated)
    } else {
        None
    }
}

/// Those that others go before because too many of their calls fail: none where all of them are like that, and never more
/// than half of them, since then something else is wrong.
fn ejected(model: &LogicalModel, eligible: &[usize], now: Instant) -> Vec<usize> {
    let left = |index: usize| model.targets[index].provider.ejected(now);
    let ejected = eligible
        .iter()
        .filter_map(|&index| Some((left(index)?, index)));
    let mut ejected: Vec<(Duration, usize)> = ejected.collect();
    if ejected.len() == eligible.len() {
        return Vec::new();
    }
    // The longest times are those of the worst.
    ejected.sort_by(|a, b| b.cmp(a));
    ejected.truncate(eligible.len() / 2);
    ejected.into_iter().map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests;
