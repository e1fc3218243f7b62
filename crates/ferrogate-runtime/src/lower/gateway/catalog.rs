//! Models, with what the catalog knows of them.

use std::borrow::Cow;
use std::collections::HashMap;

use ferrogate_catalog::{Bucket, Catalog, Mode, Prices};
use ferrogate_config::model::{AiGateway, Model, OwnPrices, Provider};
use ferrogate_providers::{ModelSpec, TargetSpec};
use ferrogate_types::{ModelName, ProviderId, UpstreamModel};

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
                traits: row.traits(),
                prices: row.prices.clone(),
                ..TargetSpec::new(provider.id.clone(), Some(model))
            };
            match places.get(&name) {
                // What is written says more than what is known.
                Some(None) => {}
                Some(&Some(place)) => models[place].targets.push(target),
                None => {
                    places.insert(name.clone(), Some(models.len()));
                    models.push(ModelSpec {
                        capabilities: row
                            .capabilities
                            .iter()
                            .map(|word| word.as_str().to_owned())
                            .chain([mode(row.mode)])
                            .collect(),
                        context_window: row.context_window,
                        max_output_tokens: row.max_output_tokens,
                        ..ModelSpec::new(name, vec![target])
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
            // What a pattern's target is asked for is not known yet.
            let known = kind.zip(target.model.as_ref().map(UpstreamModel::as_str));
            let row = known.and_then(|(kind, asked)| catalog.get(kind, asked));
            let mut traits = known
                .map(|(kind, asked)| catalog.traits(kind, asked))
                .unwrap_or_default();
            traits.max_output_tokens = model.max_output_tokens.or(traits.max_output_tokens);
            traits.context_window = model.context_window.or(traits.context_window);
            TargetSpec {
                provider: target.provider.clone(),
                model: target.model.clone(),
                traits,
                prices: prices([&target.prices, &model.prices], row.map(|row| &row.prices)),
                routing: target.routing.clone(),
                timeouts: target.timeouts.as_ref().map(super::timeouts),
                retry: target.retry.as_ref().map(super::retry_rule),
            }
        })
        .collect();
    let first = targets.first().map(|target| &target.traits);
    ModelSpec {
        aliases: model.aliases.clone(),
        capabilities: model.capabilities.clone(),
        context_window: model.context_window.or_else(|| first?.context_window),
        max_output_tokens: model.max_output_tokens.or_else(|| first?.max_output_tokens),
        disabled: model.disabled,
        pattern: model.pattern,
        routing: model.routing.clone(),
        ..ModelSpec::new(model.name.clone(), targets)
    }
}

/// The first prices that say anything, else those of the catalog: half of one and half of the other would be the
/// price of nothing.
fn prices(written: [&OwnPrices; 2], known: Option<&Prices>) -> Prices {
    let own = written.map(of_file_prices).into_iter().flatten().next();
    own.or_else(|| known.cloned()).unwrap_or_default()
}

/// Prices as written; `None` where none is.
fn of_file_prices(written: &OwnPrices) -> Option<Prices> {
    let buckets = [
        (Bucket::Input, written.input_price_per_1m),
        (Bucket::Output, written.output_price_per_1m),
        (Bucket::CachedInput, written.cached_input_price_per_1m),
        (Bucket::CacheWrite5m, written.cache_write_price_per_1m),
        (Bucket::Reasoning, written.reasoning_price_per_1m),
        (Bucket::Image, written.image_price),
        (Bucket::Minute, written.audio_minute_price),
        (Bucket::Characters, written.character_price_per_1m),
    ];
    let mut prices = buckets
        .into_iter()
        .filter_map(|(bucket, price)| Some((bucket, price?)))
        .peekable();
    prices.peek()?;
    Some(prices.fold(Prices::default(), |prices, (bucket, price)| {
        prices.with(bucket, price)
    }))
}
