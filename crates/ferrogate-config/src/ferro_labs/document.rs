//! The document as written: every key of it.

use super::targets::{self, Target};
use crate::caddyfile::syntax::{Segment, Token};
use crate::diagnostic::Diagnostic;
use crate::toml::reader::{Reader, line};
use crate::toml::table::{Entry, Key, Shape, Table};

/// A document as it is read.
#[derive(Default)]
pub(super) struct Document {
    pub(super) strategy: Strategy,
    pub(super) targets: Vec<Target>,
    pub(super) aliases: Vec<(Token, Token)>,
    /// Lines of the gateway.
    pub(super) lines: Vec<Segment>,
}

/// `strategy`
#[derive(Default)]
pub(super) struct Strategy {
    pub(super) mode: Option<Token>,
    pub(super) conditions: Vec<Rule>,
    pub(super) contents: Vec<Rule>,
    pub(super) variants: Vec<Variant>,
    pub(super) unpriced: Option<Token>,
    pub(super) sticky: Option<Sticky>,
}

/// Which targets are for which calls.
#[derive(Default)]
pub(super) struct Rule {
    pub(super) key: Option<Token>,
    pub(super) value: Option<Token>,
    pub(super) field: Option<Token>,
    pub(super) targets: Vec<Token>,
}

/// `ab_variants`
#[derive(Default)]
pub(super) struct Variant {
    pub(super) target: Option<Token>,
    pub(super) weight: Option<Token>,
    pub(super) label: Option<Token>,
}

/// `sticky`
#[derive(Default)]
pub(super) struct Sticky {
    pub(super) on: Option<Token>,
    pub(super) ttl: Option<Token>,
}

/// Every key at the top.
pub(super) const ROOT: Table<Document> = Table {
    title: "",
    keys: &[
        Key::new("apiVersion", Shape::Text, "", |r, e, _| {
            let version = r.value(e);
            if &*version.text != "v1" {
                r.cx.say(
                    version.at,
                    Diagnostic::warning("unknown-version", "this is another version")
                        .label("read as `v1`"),
                );
            }
        }),
        Key::new("strategy", Shape::Table, "", |r, e, d| {
            r.inner(&STRATEGY, e, &mut d.strategy);
        }),
        Key::new("targets", Shape::Tables, "", |r, e, d| {
            d.targets = targets::read(r, e);
        }),
        Key::new("aliases", Shape::Pairs, "", |r, e, d| {
            d.aliases = r.pairs(e);
        }),
        Key::new("max_request_bytes", Shape::Size, "", |r, e, d| {
            let value = r.value(e);
            d.lines.push(line(e.name.clone(), vec![value]));
        }),
        Key::new("request_timeout", Shape::Duration, "", |r, e, d| {
            let value = r.value(e);
            d.lines.push(line(e.name.clone(), vec![value]));
        }),
        Key::new("compatibility", Shape::Table, "", |r, e, d| {
            r.inner(&COMPATIBILITY, e, &mut d.lines);
        }),
        Key::later(
            "plugins",
            "take the plugins out; nothing stands in their place so far",
        ),
        Key::later("mcp_servers", ""),
        Key::later("observability", "`/metrics` and the access log are there"),
        Key::later(
            "batch_target",
            "name the provider of a call with `X-Provider`",
        ),
        Key::later(
            "responses_target",
            "name the provider of a call with `X-Provider`",
        ),
    ],
};

/// Every key of `strategy`.
pub(super) const STRATEGY: Table<Strategy> = Table {
    title: "strategy",
    keys: &[
        Key::new("mode", Shape::Text, "", |r, e, s| s.mode = Some(r.value(e))),
        Key::new("conditions", Shape::Tables, "", |r, e, s| {
            s.conditions = rules(r, e, &CONDITION);
        }),
        Key::new("content_conditions", Shape::Tables, "", |r, e, s| {
            s.contents = rules(r, e, &CONTENT_CONDITION);
        }),
        Key::new("ab_variants", Shape::Tables, "", |r, e, s| {
            for (_, table) in r.tables(e) {
                let mut variant = Variant::default();
                r.table(&VARIANT, table, &mut variant);
                s.variants.push(variant);
            }
        }),
        Key::new("unpriced_strategy", Shape::Text, "", |r, e, s| {
            s.unpriced = Some(r.value(e));
        }),
        Key::new("sticky", Shape::Table, "", |r, e, s| {
            r.inner(&STICKY, e, s.sticky.get_or_insert_default());
        }),
        Key::later(
            "failover_on_status_codes",
            "408, 429 and 5xx move on; `retry.on_status_codes` of a target says what is tried again",
        ),
    ],
};

const CONDITION: Table<Rule> = Table {
    title: "strategy.conditions",
    keys: &[
        Key::new("key", Shape::Text, "", |r, e, c| c.key = Some(r.value(e))),
        Key::new("value", Shape::Text, "", |r, e, c| {
            c.value = Some(r.value(e));
        }),
        Key::new("field", Shape::Text, "", |r, e, c| {
            c.field = Some(r.value(e));
        }),
        Key::new("target_key", Shape::Text, "", |r, e, c| {
            c.targets.push(r.value(e));
        }),
        Key::new("target_keys", Shape::List, "", |r, e, c| {
            c.targets.extend(r.words(e));
        }),
    ],
};

const CONTENT_CONDITION: Table<Rule> = Table {
    title: "strategy.content_conditions",
    keys: &[
        Key::new("type", Shape::Text, "", |r, e, c| c.key = Some(r.value(e))),
        Key::new("value", Shape::Text, "", |r, e, c| {
            c.value = Some(r.value(e));
        }),
        Key::new("target_key", Shape::Text, "", |r, e, c| {
            c.targets.push(r.value(e));
        }),
        Key::new("target_keys", Shape::List, "", |r, e, c| {
            c.targets.extend(r.words(e));
        }),
    ],
};

const VARIANT: Table<Variant> = Table {
    title: "strategy.ab_variants",
    keys: &[
        Key::new("target_key", Shape::Text, "", |r, e, v| {
            v.target = Some(r.value(e));
        }),
        Key::new("weight", Shape::Decimal, "", |r, e, v| {
            v.weight = Some(r.value(e));
        }),
        Key::new("label", Shape::Text, "", |r, e, v| {
            v.label = Some(r.value(e));
        }),
    ],
};

const STICKY: Table<Sticky> = Table {
    title: "strategy.sticky",
    keys: &[
        Key::new("on", Shape::Text, "", |r, e, s| s.on = Some(r.value(e))),
        Key::new("ttl", Shape::Duration, "", |r, e, s| {
            s.ttl = Some(r.value(e));
        }),
    ],
};

const COMPATIBILITY: Table<Vec<Segment>> = Table {
    title: "compatibility",
    keys: &[Key::new(
        "on_unsupported_param",
        Shape::Text,
        "",
        |r, e, lines| {
            const WAYS: &[(&str, &str)] =
                &[("warn", "report"), ("drop", "drop"), ("reject", "reject")];
            let value = r.value(e);
            if let Some(way) = r.cx.one_of(&value, "way", WAYS) {
                let way = Token {
                    text: way.into(),
                    ..value
                };
                lines.push(line(e.name.clone(), vec![way]));
            }
        },
    )],
};

fn rules(reader: &mut Reader<'_, '_>, entry: &Entry<'_>, kind: &'static Table<Rule>) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (at, table) in reader.tables(entry) {
        let mut rule = Rule::default();
        reader.table(kind, table, &mut rule);
        if rule.targets.is_empty() {
            reader.missing(table, at, kind.title, "target_key", "openai");
        } else {
            rules.push(rule);
        }
    }
    rules
}
