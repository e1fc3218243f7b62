//! `models` of a provider.

use ferrogate_types::routing::Routing;
use ferrogate_types::{ModelName, UpstreamModel};

use super::Named;
use crate::caddyfile::ai::Draft;
use crate::caddyfile::ai::pattern::STAR;
use crate::caddyfile::context::Cx;
use crate::diagnostic::Diagnostic;
use crate::model::{Model, OwnPrices, Target};

/// Adds the models that providers list, where no `model` has the name already.
pub(in crate::caddyfile::ai) fn add(cx: &mut Cx<'_>, draft: &mut Draft) {
    for (provider, word) in std::mem::take(&mut draft.inventory) {
        if word.text.contains(STAR) {
            let shown = cx.shown(&word);
            cx.say(
                word.at,
                Diagnostic::error("invalid-value", format!("`{shown}` is a pattern"))
                    .label("each model is listed by its own name")
                    .hint(format!("write `model {shown} -> {provider}`")),
            );
            continue;
        }
        let name: Option<ModelName> = cx.checked(&word, "model name", word.text.parse());
        let model: Option<UpstreamModel> = word.text.parse().ok();
        let (Some(name), Some(model)) = (name, model) else {
            continue;
        };
        let target = Target::new(provider, Some(model));
        let listed = draft
            .models
            .iter_mut()
            .find(|named| named.model.name == name);
        match listed {
            // Two providers that list it serve it one after the other; a `model` of that name says more.
            Some(named) if named.targets.is_empty() => named.model.targets.push(target),
            Some(_) => {}
            None => draft.models.push(Named {
                model: Model {
                    name,
                    aliases: Vec::new(),
                    pattern: false,
                    targets: vec![target],
                    routing: Routing::default(),
                    capabilities: Vec::new(),
                    context_window: None,
                    max_output_tokens: None,
                    prices: OwnPrices::default(),
                    disabled: false,
                    origin: cx.origin(&word),
                },
                at: word.at,
                targets: Vec::new(),
                aliases: Vec::new(),
                fallbacks: Vec::new(),
                copy_of: None,
            }),
        }
    }
}
