//! `[[models]]`

use toml::de::DeTable;

use super::line::{self, Lines};
use super::reader::{Reader, block, word};
use super::root::Draft;
use super::table::{Entry, Key, Shape, Table};
use crate::caddyfile::syntax::{Place, Segment, Token};
use crate::diagnostic::Diagnostic;

/// A model as it is read.
#[derive(Default)]
pub(super) struct Model {
    name: Option<Token>,
    aliases: Vec<Token>,
    provider: Option<Token>,
    provider_model: Option<Token>,
    targets: Vec<Token>,
    fallbacks: Vec<(u64, Token)>,
    lines: Vec<Segment>,
}

impl Lines for Model {
    fn lines(&mut self) -> &mut Vec<Segment> {
        &mut self.lines
    }
}

/// A target or fallback as it is read.
#[derive(Default)]
pub(super) struct Served {
    provider: Option<Token>,
    model: Option<Token>,
    priority: Option<u64>,
    disabled: bool,
}

const TENANTS: &str = "tenants are not available yet; use `allowed_models` of an API key";

/// Every key of a model.
pub(super) const MODEL: Table<Model> = Table {
    title: "[[models]]",
    keys: &[
        Key::new("name", Shape::Text, "What callers ask for.", |r, e, m| {
            m.name = Some(r.value(e));
        }),
        Key::new("aliases", Shape::List, "Other names of it.", |r, e, m| {
            m.aliases = r.words(e);
        }),
        Key::new(
            "provider",
            Shape::Text,
            "The provider that serves it.",
            |r, e, m| m.provider = Some(r.value(e)),
        ),
        Key::new(
            "provider_model",
            Shape::Text,
            "What that is asked for; the name by default.",
            |r, e, m| {
                m.provider_model = Some(r.value(e));
            },
        ),
        Key::new(
            "targets",
            Shape::Tables,
            "Further places where it is served, in the order written.",
            |r, e, m| {
                let read = places(r, e, &TARGET);
                m.targets.extend(read.into_iter().map(|(_, target)| target));
            },
        ),
        Key::new(
            "fallbacks",
            Shape::Tables,
            "Places tried after all others, by `priority`.",
            |r, e, m| {
                m.fallbacks.extend(places(r, e, &FALLBACK));
            },
        ),
        Key::new(
            "strategy",
            Shape::Text,
            "`fallback`, or `single` for one target.",
            line::one,
        ),
        Key::new(
            "capabilities",
            Shape::List,
            "What it can do, for listings.",
            line::many,
        ),
        Key::new(
            "context_window",
            Shape::Number,
            "Tokens of input and output together.",
            line::one,
        ),
        Key::new(
            "max_output_tokens",
            Shape::Number,
            "Tokens of the longest output.",
            line::one,
        ),
        Key::new(
            "input_price_per_1m",
            Shape::Decimal,
            "Dollars for a million input tokens.",
            line::one,
        ),
        Key::new(
            "output_price_per_1m",
            Shape::Decimal,
            "Dollars for a million output tokens.",
            line::one,
        ),
        Key::new(
            "cached_input_price_per_1m",
            Shape::Decimal,
            "Dollars for a million cached tokens.",
            line::one,
        ),
        Key::new(
            "enabled",
            Shape::Flag,
            "Whether it is served; `true` by default.",
            line::enabled,
        ),
        Key::new(
            "cache_write_price_per_1m",
            Shape::Decimal,
            "A million tokens written to the cache.",
            line::one,
        ),
        Key::new(
            "reasoning_price_per_1m",
            Shape::Decimal,
            "A million reasoning tokens; the output price by default.",
            line::one,
        ),
        Key::new(
            "image_price",
            Shape::Decimal,
            "One picture made.",
            line::one,
        ),
        Key::new(
            "audio_minute_price",
            Shape::Decimal,
            "One minute of sound.",
            line::one,
        ),
        Key::new(
            "character_price_per_1m",
            Shape::Decimal,
            "A million characters spoken.",
            line::one,
        ),
        Key::new("fallback_model", Shape::Any, "", line::refused),
        Key::new("hedge", Shape::Any, "", line::refused),
        Key::new("commit_window", Shape::Any, "", line::refused),
        Key::new("visible_to", Shape::Any, "", line::refused),
        Key::later("visible_organization_ids", TENANTS),
        Key::later("visible_project_ids", TENANTS),
        Key::later(
            "routing_strategy",
            "targets are tried in the order written, then fallbacks by `priority`",
        ),
        Key::later("cache_enabled", "nothing is cached"),
    ],
};

/// Every key of a target.
pub(super) const TARGET: Table<Served> = Table {
    title: "[[models.targets]]",
    keys: &[
        Key::new("provider", Shape::Text, "The provider.", |r, e, t| {
            t.provider = Some(r.value(e));
        }),
        Key::new(
            "model",
            Shape::Text,
            "What it is asked for; the model's name by default.",
            |r, e, t| {
                t.model = Some(r.value(e));
            },
        ),
        Key::new("weight", Shape::Number, "Has no use but 1.", weight),
        Key::later("priority", "targets are tried in the order written"),
        Key::later("label", ""),
        Key::later("when", ""),
    ],
};

/// Every key of a fallback.
pub(super) const FALLBACK: Table<Served> = Table {
    title: "[[models.fallbacks]]",
    keys: &[
        Key::new("provider", Shape::Text, "The provider.", |r, e, t| {
            t.provider = Some(r.value(e));
        }),
        Key::new(
            "provider_model",
            Shape::Text,
            "What it is asked for; the model's name by default.",
            |r, e, t| {
                t.model = Some(r.value(e));
            },
        ),
        Key::new(
            "priority",
            Shape::Number,
            "The smallest is tried first; 100 by default.",
            |r, e, t| {
                t.priority = r
                    .number(e, 0..=u64::from(u32::MAX))
                    .map(|(priority, _)| priority);
            },
        ),
        Key::new("weight", Shape::Number, "Has no use but 1.", weight),
        Key::new(
            "enabled",
            Shape::Flag,
            "Whether it is tried; `true` by default.",
            |_, e, t| {
                t.disabled = e.value.get_ref().as_bool() == Some(false);
            },
        ),
        Key::later(
            "input_price_per_1m",
            "the prices of the model hold for every place",
        ),
        Key::later(
            "output_price_per_1m",
            "the prices of the model hold for every place",
        ),
    ],
};

/// `[[models]]`
pub(super) fn read(reader: &mut Reader<'_, '_>, entry: &Entry<'_>, draft: &mut Draft) {
    for (at, table) in reader.tables(entry) {
        let mut model = Model::default();
        reader.table(&MODEL, table, &mut model);
        draft.models.extend(finish(reader, entry, table, at, model));
    }
}

fn finish(
    reader: &mut Reader<'_, '_>,
    entry: &Entry<'_>,
    table: &DeTable<'_>,
    at: Place,
    model: Model,
) -> Option<Segment> {
    let Some(name) = model.name else {
        reader.missing(table, at, "models", "name", "fast-chat");
        return None;
    };
    let first = match (&model.provider, &model.provider_model) {
        (Some(provider), written) => target(reader, provider, written.as_ref()),
        (None, Some(alone)) => {
            reader.cx.say(
                alone.at,
                Diagnostic::error("missing-key", "`provider_model` without `provider`")
                    .label("whose model is this?")
                    .hint("add `provider = \"NAME\"`"),
            );
            return None;
        }
        (None, None) => None,
    };
    let mut fallbacks = model.fallbacks;
    fallbacks.sort_by_key(|(priority, _)| *priority);
    let targets: Vec<Token> = first
        .into_iter()
        .chain(model.targets)
        .chain(fallbacks.into_iter().map(|(_, target)| target))
        .collect();
    if targets.is_empty() {
        if model.provider.is_none() {
            reader.missing(table, at, "models", "provider", "openai");
        }
        return None;
    }
    let arrow = word("->", name.at);
    let args = [name]
        .into_iter()
        .chain(model.aliases)
        .chain([arrow])
        .chain(targets)
        .collect();
    Some(block(
        Token {
            at,
            ..line::named("model", entry)
        },
        args,
        model.lines,
    ))
}

/// The places of an array in the order written, each with its priority; those switched off are left out.
fn places(
    reader: &mut Reader<'_, '_>,
    entry: &Entry<'_>,
    kind: &'static Table<Served>,
) -> Vec<(u64, Token)> {
    let mut out = Vec::new();
    for (at, table) in reader.tables(entry) {
        let mut place = Served::default();
        reader.table(kind, table, &mut place);
        match &place.provider {
            Some(provider) if !place.disabled => {
                let target = target(reader, provider, place.model.as_ref());
                out.extend(target.map(|target| (place.priority.unwrap_or(100), target)));
            }
            Some(_) => {}
            None => reader.missing(table, at, &entry.name.text, "provider", "openai"),
        }
    }
    out
}

/// `PROVIDER:MODEL` as one word, at the place of the provider.
fn target(reader: &mut Reader<'_, '_>, provider: &Token, model: Option<&Token>) -> Option<Token> {
    if provider.text.contains(':') {
        let key = if model.is_some() {
            ""
        } else {
            " and its model apart"
        };
        reader.cx.say(
            provider.at,
            Diagnostic::error(
                "invalid-value",
                format!(
                    "`{}` is not the name of a provider",
                    reader.cx.shown(provider)
                ),
            )
            .label(format!("write the name{key} without a colon")),
        );
        return None;
    }
    let Some(model) = model else {
        return Some(provider.clone());
    };
    Some(Token {
        text: format!("{}:{}", provider.text, model.text).into(),
        expanded: provider.expanded || model.expanded,
        ..provider.clone()
    })
}

fn weight(reader: &mut Reader<'_, '_>, entry: &Entry<'_>, _: &mut Served) {
    if let Some((weight, word)) = reader.number(entry, 1..=u64::from(u32::MAX))
        && weight != 1
    {
        reader.cx.say(
            word.at,
            Diagnostic::error("not-available", "weights are not available yet")
                .label("not available yet")
                .hint("leave it out: places are tried in order"),
        );
    }
}
