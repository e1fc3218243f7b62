//! `model NAME [ALIAS...] -> PROVIDER[:UPSTREAM_MODEL]...` and `alias`.

use ferrogate_types::{ModelName, Price, ProviderId, UpstreamModel};

use super::Draft;
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::{Place, Token};
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{Model, Target};
use crate::suggest::nearest;

const KIND: Kind = Kind {
    noun: "model option",
    place: "in `model`",
};

/// A model and where its names stand.
pub(crate) struct Named {
    pub(super) model: Model,
    pub(super) at: Place,
    /// The words that name providers, to be checked when all are known.
    pub(super) providers: Vec<Token>,
    /// The other names on the line.
    pub(super) aliases: Vec<Token>,
}

/// `alias NAME MODEL`.
pub(crate) struct Alias {
    pub(super) name: Token,
    pub(super) model: Token,
}

/// A model as it is read.
#[derive(Default)]
pub(crate) struct Options {
    targets: Vec<Token>,
    strategy: Option<(Strategy, Place)>,
    capabilities: Vec<String>,
    context_window: Option<u64>,
    max_output_tokens: Option<u64>,
    input_price: Option<Price>,
    output_price: Option<Price>,
    cached_input_price: Option<Price>,
    cache_write_price: Option<Price>,
    reasoning_price: Option<Price>,
    image_price: Option<Price>,
    audio_minute_price: Option<Price>,
    character_price: Option<Price>,
    disabled: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Strategy {
    Single,
    Fallback,
}

const STRATEGIES: &[(&str, Strategy)] = &[
    ("single", Strategy::Single),
    ("fallback", Strategy::Fallback),
];
const STRATEGIES_LATER: &[&str] = &[
    "weighted",
    "round_robin",
    "least_latency",
    "lowest_cost",
    "least_busy",
    "hash",
    "ab_test",
    "conditional",
    "content",
];

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
        "target PROVIDER[:UPSTREAM_MODEL]",
        "One more place where it is served.",
        |cx, line, model| {
            let Some(([target], block)) = line.with_block(cx, 1..=1) else {
                return;
            };
            if let Some(option) = block.and_then(|block| block.segments.first()) {
                let shown = cx.shown(&option.name);
                cx.say(
                    option.name.at,
                    Diagnostic::error(
                        "not-available",
                        format!("target option `{shown}` is not available yet"),
                    )
                    .label("targets are tried in the order written"),
                );
            }
            model.targets.push(target.clone());
        },
    ),
    Row::new(
        "strategy",
        "strategy single|fallback",
        "How a target is chosen.",
        |cx, line, model| {
            let Some(word) = line
                .args
                .first()
                .filter(|word| STRATEGIES_LATER.contains(&&*word.text))
            else {
                let strategy = line
                    .word(cx)
                    .and_then(|word| cx.one_of(word, "strategy", STRATEGIES));
                model.strategy = strategy.map(|strategy| (strategy, line.at()));
                return;
            };
            cx.say(
                word.at,
                Diagnostic::error(
                    "not-available",
                    format!("strategy `{}` is not available yet", word.text),
                )
                .label("not available yet")
                .hint("use `fallback`: targets are tried in the order written"),
            );
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
    Row::new(
        "input_price_per_1m",
        "input_price_per_1m DOLLARS",
        "A million input tokens.",
        |cx, line, model| {
            model.input_price = line.parse(cx, "price");
        },
    ),
    Row::new(
        "output_price_per_1m",
        "output_price_per_1m DOLLARS",
        "A million output tokens.",
        |cx, line, model| {
            model.output_price = line.parse(cx, "price");
        },
    ),
    Row::new(
        "cached_input_price_per_1m",
        "cached_input_price_per_1m DOLLARS",
        "A million cached tokens.",
        |cx, line, model| {
            model.cached_input_price = line.parse(cx, "price");
        },
    ),
    Row::new(
        "cache_write_price_per_1m",
        "cache_write_price_per_1m DOLLARS",
        "A million tokens written to the cache.",
        |cx, line, model| {
            model.cache_write_price = line.parse(cx, "price");
        },
    ),
    Row::new(
        "reasoning_price_per_1m",
        "reasoning_price_per_1m DOLLARS",
        "A million reasoning tokens; the output price by default.",
        |cx, line, model| {
            model.reasoning_price = line.parse(cx, "price");
        },
    ),
    Row::new(
        "image_price",
        "image_price DOLLARS",
        "One picture made.",
        |cx, line, model| {
            model.image_price = line.parse(cx, "price");
        },
    ),
    Row::new(
        "audio_minute_price",
        "audio_minute_price DOLLARS",
        "One minute of sound.",
        |cx, line, model| {
            model.audio_minute_price = line.parse(cx, "price");
        },
    ),
    Row::new(
        "character_price_per_1m",
        "character_price_per_1m DOLLARS",
        "A million characters spoken.",
        |cx, line, model| {
            model.character_price = line.parse(cx, "price");
        },
    ),
    Row::new(
        "disabled",
        "disabled",
        "Switched off.",
        |cx, line, model| model.disabled = line.flag(cx),
    ),
    Row::later("fallback_model", "list more targets after the arrow"),
    Row::later("hedge", ""),
    Row::later("commit_window", ""),
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
        targets: targets.to_vec(),
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
    if let Some(pattern) = names.iter().find(|name| name.text.contains('*')) {
        cx.say(
            pattern.at,
            Diagnostic::error(
                "not-available",
                format!("model pattern `{}` is not available yet", cx.shown(pattern)),
            )
            .label("not available yet")
            .hint("write a `model` for each name"),
        );
        return;
    }
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
    if let (Some((Strategy::Single, at)), Some(second)) = (options.strategy, options.targets.get(1))
    {
        cx.say(
            at,
            Diagnostic::error(
                "single-target",
                "`single` uses one target, but several are given",
            )
            .label("contradicts the targets")
            .also(second.at.span, "would never be used")
            .hint("use `strategy fallback`, or leave one target"),
        );
    }
    let resolved: Option<Vec<Target>> = options
        .targets
        .iter()
        .map(|word| target(cx, word, name))
        .collect();
    let parsed: Option<ModelName> = cx.checked(name, "model name", name.text.parse());
    let (Some(targets), Some(parsed)) = (resolved, parsed) else {
        return;
    };
    draft.models.push(Named {
        model: Model {
            name: parsed,
            aliases: Vec::new(),
            targets,
            capabilities: options.capabilities,
            context_window: options.context_window,
            max_output_tokens: options.max_output_tokens,
            input_price_per_1m: options.input_price,
            output_price_per_1m: options.output_price,
            cached_input_price_per_1m: options.cached_input_price,
            cache_write_price_per_1m: options.cache_write_price,
            reasoning_price_per_1m: options.reasoning_price,
            image_price: options.image_price,
            audio_minute_price: options.audio_minute_price,
            character_price_per_1m: options.character_price,
            disabled: options.disabled,
            origin: cx.origin(line.name()),
        },
        at: name.at,
        providers: options.targets,
        aliases: aliases.to_vec(),
    });
}

/// The models that `models` of a provider lists, where no `model` has the name already.
pub(super) fn inventory(cx: &mut Cx<'_>, draft: &mut Draft) {
    for (provider, word) in std::mem::take(&mut draft.inventory) {
        let name: Option<ModelName> = cx.checked(&word, "model name", word.text.parse());
        let model: Option<UpstreamModel> = word.text.parse().ok();
        let (Some(name), Some(model)) = (name, model) else {
            continue;
        };
        let target = Target { provider, model };
        let listed = draft
            .models
            .iter_mut()
            .find(|named| named.model.name == name);
        match listed {
            // Two providers that list it serve it one after the other; a `model` of that name says more.
            Some(named) if named.providers.is_empty() => named.model.targets.push(target),
            Some(_) => {}
            None => draft.models.push(Named {
                model: Model {
                    name,
                    aliases: Vec::new(),
                    targets: vec![target],
                    capabilities: Vec::new(),
                    context_window: None,
                    max_output_tokens: None,
                    input_price_per_1m: None,
                    output_price_per_1m: None,
                    cached_input_price_per_1m: None,
                    cache_write_price_per_1m: None,
                    reasoning_price_per_1m: None,
                    image_price: None,
                    audio_minute_price: None,
                    character_price_per_1m: None,
                    disabled: false,
                    origin: cx.origin(&word),
                },
                at: word.at,
                providers: Vec::new(),
                aliases: Vec::new(),
            }),
        }
    }
}

pub(crate) fn alias(cx: &mut Cx<'_>, line: &Line<'_>, draft: &mut Draft) {
    if let Some([name, model]) = line.words(cx) {
        draft.aliases.push(Alias {
            name: name.clone(),
            model: model.clone(),
        });
    }
}

/// `PROVIDER:UPSTREAM_MODEL`; without the second part the model is asked for by its own name.
fn target(cx: &mut Cx<'_>, word: &Token, name: &Token) -> Option<Target> {
    let (provider, model) = word
        .text
        .split_once(':')
        .unwrap_or((&word.text, &name.text));
    let provider: ProviderId = cx.checked(word, "provider of the target", provider.parse())?;
    let model: UpstreamModel = cx.checked(word, "model of the target", model.parse())?;
    Some(Target { provider, model })
}
