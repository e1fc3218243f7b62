//! Models, with what the catalog knows of them.

use std::borrow::Cow;
use std::collections::HashMap;

use ferrogate_catalog::{Bucket, Catalog, Mode, Prices};
use ferrogate_config::model::{AiGateway, Model, Provider};
use ferrogate_providers::{ModelSpec, TargetSpec};
use ferrogate_types::{ModelName, ProviderId};

use crate::lower::LowerError;

/// The catalog of a gateway: the embedded one, with the operator's own laid over it.
pub(super) fn of(gateway: &AiGateway) -> Result<Cow<'static, Catalog>, Vec<LowerError>> {
    let embedded = Catalog::embedded();
    let Some(path) = &gateway.price_catalog else {
        return Ok(Cow::Borrowed(embedded));
    };
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        vec![LowerError::new(
            "ai_gateway",
            format!("the price catalog `{file}` cannot be read: {error}"),
        )]
    })?;
    let own = Catalog::parse(&text, &file).map_err(|errors| {
        let each = errors
            .iter()
            .map(|error| LowerError::new("price_catalog", error.to_string()));
        each.collect::<Vec<_>>()
    })?;
    Ok(Cow::Owned(embedded.clone().overlay(own)))
}

/// Every model: those written, then those the catalog knows of providers that were found by their variables.
pub(super) fn models(gateway: &AiGateway, catalog: &Catalog) -> Vec<ModelSpec> {
    let kinds: HashMap<&ProviderId, &Provider> = gateway
        .providers
        .iter()
        .map(|provider| (&provider.id, provider))
        .collect();
    let written = gateway
        .models
        .iter()
        .map(|model| of_file(model, &kinds, catalog));
    let mut models: Vec<ModelSpec> = written.collect();
    let mut places: HashMap<ModelName, Option<usize>> = HashMap::new();
    for model in &models {
        for name in std::iter::once(&model.name).chain(&model.aliases) {
            places.insert(name.clone(), None);
        }
    }
    for provider in gateway.providers.iter().filter(|provider| provider.auto) {
        for row in catalog.of_provider(provider.kind.row().key) {
            let (Ok(name), Ok(model)) = (row.id.parse::<ModelName>(), row.id.parse()) else {
                continue;
            };
            let target = TargetSpec {
                provider: provider.id.clone(),
                model,
                traits: row.traits(),
                prices: row.prices.clone(),
            };
            match places.get(&name) {
                // What is written says more than what is known.
                Some(None) => {}
                Some(&Some(place)) => models[place].targets.push(target),
                None => {
                    places.insert(name.clone(), Some(models.len()));
                    models.push(ModelSpec {
                        name,
                        aliases: Vec::new(),
                        targets: vec![target],
                        capabilities: row
                            .capabilities
                            .iter()
                            .map(|word| word.as_str().to_owned())
                            .chain([mode(row.mode)])
                            .collect(),
                        context_window: row.context_window,
                        max_output_tokens: row.max_output_tokens,
                        disabled: false,
                    });
                }
            }
        }
    }
    models
}

fn mode(mode: Mode) -> String {
    mode.as_str().to_owned()
}

fn of_file(model: &Model, kinds: &HashMap<&ProviderId, &Provider>, catalog: &Catalog) -> ModelSpec {
    let targets: Vec<TargetSpec> = model
        .targets
        .iter()
        .map(|target| {
            let kind = kinds
                .get(&target.provider)
                .map(|provider| provider.kind.row().key);
            let row = kind.and_then(|kind| catalog.get(kind, target.model.as_str()));
            let mut traits = kind
                .map(|kind| catalog.traits(kind, target.model.as_str()))
                .unwrap_or_default();
            traits.max_output_tokens = model.max_output_tokens.or(traits.max_output_tokens);
            traits.context_window = model.context_window.or(traits.context_window);
            TargetSpec {
                provider: target.provider.clone(),
                model: target.model.clone(),
                traits,
                prices: prices(model, row.map(|row| &row.prices)),
            }
        })
        .collect();
    let first = targets.first().map(|target| &target.traits);
    ModelSpec {
        name: model.name.clone(),
        aliases: model.aliases.clone(),
        capabilities: model.capabilities.clone(),
        context_window: model.context_window.or_else(|| first?.context_window),
        max_output_tokens: model.max_output_tokens.or_else(|| first?.max_output_tokens),
        targets,
        disabled: model.disabled,
    }
}

/// The prices of the `model` block where it has any, else those of the catalog: half of one and half of the other
/// would be the price of nothing.
fn prices(model: &Model, known: Option<&Prices>) -> Prices {
    let written = [
        (Bucket::Input, model.input_price_per_1m),
        (Bucket::Output, model.output_price_per_1m),
        (Bucket::CachedInput, model.cached_input_price_per_1m),
        (Bucket::CacheWrite5m, model.cache_write_price_per_1m),
        (Bucket::Reasoning, model.reasoning_price_per_1m),
        (Bucket::Image, model.image_price),
        (Bucket::Minute, model.audio_minute_price),
        (Bucket::Characters, model.character_price_per_1m),
    ];
    if written.iter().all(|(_, price)| price.is_none()) {
        return known.cloned().unwrap_or_default();
    }
    written
        .into_iter()
        .fold(Prices::default(), |prices, (bucket, price)| match price {
            Some(price) => prices.with(bucket, price),
            None => prices,
        })
}
