//! `fallback_model`: models that take over from one another.

use std::collections::HashMap;

use super::{Draft, pattern};
use crate::caddyfile::context::Cx;
use crate::caddyfile::syntax::Token;
use crate::diagnostic::Diagnostic;

/// Complains where a model would in the end take over from itself.
pub(super) fn cycles(cx: &mut Cx<'_>, draft: &Draft, names: &HashMap<String, usize>) {
    let find = |word: &Token| {
        let named = names.get(&*word.text).copied();
        named.or_else(|| pattern::best(&draft.models, &word.text))
    };
    let edges: Vec<Vec<(usize, &Token)>> = draft
        .models
        .iter()
        .map(|named| {
            let words = named.fallbacks.iter();
            words.filter_map(|word| Some((find(word)?, word))).collect()
        })
        .collect();
    let mut done = vec![false; edges.len()];
    for start in 0..edges.len() {
        // The way from `start` to where the walk is, each with how many of its words were followed.
        let mut way: Vec<(usize, usize)> = vec![(start, 0)];
        while let Some(&mut (model, ref mut followed)) = way.last_mut() {
            let next = edges.get(model).and_then(|words| words.get(*followed));
            let Some(&(to, word)) = next.filter(|_| !is_done(&done, model)) else {
                if let Some(done) = done.get_mut(model) {
                    *done = true;
                }
                way.pop();
                continue;
            };
            *followed += 1;
            match way.iter().position(|(on_the_way, _)| *on_the_way == to) {
                Some(begin) => {
                    let round = way.get(begin..).unwrap_or_default();
                    complain(cx, draft, round, word);
                }
                None => way.push((to, 0)),
            }
        }
    }
}

fn is_done(done: &[bool], model: usize) -> bool {
    done.get(model).copied().unwrap_or(true)
}

/// Says the round that ends with `word`.
fn complain(cx: &mut Cx<'_>, draft: &Draft, round: &[(usize, usize)], word: &Token) {
    const SHOWN: usize = 8;
    let name = |&(model, _): &(usize, usize)| {
        let named = draft.models.get(model);
        named.map_or_else(String::new, |named| format!("`{}`", named.model.name))
    };
    let mut names: Vec<String> = round.iter().take(SHOWN).map(name).collect();
    if round.len() > SHOWN {
        names.push("…".to_owned());
    }
    names.extend(round.first().map(name));
    let shown = cx.shown(word);
    cx.say(
        word.at,
        Diagnostic::error(
            "fallback-cycle",
            format!("model `{shown}` would take over from itself"),
        )
        .label("leads back to where it began")
        .hint(format!("the round is {}", names.join(" → "))),
    );
}
