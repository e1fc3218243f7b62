//! References between providers, models and keys, once all are known.

use std::collections::{BTreeSet, HashMap};

use ferrogate_catalog::Catalog;
use ferrogate_types::{ModelName, TenantId};

use super::holder::{Holder, Lists};
use super::model::target;
use super::{Draft, fallback, model, pattern, tenant};
use crate::caddyfile::context::Cx;
use crate::caddyfile::syntax::{Place, Token};
use crate::diagnostic::Diagnostic;
use crate::suggest::did_you_mean;

/// Checks every name that refers to something else, and fills in what it stands for.
pub(super) fn references(cx: &mut Cx<'_>, draft: &mut Draft) {
    model::inventory::add(cx, draft);
    let providers: BTreeSet<String> = draft
        .providers
        .iter()
        .map(|provider| provider.id.as_str().to_owned())
        .collect();
    for named in &mut draft.models {
        for (written, target) in named.targets.iter().zip(&mut named.model.targets) {
            let provider = target.provider.as_str();
            known(cx, &written.word, "provider", provider, &providers);
            target::limits(cx, written, target, &draft.providers);
        }
    }
    let names = model_names(cx, draft);
    pattern::ambiguous(cx, draft);
    fallback::cycles(cx, draft, &names);
    // Permissions go by a model's own name, whichever of its names is listed.
    let own: HashMap<String, ModelName> = names
        .iter()
        .filter_map(|(name, &index)| {
            let named = draft.models.get(index)?;
            Some((name.clone(), named.model.name.clone()))
        })
        .collect();
    let mut models: BTreeSet<String> = names.into_keys().collect();
    if draft.auto.is_some() {
        // What the catalog says of these providers can be asked for, and allowed or denied, as well.
        let auto = draft.providers.iter().filter(|provider| provider.auto);
        let rows =
            auto.flat_map(|provider| Catalog::embedded().of_provider(provider.kind.row().key));
        models.extend(rows.map(|row| row.id.clone()));
    }
    let patterns: Vec<String> = draft
        .models
        .iter()
        .filter(|named| named.model.pattern)
        .map(|named| named.model.name.as_str().to_owned())
        .collect();
    for index in 0..draft.models.len() {
        let Some(named) = draft.models.get(index) else {
            break;
        };
        let found = match named.copy_of.and_then(|pattern| draft.models.get(pattern)) {
            Some(pattern) => pattern.model.routing.fallback_models.clone(),
            None => resolve(cx, &named.fallbacks, |cx, word| {
                is_model(cx, word, &models, &patterns).then(|| word.text.parse().ok())?
            }),
        };
        if let Some(named) = draft.models.get_mut(index) {
            named.model.routing.fallback_models = found;
        }
    }
    tenant::tree(cx, &mut draft.tenants);
    let tenants: Vec<TenantId> = draft
        .tenants
        .iter()
        .map(|named| named.tenant.id.clone())
        .collect();
    let lists = |cx: &mut Cx<'_>, holder: &Holder| {
        let model = |cx: &mut Cx<'_>, word: &Token| {
            let known = is_model(cx, word, &models, &patterns);
            let name = own.get(&*word.text).cloned();
            known.then(|| name.or_else(|| word.text.parse().ok()))?
        };
        let provider = |cx: &mut Cx<'_>, word: &Token| {
            let known = known(cx, word, "provider", &word.text, &providers);
            known.then(|| word.text.parse().ok())?
        };
        let downgrades: Vec<Option<ModelName>> = holder
            .budgets
            .iter()
            .map(|budget| model(cx, budget.downgrade.as_ref()?))
            .collect();
        let lists = Lists {
            allowed_models: resolve(cx, &holder.allowed_models, model),
            denied_models: resolve(cx, &holder.denied_models, model),
            allowed_providers: resolve(cx, &holder.allowed_providers, provider),
            denied_providers: resolve(cx, &holder.denied_providers, provider),
        };
        (lists, holder.limits(&downgrades))
    };
    for named in &mut draft.tenants {
        let (lists, limits) = lists(cx, &named.holder);
        let tenant = &mut named.tenant;
        tenant.limits = limits;
        tenant.allowed_models = lists.allowed_models;
        tenant.denied_models = lists.denied_models;
        tenant.allowed_providers = lists.allowed_providers;
        tenant.denied_providers = lists.denied_providers;
    }
    for named in &mut draft.keys {
        let (lists, limits) = lists(cx, &named.holder);
        let key = &mut named.key;
        key.limits = limits;
        key.allowed_models = lists.allowed_models;
        key.denied_models = lists.denied_models;
        key.allowed_providers = lists.allowed_providers;
        key.denied_providers = lists.denied_providers;
        if let Some(word) = &named.tenant {
            key.tenant = tenant_of(cx, word, &tenants);
        }
    }
    for named in &mut draft.jwt {
        if let Some(word) = &named.tenant {
            named.issuer.tenant = tenant_of(cx, word, &tenants);
        }
    }
}

/// The tenant that a word names.
fn tenant_of(cx: &mut Cx<'_>, word: &Token, tenants: &[TenantId]) -> Option<TenantId> {
    let found = tenants.iter().find(|id| id.as_str() == &*word.text);
    if found.is_none() {
        let names: Vec<&str> = tenants.iter().map(TenantId::as_str).collect();
        tenant::unknown(cx, word, &names);
    }
    found.cloned()
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
    let aliases = std::mem::take(&mut draft.aliases);
    for alias in &aliases {
        if let Some(star) = [&alias.name, &alias.model]
            .into_iter()
            .find(|word| word.text.contains(pattern::STAR))
        {
            let shown = cx.shown(star);
            cx.say(
                star.at,
                Diagnostic::error(
                    "pattern-alias",
                    format!("`{shown}` is a pattern, and aliases are for single names"),
                )
                .label("stands for many names")
                .hint(format!("write `model {shown} -> PROVIDER`")),
            );
            continue;
        }
        let mut found = names.get(&*alias.model.text).map(|&(index, _)| index);
        if found.is_none() {
            found = pattern::name_one(cx, draft, &alias.model);
            if let Some(index) = found {
                names.insert(alias.model.text.to_string(), (index, alias.model.at));
            }
        }
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

/// What the words stand for, each once.
fn resolve<T: Clone + Ord>(
    cx: &mut Cx<'_>,
    words: &[Token],
    find: impl Fn(&mut Cx<'_>, &Token) -> Option<T>,
) -> Vec<T> {
    let mut seen = BTreeSet::new();
    words
        .iter()
        .filter_map(|word| find(cx, word))
        .filter(|one| seen.insert(one.clone()))
        .collect()
}

/// Whether a word is the name of a model, or one that a pattern stands for.
fn is_model(cx: &mut Cx<'_>, word: &Token, models: &BTreeSet<String>, patterns: &[String]) -> bool {
    let pattern = word.text.contains(pattern::STAR);
    if pattern && models.contains(&*word.text) {
        let shown = cx.shown(word);
        cx.say(
            word.at,
            Diagnostic::error(
                "pattern-reference",
                format!("`{shown}` is a pattern, and single models are named here"),
            )
            .label("stands for many names")
            .hint("write the names that are meant"),
        );
        return false;
    }
    let covered = |pattern: &String| pattern::covers(pattern, &word.text);
    (!pattern && patterns.iter().any(covered)) || known(cx, word, "model", &word.text, models)
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
