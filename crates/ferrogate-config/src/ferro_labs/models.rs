//! Which model is served where, as the strategy says.

use std::collections::BTreeMap;

use ferrogate_catalog::Catalog;
use ferrogate_providers::ProviderKind;

use super::document::{Document, Strategy};
use super::targets::Target;
use super::{rules, weights};
use crate::caddyfile::context::Cx;
use crate::caddyfile::syntax::{Place, Segment, Token};
use crate::diagnostic::Diagnostic;
use crate::toml::reader::{Reader, block, line, word};

/// What the strategies are called there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Single,
    Fallback,
    Weighted,
    Conditional,
    LeastLatency,
    LowestCost,
    Content,
    AbTest,
}

const MODES: &[(&str, Mode)] = &[
    ("single", Mode::Single),
    ("fallback", Mode::Fallback),
    ("load-balance", Mode::Weighted),
    ("loadbalance", Mode::Weighted),
    ("conditional", Mode::Conditional),
    ("least-latency", Mode::LeastLatency),
    ("cost-optimized", Mode::LowestCost),
    ("content-based", Mode::Content),
    ("ab-test", Mode::AbTest),
];

/// A target for some models.
pub(super) struct Candidate {
    key: Token,
    /// What it calls the model, where that is another name.
    model: Option<Token>,
    lines: Vec<Segment>,
}

/// The lines of the gateway: providers, models, aliases.
pub(super) fn lines(reader: &mut Reader<'_, '_>, document: Document) -> Vec<Segment> {
    let strategy = &document.strategy;
    let mut targets: Vec<(&Token, &Target)> = document
        .targets
        .iter()
        .filter_map(|target| Some((target.key.as_ref()?, target)))
        .collect();
    let at = match (&strategy.mode, targets.first()) {
        (Some(mode), _) => mode.at,
        (None, Some((key, _))) => key.at,
        (None, None) => reader.place(0..0),
    };
    let cx = &mut *reader.cx;
    let mode = match &strategy.mode {
        Some(mode) => cx.one_of(mode, "mode", MODES),
        None => Some(Mode::Single),
    };
    let mut lines = document.lines;
    lines.extend(targets.iter().map(|(key, target)| target.provider(key)));
    let Some(mode) = mode else { return lines };
    if targets.is_empty() {
        cx.say(
            at,
            Diagnostic::error("no-target", "no target is given")
                .label("nothing could be asked")
                .hint("add `targets`, each with a `virtual_key`"),
        );
        return lines;
    }
    if mode == Mode::Single && targets.len() > 1 {
        let surplus = targets.split_off(1);
        if let Some((key, _)) = surplus.first() {
            cx.say(
                key.at,
                Diagnostic::warning("no-effect", "`single` asks the first target only")
                    .label("never asked"),
            );
        }
    }
    let plan = Plan::new(cx, strategy, mode, at, &targets);
    // In the order of the names, so that the same document gives the same lines.
    let declared: BTreeMap<&str, &Token> = targets
        .iter()
        .flat_map(|(_, target)| &target.models)
        .map(|(name, _)| (&*name.text, name))
        .collect();
    for (name, token) in declared {
        lines.extend(plan.model(token, |key| serves(&targets, key, name)));
    }
    let all = word("*", at);
    lines.extend(plan.model(&all, |_| Some(None)));
    lines.extend(document.aliases.into_iter().map(|(name, model)| {
        let title = word("alias", name.at);
        line(title, vec![name, model])
    }));
    lines
}

/// Whether a target serves a name, and what it calls that: because it says so, or because the catalog does.
#[expect(
    clippy::option_option,
    reason = "not to serve a name is not the same as to call it nothing else"
)]
fn serves(targets: &[(&Token, &Target)], key: &Token, name: &str) -> Option<Option<Token>> {
    let (_, target) = targets.iter().find(|(known, _)| known.text == key.text)?;
    if let Some(model) = target.declares(name) {
        return Some(model.cloned());
    }
    let kind = ProviderKind::named(&key.text)?;
    let known = Catalog::embedded().get(kind.row().key, name).is_some();
    known.then_some(None)
}

/// What a strategy says of every model.
struct Plan {
    /// `strategy` beside `sticky`.
    lines: Vec<Segment>,
    mode: Mode,
    candidates: Vec<Candidate>,
    at: Place,
}

impl Plan {
    fn new(
        cx: &mut Cx<'_>,
        strategy: &Strategy,
        mode: Mode,
        at: Place,
        targets: &[(&Token, &Target)],
    ) -> Self {
        let words = match mode {
            Mode::Single => "single",
            Mode::Fallback => "fallback",
            Mode::Weighted => "weighted",
            Mode::Conditional => "conditional",
            Mode::LeastLatency => "least_latency",
            Mode::LowestCost => "lowest_cost",
            Mode::Content => "content",
            Mode::AbTest => "ab_test",
        };
        let mut args = vec![word(words, at)];
        if let (Mode::LowestCost, Some(written)) = (mode, &strategy.unpriced) {
            const WAYS: &[(&str, &str)] =
                &[("fallback", "last"), ("skip", "skip"), ("allow", "free")];
            let way = cx.one_of(written, "way", WAYS);
            args.extend(
                way.into_iter()
                    .flat_map(|way| [word("unpriced", written.at), word(way, written.at)]),
            );
        }
        let mut lines = vec![line(word("strategy", at), args)];
        lines.extend(sticky(cx, strategy));
        let first = targets.first().map(|(key, _)| *key);
        let candidates = match mode {
            Mode::Conditional => rules::conditions(cx, &strategy.conditions, first),
            Mode::Content => rules::contents(cx, &strategy.contents, first),
            Mode::AbTest => variants(cx, strategy),
            Mode::Weighted | Mode::LowestCost => weighted(cx, targets),
            Mode::Single | Mode::Fallback | Mode::LeastLatency => targets
                .iter()
                .map(|(key, _)| Candidate::new(key, Vec::new()))
                .collect(),
        };
        Self {
            lines,
            mode,
            candidates,
            at,
        }
    }

    /// `model NAME { ... }` with the targets that serve it; none without one.
    fn model(
        &self,
        name: &Token,
        serves: impl Fn(&Token) -> Option<Option<Token>>,
    ) -> Option<Segment> {
        let served = self.candidates.iter().filter_map(|candidate| {
            let model = serves(&candidate.key)?;
            Some(Candidate {
                key: candidate.key.clone(),
                model,
                lines: candidate.lines.clone(),
            })
        });
        let mut served: Vec<Candidate> = served.collect();
        // A test needs something to compare; one target is simply asked.
        let alone = served.len() == 1 && self.mode == Mode::AbTest;
        if alone && let Some(candidate) = served.first_mut() {
            candidate.lines.retain(|line| !line.name.is_word("weight"));
        }
        let targets: Vec<Segment> = served.into_iter().map(Candidate::target).collect();
        let lines = self.lines.iter().filter(|_| !alone).cloned();
        (!targets.is_empty()).then(|| {
            block(
                word("model", self.at),
                vec![name.clone()],
                lines.chain(targets).collect(),
            )
        })
    }
}

impl Candidate {
    /// A target with so many options.
    pub(super) fn new(key: &Token, lines: Vec<Segment>) -> Self {
        Self {
            key: key.clone(),
            model: None,
            lines,
        }
    }

    /// `target PROVIDER[:MODEL] { ... }`
    fn target(self) -> Segment {
        let place = match &self.model {
            Some(model) => Token {
                text: format!("{}:{}", self.key.text, model.text).into(),
                ..self.key.clone()
            },
            None => self.key.clone(),
        };
        block(word("target", self.key.at), vec![place], self.lines)
    }
}

fn weighted(cx: &mut Cx<'_>, targets: &[(&Token, &Target)]) -> Vec<Candidate> {
    let written: Vec<Option<Token>> = targets
        .iter()
        .map(|(_, target)| target.weight.clone())
        .collect();
    // Where some have a weight, the others have that of one.
    let written = if written.iter().any(Option::is_some) {
        let one = |(key, _): &(&Token, &Target)| word("1", key.at);
        let filled = written.into_iter().zip(targets);
        filled
            .map(|(weight, target)| Some(weight.unwrap_or_else(|| one(target))))
            .collect()
    } else {
        written
    };
    let weights = weights::whole(cx, &written).into_iter();
    targets
        .iter()
        .zip(weights)
        .map(|((key, _), weight)| {
            let weight = weight.map(|weight| line(word("weight", weight.at), vec![weight]));
            Candidate::new(key, weight.into_iter().collect())
        })
        .collect()
}

fn variants(cx: &mut Cx<'_>, strategy: &Strategy) -> Vec<Candidate> {
    let variants = &strategy.variants;
    let written: Vec<Option<Token>> = variants.iter().map(|v| v.weight.clone()).collect();
    let weights = weights::whole(cx, &written);
    variants
        .iter()
        .zip(weights)
        .filter_map(|(variant, weight)| {
            let weight = weight.map(|weight| line(word("weight", weight.at), vec![weight]));
            let label = variant.label.clone();
            let label = label.map(|label| line(word("label", label.at), vec![label]));
            let lines = weight.into_iter().chain(label).collect();
            Some(Candidate::new(variant.target.as_ref()?, lines))
        })
        .collect()
}

/// `sticky KEY [ttl D]`
fn sticky(cx: &mut Cx<'_>, strategy: &Strategy) -> Option<Segment> {
    let sticky = strategy.sticky.as_ref()?;
    let on = sticky.on.as_ref()?;
    let key = cx.one_of(on, "key", &[("user", "user")])?;
    let mut args = vec![word(key, on.at)];
    if let Some(ttl) = &sticky.ttl {
        args.extend([word("ttl", ttl.at), ttl.clone()]);
    }
    Some(line(word("sticky", on.at), args))
}
