//! All rules of a gateway.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::decision::{Decision, Explanation, RuleMatch};
use super::index::Index;
use super::rank::{Rank, rank};
use super::spec::{Effect, Facts, Rule};

/// All rules of a gateway. Their order means nothing.
///
/// The most specific rule that speaks of a call decides; of equally specific ones one that denies; without any the call
/// may go on. The cost depends on how many rules could speak of a call, not on how many there are.
#[derive(Debug, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    index: Index,
}

/// Why rules were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Two rules of one name: `explain` could not tell them apart.
    #[error("the policy `{0}` is declared twice")]
    Twice(String),
}

impl Rules {
    /// These rules, in any order.
    pub fn new(rules: Vec<Rule>) -> Result<Self, RuleError> {
        let mut names = HashSet::new();
        if let Some(twice) = rules.iter().find(|rule| !names.insert(&rule.name)) {
            return Err(RuleError::Twice(twice.name.clone()));
        }
        Ok(Self {
            index: Index::new(&rules),
            rules,
        })
    }

    /// The rules in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What the rules say of a call to one target.
    ///
    /// To be asked once per target that is to be tried, with its provider: without one, a rule that allows a provider
    /// does not speak, and a less specific one that denies decides. A target that is denied is skipped.
    pub fn evaluate(&self, facts: &Facts<'_>) -> Decision<'_> {
        let mut best = None;
        let mut best_with_dry = None;
        self.index.candidates(facts, |place| {
            let Some(rule) = self.rules.get(place) else {
                return;
            };
            let Some(rank) = rank(rule, facts, None) else {
                return;
            };
            let found = Some(Claim::new(rank, rule));
            if !rule.dry_run {
                best = best.max(found);
            }
            best_with_dry = best_with_dry.max(found);
        });
        decide(best, best_with_dry)
    }

    /// What the rules say of a call to one target, and why.
    pub fn explain(&self, facts: &Facts<'_>) -> Explanation<'_> {
        let mut claims: Vec<_> = self
            .rules
            .iter()
            .filter_map(|rule| {
                let mut fitting = Vec::new();
                let rank = rank(rule, facts, Some(&mut fitting))?;
                Some((Claim::new(rank, rule), RuleMatch { rule, fitting }))
            })
            .collect();
        claims.sort_by_key(|(claim, _)| Reverse(*claim));
        let best = |dry: bool| {
            let claims = claims.iter().map(|(claim, _)| *claim);
            claims.filter(|claim| dry || !claim.rule.0.dry_run).max()
        };
        Explanation {
            decision: decide(best(false), best(true)),
            matches: claims.into_iter().map(|(_, found)| found).collect(),
        }
    }
}

fn decide<'a>(best: Option<Claim<'a>>, with_dry: Option<Claim<'a>>) -> Decision<'a> {
    let effect = |claim: Option<Claim<'_>>| claim.map_or(Effect::Allow, |claim| claim.effect);
    Decision {
        rule: best.map(|claim| claim.rule.0),
        would: with_dry
            .filter(|_| effect(with_dry) != effect(best))
            .map(|claim| claim.rule.0),
    }
}

/// A rule's claim to decide: the greatest wins. Names only make the winner certain where two say the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Claim<'a> {
    rank: Rank,
    effect: Effect,
    rule: ByName<'a>,
}

#[derive(Clone, Copy)]
struct ByName<'a>(&'a Rule);

impl<'a> Claim<'a> {
    fn new(rank: Rank, rule: &'a Rule) -> Self {
        Self {
            rank,
            effect: rule.effect,
            rule: ByName(rule),
        }
    }
}

impl PartialEq for ByName<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for ByName<'_> {}

impl PartialOrd for ByName<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByName<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.0.name.cmp(&self.0.name)
    }
}

#[cfg(test)]
mod tests;
