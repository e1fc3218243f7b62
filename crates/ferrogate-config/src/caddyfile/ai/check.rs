//! References between providers, models and keys, once all are known.

use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;

use ferrogate_catalog::Catalog;

use super::Draft;
use crate::caddyfile::context::Cx;
use crate::caddyfile::syntax::{Place, Token};
use crate::diagnostic::Diagnostic;
use crate::suggest::did_you_mean;

/// Checks every name that refers to something else, and fills in what it stands for.
pub(super) fn references(cx: &mut Cx<'_>, draft: &mut Draft) {
    super::model::inventory(cx, draft);
    let names = model_names(cx, draft);
    let providers: BTreeSet<String> = draft
        .providers
        .iter()
        .map(|provider| provider.id.as_str().to_owned())
        .collect();
    for named in &draft.models {
        for word in &named.providers {
            let provider = word.text.split(':').next().unwrap_or_default();
            known(cx, word, "provider", provider, &providers);
        }
    }
    let mut models: BTreeSet<String> = names.into_keys().collect();
    if draft.auto.is_some() {
        // What the catalog says of these providers can be asked for, and allowed or denied, as well.
        let auto = draft.providers.iter().filter(|provider| provider.auto);
        let rows =
            auto.flat_map(|provider| Catalog::embedded().of_provider(provider.kind.row().key));
        models.extend(rows.map(|row| row.id.clone()));
    }
    for named in &mut draft.keys {
        named.key.allowed_models = resolve(cx, &named.allowed_models, "model", &models);
        named.key.denied_models = resolve(cx, &named.denied_models, "model", &models);
        named.key.allowed_providers = resolve(cx, &named.allowed_providers, "provider", &providers);
        named.key.denied_providers = resolve(cx, &named.denied_providers, "provider", &providers);
    }
}

/// Every name of a model with the model's index; adds aliases to their models.
fn model_names(cx: &mut Cx<'_>, draft: &mut Draft) -> HashMap<String, usize> {
    let mut names: HashMap<String, (usize, Place)> = HashMap::new();
    let mut claim = |cx: &mut Cx<'_>, name: &str, at: Place, index: usize| {
        if let Some((_, first)) = names.get(name) {
            cx.say(
                at,
                Diagnostic::error(
                    "duplicate-model",
                    format!("`{name}` is the name of two models"),
                )
                .label("second model")
                .also(first.span, "first model"),
            );
            return false;
        }
        names.insert(name.to_owned(), (index, at));
        true
    };
    for (index, named) in draft.models.iter_mut().enumerate() {
        claim(cx, named.model.name.as_str(), named.at, index);
        for word in &named.aliases {
            if claim(cx, &word.text, word.at, index) {
                named
                    .model
                    .aliases
                    .extend(cx.checked(word, "alias", word.text.parse()));
            }
        }
    }
    for alias in &draft.aliases {
        let found = names.get(&*alias.model.text).map(|&(index, _)| index);
        let Some(index) = found else {
            let models: BTreeSet<String> = if cx.report.is_full() {
                BTreeSet::new()
            } else {
                names.keys().cloned().collect()
            };
            known(cx, &alias.model, "model", &alias.model.text, &models);
            continue;
        };
        if let Some((_, first)) = names.get(&*alias.name.text) {
            cx.say(
                alias.name.at,
                Diagnostic::error(
                    "duplicate-model",
                    format!("`{}` is the name of two models", cx.shown(&alias.name)),
                )
                .label("second model")
                .also(first.span, "first model"),
            );
            continue;
        }
        names.insert(alias.name.text.to_string(), (index, alias.name.at));
        let name = cx.checked(&alias.name, "alias", alias.name.text.parse());
        if let Some(named) = draft.models.get_mut(index) {
            named.model.aliases.extend(name);
        }
    }
    names
        .into_iter()
        .map(|(name, (index, _))| (name, index))
        .collect()
}

fn resolve<T: FromStr>(
    cx: &mut Cx<'_>,
    words: &[Token],
    what: &str,
    names: &BTreeSet<String>,
) -> Vec<T> {
    words
        .iter()
        .filter(|word| known(cx, word, what, &word.text, names))
        .filter_map(|word| word.text.parse().ok())
        .collect()
}

fn known(cx: &mut Cx<'_>, word: &Token, what: &str, name: &str, names: &BTreeSet<String>) -> bool {
    if names.contains(name) {
        return true;
    }
    let hint = match did_you_mean(name, names.iter().map(String::as_str)) {
        hint if !hint.is_empty() || cx.report.is_full() => hint,
        _ if names.is_empty() => format!("define it: `{what} {name} ...`"),
        _ => format!(
            "defined here: {}",
            names
                .iter()
                .take(20)
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    };
    let shown = if word.expanded {
        cx.shown(word)
    } else {
        name.to_owned()
    };
    cx.say(
        word.at,
        Diagnostic::error(
            "unknown-reference",
            format!("{what} `{shown}` is not defined in this gateway"),
        )
        .label(format!("no such {what}"))
        .hint(hint),
    );
    false
}
