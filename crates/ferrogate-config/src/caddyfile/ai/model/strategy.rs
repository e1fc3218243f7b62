//! `strategy` and `sticky`: in which order targets are tried.

use std::time::Duration;

use ferrogate_types::routing::{HashKey, Sticky, Strategy, Unpriced};

use crate::caddyfile::context::Cx;
use crate::caddyfile::line::{Line, is_field_name};
use crate::caddyfile::syntax::Token;
use crate::diagnostic::Diagnostic;
use crate::suggest::did_you_mean;

/// How much of a prompt is hashed, in characters.
const PREFIX: usize = 1024;

/// The most of it that may be.
const MAX_PREFIX: u64 = 1 << 20;

const KEYS: &str = "`user`, `session`, `key`, `header NAME` or `prompt_prefix [CHARS]`";

/// The first word of a strategy.
#[derive(Clone, Copy)]
enum Name {
    Single,
    Fallback,
    Weighted,
    RoundRobin,
    LeastLatency,
    LowestCost,
    LeastBusy,
    Hash,
    AbTest,
    Conditional,
    Content,
}

const NAMES: &[(&str, Name)] = &[
    ("single", Name::Single),
    ("fallback", Name::Fallback),
    ("weighted", Name::Weighted),
    ("round_robin", Name::RoundRobin),
    ("least_latency", Name::LeastLatency),
    ("lowest_cost", Name::LowestCost),
    ("least_busy", Name::LeastBusy),
    ("hash", Name::Hash),
    ("ab_test", Name::AbTest),
    ("conditional", Name::Conditional),
    ("content", Name::Content),
];

/// What Ferro Labs' gateway calls them.
const OTHER_NAMES: &[(&str, Name)] = &[
    ("load-balance", Name::Weighted),
    ("loadbalance", Name::Weighted),
    ("least-latency", Name::LeastLatency),
    ("cost-optimized", Name::LowestCost),
    ("content-based", Name::Content),
    ("ab-test", Name::AbTest),
];

const UNPRICED: &[(&str, Unpriced)] = &[
    ("last", Unpriced::Last),
    ("skip", Unpriced::Skip),
    ("free", Unpriced::Free),
];

/// `strategy NAME ...`, and the stickiness that comes with `hash KEY ttl D`.
pub(super) fn read(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<(Strategy, Option<Sticky>)> {
    let (name, rest) = line.list(cx, 1..=6)?.split_first()?;
    let simple = match named(cx, name)? {
        Name::Hash => return hash(cx, line, rest),
        Name::LowestCost => return lowest_cost(cx, line, rest),
        Name::Single => Strategy::Single,
        Name::Fallback => Strategy::Fallback,
        Name::Weighted => Strategy::Weighted,
        Name::RoundRobin => Strategy::RoundRobin,
        Name::LeastLatency => Strategy::LeastLatency,
        Name::LeastBusy => Strategy::LeastBusy,
        Name::AbTest => Strategy::AbTest,
        Name::Conditional => Strategy::Conditional,
        Name::Content => Strategy::Content,
    };
    end(cx, line, rest)?;
    Some((simple, None))
}

/// `sticky KEY [ttl D]`
pub(super) fn sticky(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<Sticky> {
    let args = line.list(cx, 1..=4)?;
    let (key, rest) = key(cx, line, args)?;
    let ttl = ttl(cx, line, rest)?;
    Some(Sticky { key, ttl })
}

fn named(cx: &mut Cx<'_>, word: &Token) -> Option<Name> {
    let mut known = NAMES.iter().chain(OTHER_NAMES);
    if let Some((_, name)) = known.find(|(name, _)| **name == *word.text) {
        return Some(*name);
    }
    let shown = cx.shown(word);
    let names: Vec<String> = NAMES.iter().map(|(name, _)| format!("`{name}`")).collect();
    cx.say(
        word.at,
        Diagnostic::error("invalid-value", format!("unknown strategy `{shown}`"))
            .label(format!("expected {}", names.join(", ")))
            .hint(did_you_mean(&shown, NAMES.iter().map(|&(name, _)| name))),
    );
    None
}

fn hash(cx: &mut Cx<'_>, line: &Line<'_>, rest: &[Token]) -> Option<(Strategy, Option<Sticky>)> {
    let (key, rest) = key(cx, line, rest)?;
    let ttl = ttl(cx, line, rest)?;
    let sticky = ttl.map(|ttl| Sticky {
        key: key.clone(),
        ttl: Some(ttl),
    });
    Some((Strategy::Hash(key), sticky))
}

fn lowest_cost(
    cx: &mut Cx<'_>,
    line: &Line<'_>,
    rest: &[Token],
) -> Option<(Strategy, Option<Sticky>)> {
    let unpriced = match rest {
        [option, way, rest @ ..] if option.is_word("unpriced") => {
            let way = cx.one_of(way, "way", UNPRICED)?;
            end(cx, line, rest)?;
            way
        }
        rest => {
            end(cx, line, rest)?;
            Unpriced::default()
        }
    };
    Some((Strategy::LowestCost(unpriced), None))
}

/// What is hashed, and the words behind it.
fn key<'w>(cx: &mut Cx<'_>, line: &Line<'_>, words: &'w [Token]) -> Option<(HashKey, &'w [Token])> {
    let Some((name, rest)) = words.split_first() else {
        cx.say(
            line.at(),
            Diagnostic::error("argument-count", "nothing says what to hash")
                .label(format!("expected {KEYS}"))
                .hint(line.syntax()),
        );
        return None;
    };
    Some(match (&*name.text, rest) {
        ("user", rest) => (HashKey::User, rest),
        ("session", rest) => (HashKey::Session, rest),
        ("key", rest) => (HashKey::Key, rest),
        ("header", [field, rest @ ..]) => {
            let checked = is_field_name(&field.text)
                .then(|| field.text.to_string())
                .ok_or("is not a name that a header can have");
            (
                HashKey::Header(cx.checked(field, "header field", checked)?),
                rest,
            )
        }
        ("prompt_prefix", [characters, rest @ ..]) if !characters.is_word("ttl") => {
            let characters = cx.number(characters, 1..=MAX_PREFIX)?;
            let characters = usize::try_from(characters).unwrap_or(PREFIX);
            (HashKey::PromptPrefix(characters), rest)
        }
        ("prompt_prefix", rest) => (HashKey::PromptPrefix(PREFIX), rest),
        ("header", []) => {
            cx.say(
                name.at,
                Diagnostic::error("argument-count", "which header?")
                    .label("a name must follow")
                    .hint("write for instance `header X-Conversation-ID`"),
            );
            return None;
        }
        (word, _) => {
            let names = ["user", "session", "key", "header", "prompt_prefix"];
            let hint = did_you_mean(word, names);
            let shown = cx.shown(name);
            cx.say(
                name.at,
                Diagnostic::error("invalid-value", format!("`{shown}` cannot be hashed"))
                    .label(format!("expected {KEYS}"))
                    .hint(hint),
            );
            return None;
        }
    })
}

/// `[ttl D]` at the end of a line; `None` when that is no time.
#[expect(
    clippy::option_option,
    reason = "nothing written is not the same as something wrong"
)]
fn ttl(cx: &mut Cx<'_>, line: &Line<'_>, words: &[Token]) -> Option<Option<Duration>> {
    match words {
        [option, time, rest @ ..] if option.is_word("ttl") => {
            let time = cx.some_time(time)?;
            end(cx, line, rest)?;
            Some(Some(time))
        }
        rest => end(cx, line, rest).map(|()| None),
    }
}

/// Nothing may stand here.
fn end(cx: &mut Cx<'_>, line: &Line<'_>, rest: &[Token]) -> Option<()> {
    let Some(surplus) = rest.first() else {
        return Some(());
    };
    let shown = cx.shown(surplus);
    cx.say(
        surplus.at,
        Diagnostic::error("argument-count", format!("unexpected argument `{shown}`"))
            .label("means nothing here")
            .hint(line.syntax()),
    );
    None
}
