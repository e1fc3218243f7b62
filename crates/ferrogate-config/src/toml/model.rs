//! `[[models]]`

use toml::de::DeTable;

use super::line::{self, Lines};
use super::prices;
use super::reader::{Reader, block, line as one_line, word};
use super::root::Draft;
use super::table::{Entry, Key, Shape, Table};
use super::target::{self, FALLBACK, TARGET, places};
use crate::caddyfile::syntax::{Place, Segment, Token};
use crate::diagnostic::Diagnostic;

/// A model as it is read.
#[derive(Default)]
pub(super) struct Model {
    name: Option<Token>,
    aliases: Vec<Token>,
    provider: Option<Token>,
    provider_model: Option<Token>,
    targets: Vec<Segment>,
    fallbacks: Vec<(u64, Segment)>,
    lines: Vec<Segment>,
}

impl Lines for Model {
    fn lines(&mut self) -> &mut Vec<Segment> {
        &mut self.lines
    }
}

const TENANTS: &str = "tenants are not available yet; use `allowed_models` of an API key";

/// What the first gateway of this name called its strategies.
const ROUTING: &[(&str, &str)] = &[
    ("priority", "fallback"),
    ("lowest_cost", "lowest_cost"),
    ("lowest_latency", "least_latency"),
];

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
            "How a target is chosen, in the words of the Caddyfile: `fallback` by default, `hash user ttl 1h`.",
            line::words,
        ),
        Key::new(
            "sticky",
            Shape::Text,
            "Callers that stay with their target, for instance `user ttl 1h`.",
            line::words,
        ),
        Key::new(
            "fallback_model",
            Shape::List,
            "Models that take over.",
            line::many,
        ),
        Key::new(
            "hedge",
            Shape::Text,
            "Tries the next target as well, for instance `after 800ms max_extra 5%`.",
            line::words,
        ),
        Key::new(
            "commit_window",
            Shape::Text,
            "How much of a stream may go by without content, for instance `16 events 64KiB 2s`.",
            line::words,
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
            "enabled",
            Shape::Flag,
            "Whether it is served; `true` by default.",
            line::enabled,
        ),
        prices::key(0),
        prices::key(1),
        prices::key(2),
        prices::key(3),
        prices::key(4),
        prices::key(5),
        prices::key(6),
        prices::key(7),
        Key::new("visible_to", Shape::Any, "", line::refused),
        Key::later("visible_organization_ids", TENANTS),
        Key::later("visible_project_ids", TENANTS),
        Key::new(
            "routing_strategy",
            Shape::Text,
            "An old name of `strategy`: `priority`, `lowest_cost` or `lowest_latency`.",
            |r, e, m| {
                let value = r.value(e);
                if let Some(strategy) = r.cx.one_of(&value, "strategy", ROUTING) {
                    let strategy = word(strategy, value.at);
                    m.lines
                        .push(one_line(line::named("strategy", e), vec![strategy]));
                }
            },
        ),
        Key::later("cache_enabled", "nothing is cached"),
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
        (Some(provider), written) => target::word(reader, provider, written.as_ref())
            .map(|word| target::segment(word, Vec::new())),
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
    let targets: Vec<Segment> = first
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
    let args = [name].into_iter().chain(model.aliases).collect();
    Some(block(
        Token {
            at,
            ..line::named("model", entry)
        },
        args,
        targets.into_iter().chain(model.lines).collect(),
    ))
}
