//! Models under every name that is like theirs.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use ferrogate_catalog::{Catalog, Status};
use ferrogate_llm::ModelTraits;
use ferrogate_types::{ModelName, UpstreamModel};

use crate::glob::Glob;
use crate::{LogicalModel, Provider, Target};

/// The patterns of a registry, those that say most first.
#[derive(Debug, Default)]
pub(crate) struct Patterns(Vec<Pattern>);

#[derive(Debug)]
struct Pattern {
    glob: Glob,
    /// Characters of its own.
    len: usize,
    /// Its model's place.
    place: usize,
}

impl Patterns {
    /// Takes in the pattern of the model at that place.
    pub(crate) fn add(&mut self, pattern: &str, place: usize) {
        let glob = Glob::new(pattern);
        let len = glob.literal_len();
        // Of equals the first that was written stays first.
        let at = self.0.partition_point(|other| other.len >= len);
        self.0.insert(at, Pattern { glob, len, place });
    }

    /// The place of the model whose pattern says most of a name.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        let found = self.0.iter().find(|pattern| pattern.glob.matches(name));
        found.map(|pattern| pattern.place)
    }
}

/// What is known of names.
#[derive(Debug)]
pub(crate) struct Known {
    catalog: Cow<'static, Catalog>,
    /// The kinds of provider of which the catalog has no model: servers of one's own.
    unlisted: HashSet<&'static str>,
}

impl Known {
    pub(crate) fn new(catalog: Cow<'static, Catalog>, providers: &[Arc<Provider>]) -> Self {
        let kinds = providers
            .iter()
            .map(|provider| provider.spec().kind.row().key);
        let unlisted = kinds.filter(|kind| catalog.of_provider(kind).next().is_none());
        Self {
            unlisted: unlisted.collect(),
            catalog,
        }
    }

    /// How sure it is that a target serves a name.
    fn rank(&self, target: &Target, name: &str) -> Rank {
        let kind = target.provider.spec().kind.row().key;
        let row = self.catalog.get(kind, name);
        if row.is_some_and(|row| row.lifecycle.status != Status::Retired) {
            Rank::Serves
        } else if self.unlisted.contains(kind) {
            Rank::ServesAnything
        } else {
            Rank::Unknown
        }
    }
}

/// A pattern's model as it is under one name; `None` where nobody serves that name.
///
/// The name goes through to the targets that say nothing else, but not to all of them: where the catalog knows some that
/// serve it, to those; else to those of whom the catalog knows no model at all, which are servers of one's own; else, as
/// nobody knows better, to all of them. Only a bare `*` with several such targets does not guess: it stands for whatever the
/// catalog says. A target with a model of its own serves every name.
pub(crate) fn named(
    pattern: &LogicalModel,
    name: &ModelName,
    known: Option<&Known>,
) -> Option<LogicalModel> {
    let upstream: UpstreamModel = name.as_str().parse().ok()?;
    let rank = |target: &Target| {
        let rank = known.map_or(Rank::Serves, |known| known.rank(target, name.as_str()));
        target.own.as_asked.then_some(rank)
    };
    let ranks: Vec<Option<Rank>> = pattern.targets.iter().map(rank).collect();
    let best = ranks.iter().copied().flatten().min();
    let guesses = best == Some(Rank::Unknown) && ranks.iter().flatten().count() > 1;
    let guesses = guesses && is_bare(pattern.spec.name.as_str());
    let kept = pattern.targets.iter().zip(&ranks);
    let kept = kept.filter(|(_, rank)| rank.is_none() || (**rank == best && !guesses));
    let targets = kept.map(|(target, _)| {
        if !target.own.as_asked {
            return target.clone();
        }
        let kind = target.provider.spec().kind.row().key;
        let catalog = known.map(|known| &known.catalog);
        let row = catalog.and_then(|catalog| catalog.get(kind, name.as_str()));
        let mut traits = catalog.map_or_else(ModelTraits::default, |catalog| {
            catalog.traits(kind, name.as_str())
        });
        let spec = &pattern.spec;
        traits.context_window = spec.context_window.or(traits.context_window);
        traits.max_output_tokens = spec.max_output_tokens.or(traits.max_output_tokens);
        let prices = match row {
            Some(row) if target.prices.is_empty() => Arc::new(row.prices.clone()),
            _ => Arc::clone(&target.prices),
        };
        Target {
            model: upstream.clone(),
            traits: Arc::new(traits),
            prices,
            ..target.clone()
        }
    });
    let targets: Vec<Target> = targets.collect();
    (!targets.is_empty()).then(|| LogicalModel {
        hedges: pattern.hedges.clone(),
        spec: Arc::clone(&pattern.spec),
        targets,
        asked: Some(name.clone()),
        turns: Arc::clone(&pattern.turns),
    })
}

/// How sure it is that a target serves a name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Serves,
    ServesAnything,
    Unknown,
}

fn is_bare(pattern: &str) -> bool {
    pattern.chars().all(|c| c == '*')
}
