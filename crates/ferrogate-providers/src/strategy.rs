//! The order in which a strategy tries targets.

mod key;
mod race;

use std::cmp::Reverse;
use std::time::Instant;

use ferrogate_catalog::Tier;
use ferrogate_types::routing::{Strategy, Unpriced};

use crate::{Asked, LogicalModel, Target, Why};

/// One request of so many tries a target that is not the fastest.
const EXPLORED: u64 = 10;

/// Puts targets that are equal otherwise in the order in which they are tried, and says why the first one is.
pub(crate) fn arrange(
    model: &LogicalModel,
    group: &mut [usize],
    asked: &dyn Asked,
    now: Instant,
) -> Why {
    let routing = &model.spec.routing;
    if let Some(sticky) = &routing.sticky
        && let Some(hash) = key::sticky(sticky, asked)
        && let Some(own) = race::first(group, |index| race::hashed(&model.targets[index], hash))
    {
        // The others keep the order they are in, which is that of the strategy.
        group[..=own].rotate_right(1);
        if let Some((_, rest)) = group.split_first_mut() {
            by_strategy(model, rest, asked, now);
        }
        return Why::Sticky;
    }
    by_strategy(model, group, asked, now)
}

fn by_strategy(model: &LogicalModel, group: &mut [usize], asked: &dyn Asked, now: Instant) -> Why {
    let target = |index: usize| &model.targets[index];
    match &model.spec.routing.strategy {
        Strategy::Single | Strategy::Fallback | Strategy::Conditional | Strategy::Content => {
            Why::First
        }
        Strategy::Weighted | Strategy::AbTest => {
            draw(model, group, asked);
            Why::Weight
        }
        Strategy::RoundRobin => {
            let weights = group.iter().map(|&index| target(index).routing().weight);
            let next = model.turns.lock().next(group.iter().copied().zip(weights));
            if let Some(place) = next.and_then(|next| group.iter().position(|at| *at == next)) {
                group[..=place].rotate_right(1);
            }
            Why::Turn
        }
        Strategy::LeastLatency => by_latency(model, group, asked, now),
        Strategy::LowestCost(unpriced) => {
            let usage = asked.estimate();
            group.sort_by_cached_key(|&index| {
                let cost = target(index).prices.cost(&usage, Tier::Standard);
                // `None` comes before every price.
                let is_last = cost.is_none() && *unpriced != Unpriced::Free;
                (is_last, cost, Reverse(target(index).routing().weight))
            });
            Why::Cheapest
        }
        Strategy::LeastBusy => {
            // Of equals one is drawn: the first one written would take every call that finds all of them idle.
            draw(model, group, asked);
            // Counted once: a count that changes under the sort is no order.
            group.sort_by_cached_key(|&index| Load::of(target(index)));
            Why::Idle
        }
        Strategy::Hash(key) => match key::hash(key, asked) {
            Some(hash) => {
                race::run(group, |index| race::hashed(target(index), hash));
                Why::Hash
            }
            None => Why::First,
        },
    }
}

/// Draws by weight, each target once.
fn draw(model: &LogicalModel, group: &mut [usize], asked: &dyn Asked) {
    race::run(group, |index| {
        race::time(asked.random(), model.targets[index].routing().weight)
    });
}

fn by_latency(model: &LogicalModel, group: &mut [usize], asked: &dyn Asked, now: Instant) -> Why {
    // Of those nobody knows any may be the fastest.
    draw(model, group, asked);
    let target = |index: usize| &model.targets[index];
    group.sort_by_cached_key(|&index| {
        let latency = target(index).latency(now);
        (latency.is_none() && !target(index).is_unknown(now), latency)
    });
    let is_unknown = |index: &usize| target(*index).latency(now).is_none();
    if group.first().is_some_and(is_unknown) {
        return Why::Explored;
    }
    let others = group.len().saturating_sub(1) as u64;
    if others > 0 && asked.random().is_multiple_of(EXPLORED) {
        let other = 1 + usize::try_from(asked.random() % others).unwrap_or_default();
        group[..=other].rotate_right(1);
        return Why::Explored;
    }
    Why::Fastest
}

/// Calls under way for each unit of weight.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Load {
    calls: u64,
    weight: u64,
}

impl Load {
    fn of(target: &Target) -> Self {
        Self {
            calls: target.in_flight().into(),
            weight: target.routing().weight.max(1).into(),
        }
    }
}

impl Ord for Load {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let crossed = |calls: u64, weight: u64| u128::from(calls) * u128::from(weight);
        crossed(self.calls, other.weight).cmp(&crossed(other.calls, self.weight))
    }
}

impl PartialOrd for Load {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests;
