//! `when` of a target.

use ferrogate_types::routing::Condition;

use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::Token;
use crate::diagnostic::Diagnostic;
use crate::suggest::did_you_mean;

/// The first words of conditions, with what follows.
const FORMS: [&str; 10] = [
    "model GLOB",
    "metadata.NAME VALUE",
    "user VALUE",
    "stream",
    "not_stream",
    "has_tools",
    "no_tools",
    "prompt_contains TEXT",
    "prompt_not_contains TEXT",
    "prompt_matches /RE/",
];

const TOKENS: &str = "tokens > N";

/// `when CONDITION [and CONDITION]...`
pub(super) fn read(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<Vec<Condition>> {
    let mut rest = line.list(cx, 1..=64)?;
    let mut all = Vec::new();
    loop {
        let (condition, after) = one(cx, rest)?;
        all.push(condition);
        match after {
            [] => return Some(all),
            [and, after @ ..] if and.is_word("and") && !after.is_empty() => rest = after,
            [and] if and.is_word("and") => {
                cx.say(
                    and.at,
                    Diagnostic::error("argument-count", "a condition is missing")
                        .label("and what else?")
                        .hint(line.syntax()),
                );
                return None;
            }
            [surplus, ..] => {
                let shown = cx.shown(surplus);
                cx.say(
                    surplus.at,
                    Diagnostic::error("argument-count", format!("unexpected word `{shown}`"))
                        .label("expected `and`, or the end of the line")
                        .hint("quote a text with blanks in it; another `when` line is another way to be chosen"),
                );
                return None;
            }
        }
    }
}

/// The condition at the beginning, and the words behind it.
fn one<'w>(cx: &mut Cx<'_>, words: &'w [Token]) -> Option<(Condition, &'w [Token])> {
    let (name, rest) = words.split_first()?;
    let flag = match &*name.text {
        "stream" => Some(Condition::Stream(true)),
        "not_stream" => Some(Condition::Stream(false)),
        "has_tools" => Some(Condition::HasTools(true)),
        "no_tools" => Some(Condition::HasTools(false)),
        _ => None,
    };
    if let Some(flag) = flag {
        return Some((flag, rest));
    }
    if &*name.text == "tokens" {
        return tokens(cx, name, rest);
    }
    let label = name.text.strip_prefix("metadata.").map(str::to_owned);
    if label.as_ref().is_some_and(String::is_empty) || !is_known(&name.text, label.is_some()) {
        unknown(cx, name);
        return None;
    }
    let Some((value, rest)) = rest
        .split_first()
        .filter(|(value, _)| !value.text.is_empty())
    else {
        let shown = cx.shown(name);
        cx.say(
            name.at,
            Diagnostic::error("argument-count", format!("`{shown}` says nothing"))
                .label("a value must follow")
                .hint(form(&name.text)),
        );
        return None;
    };
    let text = value.text.to_string();
    let condition = match (&*name.text, label) {
        (_, Some(name)) => Condition::Metadata { name, value: text },
        ("model", _) => Condition::Model(text),
        ("user", _) => Condition::User(text),
        ("prompt_contains", _) => Condition::PromptContains(text),
        ("prompt_not_contains", _) => Condition::PromptLacks(text),
        _ => Condition::PromptMatches(expression(cx, value)?),
    };
    Some((condition, rest))
}

fn is_known(name: &str, metadata: bool) -> bool {
    metadata || FORMS.iter().any(|form| first_word(form) == name)
}

/// `tokens > N` and `tokens < N`
fn tokens<'w>(
    cx: &mut Cx<'_>,
    name: &Token,
    rest: &'w [Token],
) -> Option<(Condition, &'w [Token])> {
    let [sign, number, rest @ ..] = rest else {
        cx.say(
            name.at,
            Diagnostic::error("argument-count", "how many tokens?")
                .label("`> N` or `< N` must follow, with blanks between"),
        );
        return None;
    };
    let above = cx.one_of(sign, "comparison", &[(">", true), ("<", false)])?;
    let number = cx.number(number, 0..=u64::MAX)?;
    let condition = if above {
        Condition::TokensAbove(number)
    } else {
        Condition::TokensBelow(number)
    };
    Some((condition, rest))
}

/// `/re/`, `/re/i` or the expression alone.
fn expression(cx: &mut Cx<'_>, word: &Token) -> Option<String> {
    let written = word.text.strip_prefix('/');
    let inner = written.and_then(|rest| match rest.strip_suffix("/i") {
        Some(inner) => Some(format!("(?i){inner}")),
        None => rest.strip_suffix('/').map(str::to_owned),
    });
    let word = Token {
        text: inner.unwrap_or_else(|| word.text.to_string()).into(),
        ..word.clone()
    };
    cx.regex(&word)
}

fn unknown(cx: &mut Cx<'_>, name: &Token) {
    let shown = cx.shown(name);
    let known: Vec<String> = FORMS
        .iter()
        .chain([&TOKENS])
        .map(|form| format!("`{form}`"))
        .collect();
    let words = FORMS.iter().chain([&TOKENS]).map(|form| first_word(form));
    let hint = did_you_mean(&shown, words);
    cx.say(
        name.at,
        Diagnostic::error("invalid-value", format!("unknown condition `{shown}`"))
            .label(format!("expected {}", known.join(", ")))
            .hint(hint),
    );
}

fn form(name: &str) -> String {
    let known = FORMS.iter().find(|form| first_word(form) == name);
    format!("syntax: {}", known.unwrap_or(&"metadata.NAME VALUE"))
}

fn first_word(form: &str) -> &str {
    form.split(' ').next().unwrap_or_default()
}
