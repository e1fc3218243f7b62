//! `model NAME [ALIAS...] -> PROVIDER[:UPSTREAM_MODEL]...` and `alias`.

use std::sync::Arc;

use ferrogate_types::ModelName;
use ferrogate_types::routing::{CommitWindow, Hedge, Routing, Sticky, Strategy};

use super::Draft;
use super::pattern::STAR;
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::{Place, Token};
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{Model, OwnPrices, Target};
use crate::suggest::nearest;

mod check;
mod condition;
pub(super) mod inventory;
mod patience;
mod prices;
mod strategy;
pub(crate) mod target;

use prices::{For, Priced};
use target::Written;

const KIND: Kind = Kind {
    noun: "model option",
    place: "in `model`",
};

/// A model and where its names stand.
pub(crate) struct Named {
    pub(super) model: Model,
    pub(super) at: Place,
    /// The model's targets as written, one for each; none for a model that a provider lists.
    pub(super) targets: Vec<Written>,
    /// The other names on the line.
    pub(super) aliases: Vec<Token>,
    /// The models that take over.
    pub(super) fallbacks: Vec<Token>,
    /// The pattern that it has everything from.
    pub(super) copy_of: Option<usize>,
}

/// `alias NAME MODEL`.
pub(crate) struct Alias {
    pub(super) name: Token,
    pub(super) model: Token,
}

/// A model as it is read.
#[derive(Default)]
pub(crate) struct Options {
    /// Its name, by which a provider is asked that is not told another one.
    name: Arc<str>,
    /// Targets stand after an arrow, so that `target` lines only say more of them.
    arrow: bool,
    targets: Vec<Written>,
    strategy: Option<(Strategy, Place)>,
    /// What `strategy` says could not be read, so that nothing is known of what it asks for.
    strategy_unknown: bool,
    /// What `sticky` says, or `ttl` of `strategy hash`, and where the former stands.
    sticky: Option<(Sticky, Place)>,
    hash_ttl: Option<Sticky>,
    hedge: Option<(Hedge, Place)>,
    commit_window: CommitWindow,
    fallbacks: Vec<Token>,
    capabilities: Vec<String>,
    context_window: Option<u64>,
    max_output_tokens: Option<u64>,
    prices: OwnPrices,
    disabled: bool,
}

impl Priced for Options {
    fn prices(&mut self) -> &mut OwnPrices {
        &mut self.prices
    }
}

/// What a model can do, for suggestions; other words are kept as written.
const CAPABILITIES: [&str; 14] = [
    "chat",
    "streaming",
    "tools",
    "vision",
    "json_schema",
    "reasoning",
    "embeddings",
    "images",
    "audio",
    "rerank",
    "moderation",
    "completions",
    "realtime",
    "batch",
];

/// Every option of a model.
pub(crate) const OPTIONS: &[Row<Options>] = &[
    Row::many(
        "target",
        "target PROVIDER[:UPSTREAM_MODEL] [{ ... }]",
        "Says more of a target after the arrow; where there is no arrow, a place where it is served.",
        target::read,
    ),
    Row::new(
        "strategy",
        "strategy single|fallback|weighted|round_robin|least_latency|lowest_cost [unpriced last|skip|free]|least_busy|hash KEY [ttl DURATION]|ab_test|conditional|content",
        "How a target is chosen; in the order of their priority by default. KEY is `user`, `session`, `key`, `header NAME` or `prompt_prefix [CHARS]`.",
        |cx, line, model| {
            let read = strategy::read(cx, line);
            model.strategy_unknown = read.is_none();
            model.hash_ttl = read.as_ref().and_then(|(_, sticky)| sticky.clone());
            model.strategy = read.map(|(strategy, _)| (strategy, line.at()));
        },
    ),
    Row::new(
        "sticky",
        "sticky KEY [ttl DURATION]",
        "Callers stay with the target they were given, for ever or for so long. KEY is that of `strategy hash`.",
        |cx, line, model| {
            model.sticky = strategy::sticky(cx, line).map(|sticky| (sticky, line.at()));
        },
    ),
    Row::new(
        "fallback_model",
        "fallback_model NAME...",
        "Models that take over when every target failed, or the request is too long for it or not wanted there.",
        |cx, line, model| {
            model.fallbacks = line.list(cx, 1..=64).unwrap_or_default().to_vec();
        },
    ),
    Row::new(
        "hedge",
        "hedge after DURATION [max_extra PERCENT]",
        "Tries the next target as well when the first one is silent so long, for 5% of the requests at most by default.",
        |cx, line, model| {
            model.hedge = patience::hedge(cx, line).map(|hedge| (hedge, line.at()));
        },
    ),
    Row::new(
        "commit_window",
        "commit_window [N events] [SIZE] [DURATION]",
        "How much of a stream may go by without content before its caller is told that it began; 1024 events and 64KiB by default.",
        |cx, line, model| {
            model.commit_window = patience::commit_window(cx, line).unwrap_or_default();
        },
    ),
    Row::many(
        "capabilities",
        "capabilities NAME...",
        "What it can do, for listings.",
        |cx, line, model| {
            for word in line.list(cx, 1..=64).unwrap_or_default() {
                let near = nearest(&word.text, CAPABILITIES).filter(|near| **near != *word.text);
                if let Some(near) = near {
                    cx.say(
                        word.at,
                        Diagnostic::warning(
                            "unknown-capability",
                            format!("unknown capability `{}`", cx.shown(word)),
                        )
                        .label("listed as it is")
                        .hint(format!("did you mean `{near}`?")),
                    );
                }
                model.capabilities.push(word.text.to_string());
            }
        },
    ),
    Row::new(
        "context_window",
        "context_window TOKENS",
        "Input and output together.",
        |cx, line, model| {
            model.context_window = line.number(cx, 1..=u64::MAX);
        },
    ),
    Row::new(
        "max_output_tokens",
        "max_output_tokens TOKENS",
        "The longest output.",
        |cx, line, model| {
            model.max_output_tokens = line.number(cx, 1..=u64::MAX);
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
        "disabled",
        "disabled",
        "Switched off.",
        |cx, line, model| model.disabled = line.flag(cx),
    ),
    Row::later("visible_to", "use `allowed_models` of an `api_key`"),
];

pub(crate) fn read(cx: &mut Cx<'_>, line: &Line<'_>, draft: &mut Draft) {
    let Some((args, block)) = line.with_block(cx, 1..=1000) else {
        return;
    };
    let arrow = args.iter().position(|word| word.is_word("->"));
    let (names, targets) = args.split_at(arrow.unwrap_or(args.len()));
    let targets = targets.get(1..).unwrap_or_default();
    let mut options = Options {
        name: names
            .first()
            .map(|name| Arc::clone(&name.text))
            .unwrap_or_default(),
        arrow: !targets.is_empty(),
        targets: targets.iter().map(target::listed).collect(),
        ..Options::default()
    };
    if let Some(block) = block {
        cx.run_block(block, KIND, OPTIONS, &mut options);
    }
    let Some((name, aliases)) = names.split_first() else {
        cx.say(
            line.at(),
            Diagnostic::error("argument-count", "the model has no name")
                .label("a name must stand before the arrow")
                .hint(line.syntax()),
        );
        return;
    };
    if options.targets.is_empty() {
        cx.say(
            line.at(),
            Diagnostic::error(
                "no-target",
                format!("model `{}` is served nowhere", cx.shown(name)),
            )
            .label("an arrow and a provider are missing")
            .hint(line.syntax()),
        );
        return;
    }
    let resolved: Option<Vec<Target>> = options
        .targets
        .iter()
        .map(|written| target::resolve(cx, written, name))
        .collect();
    let parsed: Option<ModelName> = cx.checked(name, "model name", name.text.parse());
    if let Some(targets) = &resolved {
        check::routing(cx, name, &options, targets);
    }
    let aliases = check::aliases(cx, name, aliases);
    let (Some(targets), Some(parsed)) = (resolved, parsed) else {
        return;
    };
    draft.models.push(Named {
        model: Model {
            pattern: name.text.contains(STAR),
            name: parsed,
            aliases: Vec::new(),
            targets,
            routing: Routing {
                strategy: options
                    .strategy
                    .map(|(strategy, _)| strategy)
                    .unwrap_or_default(),
                sticky: options
                    .sticky
                    .map(|(sticky, _)| sticky)
                    .or(options.hash_ttl),
                // Known once all models are.
                fallback_models: Vec::new(),
                hedge: options.hedge.map(|(hedge, _)| hedge),
                commit_window: options.commit_window,
            },
            capabilities: options.capabilities,
            context_window: options.context_window,
            max_output_tokens: options.max_output_tokens,
            prices: options.prices,
            disabled: options.disabled,
            origin: cx.origin(line.name()),
        },
        at: name.at,
        targets: options.targets,
        aliases,
        fallbacks: options.fallbacks,
        copy_of: None,
    });
}

pub(crate) fn alias(cx: &mut Cx<'_>, line: &Line<'_>, draft: &mut Draft) {
    if let Some([name, model]) = line.words(cx) {
        draft.aliases.push(Alias {
            name: name.clone(),
            model: model.clone(),
        });
    }
}
