//! `conditions` beside `content_conditions`: which target is for which call.

use super::document::Rule;
use super::models::Candidate;
use crate::caddyfile::context::Cx;
use crate::caddyfile::syntax::Token;
use crate::diagnostic::Diagnostic;
use crate::toml::reader::{line, word};

/// `conditions`
pub(super) fn conditions(cx: &mut Cx<'_>, rules: &[Rule], first: Option<&Token>) -> Vec<Candidate> {
    by_rules(cx, rules, first, condition)
}

/// `content_conditions`
pub(super) fn contents(cx: &mut Cx<'_>, rules: &[Rule], first: Option<&Token>) -> Vec<Candidate> {
    by_rules(cx, rules, first, content)
}

/// A target for each rule, in the order of the rules, and the first one for what none of them is for.
fn by_rules(
    cx: &mut Cx<'_>,
    rules: &[Rule],
    first: Option<&Token>,
    when: fn(&mut Cx<'_>, &Rule) -> Option<Vec<Token>>,
) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for rule in rules {
        let Some(words) = when(cx, rule) else {
            continue;
        };
        for key in &rule.targets {
            let condition = line(word("when", key.at), words.clone());
            candidates.push(Candidate::new(key, vec![condition]));
        }
    }
    candidates.extend(first.map(|key| Candidate::new(key, Vec::new())));
    candidates
}

/// The condition of `conditions`.
fn condition(cx: &mut Cx<'_>, rule: &Rule) -> Option<Vec<Token>> {
    #[derive(Clone, Copy)]
    enum Key {
        Model,
        ModelPrefix,
        User,
        Stream,
        HasTools,
        Metadata,
    }
    const KEYS: &[(&str, Key)] = &[
        ("model", Key::Model),
        ("model_prefix", Key::ModelPrefix),
        ("user", Key::User),
        ("stream", Key::Stream),
        ("has_tools", Key::HasTools),
        ("metadata", Key::Metadata),
    ];
    let (key, value) = written(cx, rule)?;
    let at = key.at;
    let same = |name: &str| Some(vec![word(name, at), value.clone()]);
    let flag = |cx: &mut Cx<'_>, yes: &'static str, no: &'static str| {
        let name = cx.one_of(value, "answer", &[("true", yes), ("false", no)])?;
        Some(vec![word(name, at)])
    };
    match cx.one_of(key, "condition", KEYS)? {
        Key::Model => same("model"),
        Key::User => same("user"),
        Key::ModelPrefix => {
            let prefix = Token {
                text: format!("{}*", value.text).into(),
                ..value.clone()
            };
            Some(vec![word("model", at), prefix])
        }
        Key::Stream => flag(cx, "stream", "not_stream"),
        Key::HasTools => flag(cx, "has_tools", "no_tools"),
        Key::Metadata => {
            if let Some(field) = &rule.field {
                return same(&format!("metadata.{}", field.text));
            }
            cx.say(
                at,
                Diagnostic::error("missing-key", "`metadata` without `field`")
                    .label("which label of the caller's?"),
            );
            None
        }
    }
}

/// The condition of `content_conditions`.
fn content(cx: &mut Cx<'_>, rule: &Rule) -> Option<Vec<Token>> {
    const TYPES: &[(&str, &str)] = &[
        ("prompt_contains", "prompt_contains"),
        ("prompt_not_contains", "prompt_not_contains"),
        ("prompt_regex", "prompt_matches"),
    ];
    let (key, value) = written(cx, rule)?;
    let name = cx.one_of(key, "condition", TYPES)?;
    Some(vec![word(name, key.at), value.clone()])
}

/// What a rule looks at, and for what.
fn written<'r>(cx: &mut Cx<'_>, rule: &'r Rule) -> Option<(&'r Token, &'r Token)> {
    let missing = match (&rule.key, &rule.value) {
        (Some(key), Some(value)) => return Some((key, value)),
        (None, _) => "what it looks at",
        (_, None) => "its `value`",
    };
    let at = rule.targets.first()?.at;
    cx.say(
        at,
        Diagnostic::error("missing-key", format!("a condition does not say {missing}"))
            .label("the target of that condition"),
    );
    None
}
