//! `target PROVIDER[:UPSTREAM_MODEL] { … }`, and the same words after the arrow.

use ferrogate_types::routing::{Condition, TargetRouting};
use ferrogate_types::{ProviderId, UpstreamModel};

use super::prices::{self, For, Priced};
use super::{Options, condition};
use crate::caddyfile::ai::pattern::STAR;
use crate::caddyfile::ai::provider::limits::{
    DEFAULT_TIMEOUTS, RETRY, RETRY_OPTIONS, TIMEOUT_OPTIONS, TIMEOUTS, default_retry,
};
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::{Block, Place, Token};
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{OwnPrices, Provider, Target};
use crate::suggest::did_you_mean;

const KIND: Kind = Kind {
    noun: "target option",
    place: "in `target`",
};

/// The largest weight, so that the sum of all fits everywhere.
const MAX_WEIGHT: u32 = 1_000_000;

/// What stands for the name that was asked for.
const AS_ASKED: &str = "*";

/// A target as written.
pub(in crate::caddyfile::ai) struct Written {
    /// `PROVIDER[:UPSTREAM_MODEL]`
    pub(in crate::caddyfile::ai) word: Token,
    /// A `target` line says more of it.
    refined: Option<Place>,
    pub(super) details: Details,
}

/// What a block says of a target.
#[derive(Default)]
pub(crate) struct Details {
    weight: Option<(u32, Place)>,
    priority: Option<u32>,
    pub(super) label: Option<Token>,
    when: Vec<Vec<Condition>>,
    /// Where the first `when` stands.
    pub(super) when_at: Option<Place>,
    prices: OwnPrices,
    timeout: Option<Block>,
    retry: Option<Block>,
}

impl Details {
    /// Where it is given more weight than others have by default.
    pub(super) fn heavier(&self) -> Option<Place> {
        self.weight
            .filter(|&(weight, _)| weight > 1)
            .map(|(_, at)| at)
    }
}

impl Priced for Details {
    fn prices(&mut self) -> &mut OwnPrices {
        &mut self.prices
    }
}

/// Every option of a target.
pub(crate) const OPTIONS: &[Row<Details>] = &[
    Row::new(
        "weight",
        "weight N",
        "Its share, 0 to 1000000; 1 by default. With 0 only when nothing else is left.",
        |cx, line, t| {
            let weight = line.number32(cx, 0..=MAX_WEIGHT);
            t.weight = weight.map(|weight| (weight, line.at()));
        },
    ),
    Row::new(
        "priority",
        "priority N",
        "Smaller ones first; 1 by default.",
        |cx, line, t| t.priority = line.number32(cx, 0..=u32::MAX),
    ),
    Row::new(
        "label",
        "label TEXT",
        "Its name in logs and metrics.",
        |cx, line, t| {
            let Some(word) = line.word(cx) else { return };
            let good = !word.text.is_empty()
                && word.text.len() <= 64
                && !word.text.contains(char::is_control);
            let checked = good
                .then(|| word.clone())
                .ok_or("is empty, or has more than 64 bytes or control characters");
            t.label = cx.checked(word, "label", checked);
        },
    ),
    Row::many(
        "when",
        "when CONDITION [and CONDITION]...",
        "What must hold of a request; with several lines, what one of them says is enough. CONDITION is `model GLOB`, `metadata.NAME VALUE`, `user VALUE`, `stream`, `not_stream`, `has_tools`, `no_tools`, `prompt_contains TEXT`, `prompt_not_contains TEXT`, `prompt_matches /RE/`, `tokens > N` or `tokens < N`.",
        |cx, line, t| {
            t.when_at.get_or_insert(line.at());
            t.when.extend(condition::read(cx, line));
        },
    ),
    prices::row(For::Input),
    prices::row(For::Output),
    prices::row(For::CachedInput),
    prices::row(For::CacheWrite),
    prices::row(For::Reasoning),
    prices::row(For::Image),
    prices::row(For::AudioMinute),
    prices::row(For::Characters),
    Row::new(
        "timeout",
        "timeout { ... }",
        "Time limits that differ from those of the provider.",
        |cx, line, t| t.timeout = line.block(cx).cloned(),
    ),
    Row::new(
        "retry",
        "retry { ... }",
        "Tries that differ from those of the provider.",
        |cx, line, t| t.retry = line.block(cx).cloned(),
    ),
];

/// A word after the arrow.
pub(super) fn listed(word: &Token) -> Written {
    Written {
        word: word.clone(),
        refined: None,
        details: Details::default(),
    }
}

/// `target …` says more of a target after the arrow, or is one where there is no arrow.
pub(super) fn read(cx: &mut Cx<'_>, line: &Line<'_>, model: &mut Options) {
    let Some(([word], block)) = line.with_block(cx, 1..=1) else {
        return;
    };
    let mut details = Details::default();
    if let Some(block) = block {
        cx.run_block(block, KIND, OPTIONS, &mut details);
    }
    if !model.arrow {
        model.targets.push(Written {
            word: word.clone(),
            refined: Some(line.at()),
            details,
        });
        return;
    }
    let name = &*model.name;
    let same = |target: &&mut Written| parts(&target.word.text, name) == parts(&word.text, name);
    let mut places = model.targets.iter_mut().filter(same).peekable();
    let taken = places.peek().and_then(|first| first.refined);
    if let Some(place) = places.find(|place| place.refined.is_none()) {
        place.refined = Some(line.at());
        place.details = details;
        return;
    }
    let shown = cx.shown(word);
    let diagnostic = if let Some(first) = taken {
        Diagnostic::error(
            "duplicate-target",
            format!("target `{shown}` is described twice"),
        )
        .label("second description")
        .also(first.span, "first description")
    } else {
        let near = did_you_mean(
            &word.text,
            model.targets.iter().map(|target| &*target.word.text),
        );
        let hint = if near.is_empty() || word.expanded {
            "write it after the arrow, or leave the arrow out and list every target so".to_owned()
        } else {
            near
        };
        Diagnostic::error(
            "unknown-target",
            format!("target `{shown}` does not stand after the arrow"),
        )
        .label("says more of a target that is not there")
        .hint(hint)
    };
    cx.say(word.at, diagnostic);
}

/// The provider, and the model it is asked for.
fn parts<'t>(word: &'t str, name: &'t str) -> (&'t str, &'t str) {
    word.split_once(':').unwrap_or((word, name))
}

/// The target, without what its provider decides; `name` is the model's, which may be a pattern.
pub(super) fn resolve(cx: &mut Cx<'_>, written: &Written, name: &Token) -> Option<Target> {
    let word = &written.word;
    let pattern = name.text.contains(STAR);
    let (provider, model) = match word.text.split_once(':') {
        Some((provider, AS_ASKED)) if pattern => (provider, None),
        Some((provider, model)) => (provider, Some(model)),
        None => (&*word.text, (!pattern).then_some(&*name.text)),
    };
    let provider: ProviderId = cx.checked(word, "provider of the target", provider.parse())?;
    let model: Option<UpstreamModel> = match model {
        Some(model) if model.contains(STAR) => {
            let shown = cx.shown(word);
            cx.say(
                word.at,
                Diagnostic::error(
                    "invalid-value",
                    format!("model of the target `{shown}` is a pattern"),
                )
                .label("a provider is asked for one model")
                .hint("leave it out: in a pattern the name asked for goes through"),
            );
            return None;
        }
        Some(model) => Some(cx.checked(word, "model of the target", model.parse())?),
        None => None,
    };
    let details = &written.details;
    let default = TargetRouting::default();
    Some(Target {
        routing: TargetRouting {
            weight: details.weight.map_or(default.weight, |(weight, _)| weight),
            priority: details.priority.unwrap_or(default.priority),
            label: details.label.as_ref().map(|word| word.text.to_string()),
            when: details.when.clone(),
        },
        prices: details.prices,
        ..Target::new(provider, model)
    })
}

/// Reads the limits of a target on top of those of its provider, if that is known.
pub(in crate::caddyfile::ai) fn limits(
    cx: &mut Cx<'_>,
    written: &Written,
    target: &mut Target,
    providers: &[Provider],
) {
    let details = &written.details;
    if details.timeout.is_none() && details.retry.is_none() {
        return;
    }
    let provider = providers
        .iter()
        .find(|provider| provider.id == target.provider);
    if let Some(block) = &details.timeout {
        let mut timeouts = provider.map_or(DEFAULT_TIMEOUTS, |provider| provider.timeouts);
        cx.run_block(block, TIMEOUTS, TIMEOUT_OPTIONS, &mut timeouts);
        target.timeouts = Some(timeouts);
    }
    if let Some(block) = &details.retry {
        let mut retry = provider.map_or_else(default_retry, |provider| provider.retry.clone());
        cx.run_block(block, RETRY, RETRY_OPTIONS, &mut retry);
        target.retry = Some(retry);
        let budget = block
            .segments
            .iter()
            .find(|segment| segment.name.is_word("budget"));
        if let Some(budget) = budget {
            cx.say(
                budget.name.at,
                Diagnostic::error("alien-option", "a target has no retry budget of its own")
                    .label("its provider's holds for all calls to it")
                    .hint("write it in `retry` of the provider"),
            );
        }
    }
}
