//! Names with `*` in them.

use ferrogate_catalog::{Catalog, Status};

use super::Draft;
use super::model::Named;
use crate::caddyfile::context::Cx;
use crate::caddyfile::syntax::Token;
use crate::diagnostic::Diagnostic;
use crate::model::Target;

/// What makes a word a pattern.
pub(super) const STAR: char = '*';

/// Whether a pattern stands for a name; each `*` stands for any characters, or none.
pub(super) fn covers(pattern: &str, name: &str) -> bool {
    let Some((prefix, rest)) = pattern.split_once(STAR) else {
        return pattern == name;
    };
    let Some(mut name) = name.strip_prefix(prefix) else {
        return false;
    };
    let (middle, suffix) = rest.rsplit_once(STAR).unwrap_or(("", rest));
    // The first place is as good as any for each part, because what follows it only has less room behind a later one.
    for part in middle.split(STAR) {
        let Some(found) = name.split_once(part).filter(|_| !part.is_empty()) else {
            if part.is_empty() {
                continue;
            }
            return false;
        };
        name = found.1;
    }
    name.ends_with(suffix)
}

/// The model that a name which no model has leads to: the pattern with the most characters of its own.
pub(super) fn best(models: &[Named], name: &str) -> Option<usize> {
    let patterns = models
        .iter()
        .enumerate()
        .filter(|(_, named)| named.model.pattern && covers(named.model.name.as_str(), name));
    patterns
        .max_by_key(|(index, named)| {
            (
                literal(named.model.name.as_str()),
                std::cmp::Reverse(*index),
            )
        })
        .map(|(index, _)| index)
}

/// Adds the model of a name that a pattern stands for, so that the name can have another one.
///
/// It goes to the same targets as the registry sends it to under its own name: where the catalog knows some that have it, to
/// those; else to those of whom it knows no model at all, which are servers of one's own; else to all of them.
pub(super) fn name_one(cx: &mut Cx<'_>, draft: &mut Draft, word: &Token) -> Option<usize> {
    let index = best(&draft.models, &word.text)?;
    let pattern = draft.models.get(index)?;
    let mut model = pattern.model.clone();
    model.pattern = false;
    model.name = cx.checked(word, "model name", word.text.parse())?;
    let rank = |target: &Target| {
        let provider = draft.providers.iter().find(|p| p.id == target.provider);
        let kind = provider.map_or("", |provider| provider.kind.row().key);
        let catalog = Catalog::embedded();
        let row = catalog.get(kind, &word.text);
        if row.is_some_and(|row| row.lifecycle.status != Status::Retired) {
            0
        } else if catalog.of_provider(kind).next().is_none() {
            1
        } else {
            2
        }
    };
    let through = |target: &&Target| target.model.is_none();
    let best = model.targets.iter().filter(through).map(rank).min();
    model
        .targets
        .retain(|target| !through(&target) || Some(rank(target)) == best);
    for target in &mut model.targets {
        if target.model.is_none() {
            target.model = Some(cx.checked(word, "model name", word.text.parse())?);
        }
    }
    let named = Named {
        model,
        at: word.at,
        targets: Vec::new(),
        aliases: Vec::new(),
        fallbacks: pattern.fallbacks.clone(),
        copy_of: Some(index),
    };
    draft.models.push(named);
    Some(draft.models.len() - 1)
}

/// Complains about two patterns of which none is more specific for some name.
pub(super) fn ambiguous(cx: &mut Cx<'_>, draft: &Draft) {
    let patterns = draft.models.iter().filter(|named| named.model.pattern);
    let mut sorted: Vec<&Named> = patterns.collect();
    sorted.sort_by_key(|named| literal(named.model.name.as_str()));
    for group in
        sorted.chunk_by(|a, b| literal(a.model.name.as_str()) == literal(b.model.name.as_str()))
    {
        for (index, second) in group.iter().enumerate() {
            let name = second.model.name.as_str();
            let earlier = group.get(..index).unwrap_or_default();
            let first = earlier.iter().find(|first| {
                let other = first.model.name.as_str();
                other != name && meet(other, name)
            });
            let Some(first) = first else { continue };
            cx.say(
                second.at,
                Diagnostic::error(
                    "ambiguous-pattern",
                    format!(
                        "`{name}` and `{}` stand for the same names, and none of them is more specific",
                        first.model.name
                    ),
                )
                .label("second pattern")
                .also(first.at.span, "first pattern")
                .hint(format!(
                    "a name such as `{}` could be meant by both; write more characters in one of them",
                    common(first.model.name.as_str(), name)
                )),
            );
        }
    }
}

/// How specific a pattern is.
fn literal(pattern: &str) -> usize {
    pattern.chars().filter(|c| *c != STAR).count()
}

/// Whether two patterns stand for some name both.
///
/// Between its first part and its last one a pattern takes whatever holds its other parts, so only the ends can be at
/// odds.
fn meet(a: &str, b: &str) -> bool {
    let ((a_prefix, a_suffix), (b_prefix, b_suffix)) = (ends(a), ends(b));
    (a_prefix.starts_with(b_prefix) || b_prefix.starts_with(a_prefix))
        && (a_suffix.ends_with(b_suffix) || b_suffix.ends_with(a_suffix))
}

/// What stands before the first star of a pattern, and behind the last one.
fn ends(pattern: &str) -> (&str, &str) {
    let prefix = pattern.split(STAR).next().unwrap_or_default();
    (prefix, pattern.rsplit(STAR).next().unwrap_or_default())
}

/// A name that both stand for.
fn common(a: &str, b: &str) -> String {
    let longer = |a: Option<&str>, b: Option<&str>| {
        let (a, b) = (a.unwrap_or_default(), b.unwrap_or_default());
        if a.len() < b.len() { b } else { a }.to_owned()
    };
    let middle = |pattern: &str| {
        let parts: Vec<&str> = pattern.split(STAR).collect();
        let inner = parts.get(1..parts.len().saturating_sub(1));
        inner.unwrap_or_default().concat()
    };
    [
        longer(a.split(STAR).next(), b.split(STAR).next()),
        middle(a),
        middle(b),
        longer(a.rsplit(STAR).next(), b.rsplit(STAR).next()),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, covered: &[&str], others: &[&str]) {
        for name in covered {
            assert!(covers(pattern, name), "{pattern} {name}");
        }
        for name in others {
            assert!(!covers(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        check("*", &["", "a", "gpt-4o"], &[]);
        check("gpt-*", &["gpt-", "gpt-4o"], &["gpt", "xgpt-4o"]);
        check("*-mini", &["gpt-4o-mini", "-mini"], &["gpt-4o-mini-2"]);
        check("a*b*c", &["abc", "aXbYc", "abbcc"], &["ac", "acb", "ab"]);
        check("ab*ba", &["abba", "abXba"], &["aba"]);
        check("a**b", &["ab", "axb"], &["a"]);
        check("a*x*x*b", &["axxb", "a-x-x-b"], &["axb"]);
    }

    #[test]
    fn patterns_meet_in_a_name() {
        for (a, b, expected) in [
            ("a*", "*a", true),
            ("a*", "b*", false),
            ("gpt-4*", "gpt-*o", true),
            ("*-mini", "*-nano", false),
            ("ab*yz", "a*xyz", true),
            ("a*1*c", "a*2*c", true),
            ("*", "x*", true),
        ] {
            assert_eq!(meet(a, b), expected, "{a} {b}");
            let name = common(a, b);
            assert_eq!(covers(a, &name) && covers(b, &name), expected, "{name}");
        }
    }
}
